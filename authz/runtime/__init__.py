"""The frozen bundle that one guarded app needs, and how it is put together.

Knows no web framework.
"""

from authz.runtime.policies import build_content as build_content
from authz.runtime.policies import columns_of as columns_of
from authz.runtime.policies import load_policy as load_policy
from authz.runtime.policies import policy_of as policy_of
from authz.runtime.policies import takes_scopes as takes_scopes
from authz.runtime.runtime import Runtime as Runtime
from authz.runtime.startup import start as start
from authz.runtime.startup import warn as warn
from authz.runtime.stores import open_all as open_all
from authz.runtime.stores import refuse_open as refuse_open
