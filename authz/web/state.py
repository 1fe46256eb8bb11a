"""What the hook found out about a request, kept with that very request.

A view asks the request object: `g` may live longer than a request, and an environ may
be handed on to another app.
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final

from flask import Request, request
from werkzeug.routing import Rule

from authz.decision import (
    ANONYMOUS,
    AccessRequest,
    Decision,
    Effect,
    Reason,
    Subject,
)
from authz.errors import AuthzError
from authz.scope import AskedScope

#: Where the middleware, which has no request object, finds the state.
ENVIRON_KEY: Final = "authz.state"
#: Where copies of an environ share what was decided last: a list of one.
DECIDED_KEY: Final = "authz.decided"
#: Where middleware's requests hold what the app would see of them, and a list that is
#: filled when somebody was told what was decided.
SEEN_KEY: Final = "authz.seen"
CONCLUDED_KEY: Final = "authz.concluded"


class RequestState:
    """What was asked and decided about one request, and whether its view may run."""

    __slots__ = (
        "decision",
        "method",
        "path",
        "public",
        "rule",
        "scope",
        "subject",
        "viewer",
    )

    #: Set as soon as the policy has answered; there is no state without one.
    decision: Decision

    subject: Subject
    path: str
    method: str
    #: The route it was decided about; None if nothing serves it.
    rule: Rule | None
    #: What the request is about, as its route declares it.
    scope: AskedScope
    #: Whether the app declared the endpoint public: the answer depends on nobody.
    public: bool
    #: The name of who looks as the subject; empty if they do so themselves.
    viewer: str

    @property
    def asked(self) -> AccessRequest:
        """What was asked, as a value."""
        return AccessRequest(
            subject=self.subject,
            path=self.path,
            method=self.method,
            scope=self.scope,
        )


def new_state(
    subject: Subject,
    path: str,
    method: str,
    rule: Rule | None = None,
    scope: AskedScope = None,
) -> RequestState:
    """Return what is known of a request before it is decided.

    A function and no `__init__`, which takes twice as long.
    """
    state = RequestState()
    state.subject = subject
    state.path = path
    state.method = method
    state.rule = rule
    state.scope = scope
    state.public = False
    state.viewer = ""
    return state


class NoDecision(AuthzError):
    """Nothing was decided about this request, so nothing may be shown or run."""


#: Returns the request itself, not a proxy to it; RuntimeError if there is none.
current_request: Final[Callable[[], Request]] = request._get_current_object  # type: ignore[attr-defined]  # noqa: SLF001


def keep_state(on: Request, state: RequestState) -> None:
    """Keep *state* with the request *on*."""
    on._authz_state = state  # type: ignore[attr-defined]  # noqa: SLF001
    note_state(on.environ, state)


def note_state(environ: MutableMapping[str, Any], state: RequestState) -> None:
    """Tell what looks at the answer to *environ* what was decided: *state*."""
    environ[ENVIRON_KEY] = state
    if DECIDED_KEY in environ:
        environ[DECIDED_KEY][0] = state


def refused_state(
    path: str, method: str, *, reason: Reason, revision: str
) -> RequestState:
    """Return what is known of a request that is refused before it is known who asks."""
    state = new_state(ANONYMOUS, path, method)
    state.decision = Decision(
        effect=Effect.DENY, reason=reason, rules=(), revision=revision
    )
    return state


def state_of(on: Request) -> RequestState | None:
    """Return what is known about the request *on*, if the hook has seen it."""
    return getattr(on, "_authz_state", None)


def viewer_in(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return what an event tells of who looks as the subject of a request."""
    state = environ.get(ENVIRON_KEY)
    return {"viewer": state.viewer} if state is not None and state.viewer else {}


def current_state() -> RequestState:
    """Return what is known about the current request.

    Raises:
        NoDecision: if there is no request, or the hook has not seen it.
    """
    try:
        current = current_request()
        # What runs in middleware, for a connection, has a request that no hook saw.
        state = state_of(current) or current.environ.get(ENVIRON_KEY)
    except RuntimeError:
        state = None
    if state is None:
        raise NoDecision(
            "there is no decision here: ask while a request is handled, "
            "after authz's hook has run"
        )
    return state
