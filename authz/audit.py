"""What happened, as values that a program and a person can read later.

An event never holds a token, a cookie or a password. It is written as one line of
ASCII JSON, so nothing a client sends can begin a line of its own.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol

Clock = Callable[[], datetime]

#: A client may send more than this; a log need not repeat it.
_MAX_TEXT: Final = 1024


class EventTag(StrEnum):
    """What kind of event it is: `source:subject:outcome`."""

    DECISION_ALLOW = "decision:allow"
    DECISION_DENY = "decision:deny"
    #: A response was about to leave, or a view to run, that no decision covers.
    DECISION_MISSING = "decision:missing"
    REQUEST_MALFORMED = "request:malformed"
    IDENTITY_INVALID = "identity:invalid"
    SIGN_IN_SUCCESS = "session:sign-in:success"
    SIGN_IN_FAILURE = "session:sign-in:failure"
    SIGN_IN_DELAYED = "session:sign-in:delayed"
    SIGN_OUT = "session:sign-out"
    #: A session ended because a password or a role changed.
    SESSION_ENDED = "session:ended"
    POLICY_LOADED = "policy:loaded"
    POLICY_REFUSED = "policy:refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One thing that happened."""

    tag: EventTag
    #: When, with time zone.
    at: datetime
    #: The name of who asked, `user:alice` or `auth:anonymous`; empty if not known.
    subject: str = ""
    #: The address at the other end of the socket.
    peer: str = ""
    method: str = ""
    path: str = ""
    #: A stable machine word: a `Reason`, or why a credential was refused.
    reason: str = ""
    #: The origins of the rules that decided.
    rules: tuple[str, ...] = ()
    #: The policy's revision.
    revision: str = ""
    #: What the person who was refused was told to quote.
    request_id: str = ""
    #: What else matters for this kind of event.
    detail: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return the event as one line of ASCII JSON, empty fields left out."""
        return json.dumps(
            {key: value for key, value in self._fields() if value}, ensure_ascii=True
        )

    def _fields(self) -> list[tuple[str, Any]]:
        return [
            ("at", self.at.isoformat(timespec="milliseconds")),
            ("event", str(self.tag)),
            ("subject", _short(self.subject)),
            ("peer", _short(self.peer)),
            ("method", _short(self.method)),
            ("path", _short(self.path)),
            ("reason", self.reason),
            ("rules", list(self.rules)),
            ("revision", self.revision),
            ("request_id", self.request_id),
            ("detail", {key: _short(value) for key, value in self.detail.items()}),
        ]


class AuditSink(Protocol):
    """Where events go."""

    def record(self, event: AuditEvent) -> None:
        """Keep *event*."""
        ...


class LoggingSink:
    """Writes events to the logger `authz.audit`: refusals as warnings."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger("authz.audit")

    def record(self, event: AuditEvent) -> None:
        """Log *event* as one line."""
        level = logging.INFO if event.tag in _QUIET else logging.WARNING
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", event.as_json())


_QUIET: Final = frozenset(
    {
        EventTag.DECISION_ALLOW,
        EventTag.SIGN_IN_SUCCESS,
        EventTag.SIGN_OUT,
        EventTag.POLICY_LOADED,
    }
)


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


def _short(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "..."
