"""Policy-as-code authorization for Flask apps behind a reverse proxy, on Casbin."""

from authz.decision import AccessRequest as AccessRequest
from authz.decision import Decision as Decision
from authz.decision import Effect as Effect
from authz.decision import Explanation as Explanation
from authz.decision import Reason as Reason
from authz.decision import Subject as Subject
from authz.errors import AuthzError as AuthzError
from authz.errors import InvalidCredentials as InvalidCredentials
from authz.errors import PolicyError as PolicyError
from authz.errors import Problem as Problem
from authz.errors import SettingsError as SettingsError
from authz.errors import StoreError as StoreError
from authz.extension import Authz as Authz
from authz.extension import can as can
from authz.extension import current_decision as current_decision
from authz.extension import current_subject as current_subject
from authz.extension import explain as explain

__all__ = [
    "AccessRequest",
    "Authz",
    "AuthzError",
    "Decision",
    "Effect",
    "Explanation",
    "InvalidCredentials",
    "PolicyError",
    "Problem",
    "Reason",
    "SettingsError",
    "StoreError",
    "Subject",
    "can",
    "current_decision",
    "current_subject",
    "explain",
]
