"""Policy-as-code authorization for Flask apps behind a reverse proxy, on Casbin."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from authz.audit import AuditEvent as AuditEvent
    from authz.audit import AuditSink as AuditSink
    from authz.audit import EventTag as EventTag
    from authz.audit import LoggingSink as LoggingSink
    from authz.audit import Tee as Tee
    from authz.decision import AccessRequest as AccessRequest
    from authz.decision import Decision as Decision
    from authz.decision import Effect as Effect
    from authz.decision import Explanation as Explanation
    from authz.decision import Reason as Reason
    from authz.decision import Subject as Subject
    from authz.decision import signed_in as signed_in
    from authz.errors import AuditFailure as AuditFailure
    from authz.errors import AuthzError as AuthzError
    from authz.errors import InvalidCredentials as InvalidCredentials
    from authz.errors import InvalidValue as InvalidValue
    from authz.errors import PolicyError as PolicyError
    from authz.errors import Problem as Problem
    from authz.errors import SettingsError as SettingsError
    from authz.errors import StoreError as StoreError
    from authz.extension import Authz as Authz
    from authz.extension import Guarded as Guarded
    from authz.extension import can as can
    from authz.extension import current_decision as current_decision
    from authz.extension import current_subject as current_subject
    from authz.extension import explain as explain
    from authz.extension import get_authz as get_authz
    from authz.extension import scopes as scopes
    from authz.extension import still_allowed as still_allowed
    from authz.extension import viewed_by as viewed_by
    from authz.identity.source import IdentitySource as IdentitySource
    from authz.identity.source import RequestFacts as RequestFacts
    from authz.scope import Scope as Scope
    from authz.scope import Scopes as Scopes
    from authz.scope import ScopeSet as ScopeSet
    from authz.web.scopes import scoped as scoped
    from authz.web.state import NoDecision as NoDecision

#: Where each public name is defined. They are imported when they are first used
#: (PEP 562): a command that asks a question of one file loads no web framework.
_DEFINED_IN: Final = {
    "authz.audit": ("AuditEvent", "AuditSink", "EventTag", "LoggingSink", "Tee"),
    "authz.decision": (
        "AccessRequest",
        "Decision",
        "Effect",
        "Explanation",
        "Reason",
        "Subject",
        "signed_in",
    ),
    "authz.errors": (
        "AuditFailure",
        "AuthzError",
        "InvalidCredentials",
        "InvalidValue",
        "PolicyError",
        "Problem",
        "SettingsError",
        "StoreError",
    ),
    "authz.extension": (
        "Authz",
        "Guarded",
        "can",
        "current_decision",
        "current_subject",
        "explain",
        "get_authz",
        "scopes",
        "still_allowed",
        "viewed_by",
    ),
    "authz.identity.source": ("IdentitySource", "RequestFacts"),
    "authz.scope": ("Scope", "ScopeSet", "Scopes"),
    "authz.web.scopes": ("scoped",),
    "authz.web.state": ("NoDecision",),
}
_HOME: Final = {name: home for home, names in _DEFINED_IN.items() for name in names}

__all__ = [  # noqa: PLE0604 - checked against the imports above by a test
    *sorted(_HOME),
]


def __getattr__(name: str) -> Any:
    """Return a public name from where it is defined."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
