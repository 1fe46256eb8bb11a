"""The vocabulary that policy and identity share.

Is this **subject** allowed to perform this **method** on this **path**?
"""

from authz.decision.answer import Decision as Decision
from authz.decision.answer import Explanation as Explanation
from authz.decision.answer import Reason as Reason
from authz.decision.answer import RulePath as RulePath
from authz.decision.answer import alone as alone
from authz.decision.answer import combine as combine
from authz.decision.answer import no_rule as no_rule
from authz.decision.answer import outcome as outcome
from authz.decision.in_force import PolicyHolder as PolicyHolder
from authz.decision.in_force import PolicyInForce as PolicyInForce
from authz.decision.in_force import whole_of as whole_of
from authz.decision.policy import Policy as Policy
from authz.decision.policy import closure as closure
from authz.decision.policy import grants_by_member as grants_by_member
from authz.decision.request import ABOUT_NOTHING as ABOUT_NOTHING
from authz.decision.request import SAFE_METHODS as SAFE_METHODS
from authz.decision.request import About as About
from authz.decision.request import AccessRequest as AccessRequest
from authz.decision.request import Asked as Asked
from authz.decision.request import kept_of as kept_of
from authz.decision.rule import PLAIN_COLUMNS as PLAIN_COLUMNS
from authz.decision.rule import SCOPED_COLUMNS as SCOPED_COLUMNS
from authz.decision.rule import Effect as Effect
from authz.decision.rule import Grant as Grant
from authz.decision.rule import Origin as Origin
from authz.decision.rule import Rule as Rule
from authz.decision.rule import has_scope as has_scope
from authz.decision.subject import ANONYMOUS as ANONYMOUS
from authz.decision.subject import ANONYMOUS_METHOD as ANONYMOUS_METHOD
from authz.decision.subject import AUTHENTICATED as AUTHENTICATED
from authz.decision.subject import EVERYONE as EVERYONE
from authz.decision.subject import NO_GROUPS as NO_GROUPS
from authz.decision.subject import DroppedGroup as DroppedGroup
from authz.decision.subject import Groups as Groups
from authz.decision.subject import Subject as Subject
from authz.decision.subject import signed_in as signed_in
