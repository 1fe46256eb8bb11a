"""What happened, as values that a program and a person can read later.

An event never holds a token, a cookie or a password. It is written as one line of
ASCII JSON, so nothing a client sends can begin a line of its own.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol, Self, TypedDict, Unpack

from authz.decision import Asked, Decision, kept_of

Clock = Callable[[], datetime]

#: A client may send more than this; a log need not repeat it.
MAX_TEXT: Final = 1024
#: A change may touch more lines than this; the history has them all.
MAX_LINES: Final = 200


class EventTag(StrEnum):
    """What kind of event it is: `source:subject:outcome`."""

    #: A request was allowed. Written only with AUTHZ_AUDIT_ALLOWS.
    DECISION_ALLOW = "decision:allow"
    #: A request was refused.
    DECISION_DENY = "decision:deny"
    #: A request would be refused, but AUTHZ_MODE is `report`, so it was let through.
    DECISION_WOULD_DENY = "decision:would-deny"
    #: The candidate of AUTHZ_SHADOW_POLICY would answer otherwise; `detail` says how,
    #: and how often since this was told last.
    SHADOW_DIFFERS = "shadow:differs"
    #: A response was about to leave, or a view to run, that no decision covers.
    DECISION_MISSING = "decision:missing"
    #: The path or the method was not in canonical form.
    REQUEST_MALFORMED = "request:malformed"
    #: A proxy asked about a request in a way that cannot be answered, or somebody asked
    #: who is no listed proxy; `reason` says why, `detail` names header and host.
    FORWARD_REFUSED = "forward:refused"
    #: The form of an admin page, or for signing out, was refused; `reason` says why, as
    #: for a sign-in, or `does-not-fit`: it named what is no scope, or two.
    FORM_REFUSED = "request:form-refused"
    #: A credential was present but did not hold.
    IDENTITY_INVALID = "identity:invalid"
    #: Identity headers came from a peer that is not believed, and were taken away.
    #: Once a minute for each peer.
    IDENTITY_IGNORED = "identity:ignored"
    #: Somebody has groups that no policy can name, and they were left out. Once a
    #: minute for each person.
    GROUPS_DROPPED = "identity:groups-dropped"
    #: Somebody signed in with a password.
    SIGN_IN_SUCCESS = "session:sign-in:success"
    #: A name and a password did not belong together. The name is not kept.
    SIGN_IN_FAILURE = "session:sign-in:failure"
    #: A sign-in was refused before the password was looked at; `reason` says why.
    SIGN_IN_REFUSED = "session:sign-in:refused"
    #: Somebody guessed too often and has to wait.
    SIGN_IN_DELAYED = "session:sign-in:delayed"
    #: Somebody signed out.
    SIGN_OUT = "session:sign-out"
    #: Somebody ended a session of theirs from another one; `detail` says which.
    SESSION_ENDED = "session:ended"
    #: A changed policy is in force.
    POLICY_LOADED = "policy:loaded"
    #: A changed policy cannot be used; the old one stays in force.
    POLICY_REFUSED = "policy:refused"
    #: People, sessions or tokens cannot be read and stay as they were; `detail` says
    #: which, and why.
    STORE_UNREAD = "store:unread"
    #: Another program changed a table; `detail` says which. In casbin_rule that is not
    #: in force: `after` are the lines that it added, `before` those that it removed. Of
    #: people, sessions and API tokens it is, and `after` says what is another way.
    STORE_EDITED = "store:edited"
    #: The database was restored from a backup under the running app; `detail` says how
    #: far it went back, and which people and tokens came back.
    STORE_RESTORED = "store:restored"
    #: Somebody has looked at what a restored backup brought back; sessions were ended.
    STORE_TAKEN_UP = "store:taken-up"
    #: An administrator changed rules or grants; `before` and `after` hold the lines.
    POLICY_CHANGED = "policy:changed"
    #: A request to the admin API that was to change something was answered with an
    #: error; `reason` is the answer's, `detail` has its status.
    API_REFUSED = "api:refused"
    #: What an administrator wanted to change was refused; `reason` says why.
    POLICY_CHANGE_REFUSED = "policy:change-refused"
    #: A change was recorded here, and then the store could not keep it.
    POLICY_CHANGE_FAILED = "policy:change-failed"
    #: An administrator added a person.
    PERSON_ADDED = "person:added"
    #: An administrator changed a person: `before` and `after` say what.
    PERSON_CHANGED = "person:changed"
    #: An administrator removed a person.
    PERSON_REMOVED = "person:removed"
    #: A password was set. Neither it nor its hash is kept here.
    PASSWORD_CHANGED = "person:password-changed"  # noqa: S105 - no password
    #: A link was made with which a person can set their own password, once. The link
    #: is not kept here; `after` says until when it holds.
    PASSWORD_LINK_MADE = "person:password-link-made"  # noqa: S105 - no password
    #: A person set their password with such a link; it cannot be used again.
    PASSWORD_LINK_USED = "person:password-link-used"  # noqa: S105 - no password
    #: An administrator ended all sessions of a person.
    PERSON_SIGNED_OUT = "person:signed-out"
    #: An administrator made an API token. It is not kept here.
    TOKEN_ADDED = "token:added"  # noqa: S105 - no token
    #: An administrator revoked an API token.
    TOKEN_REVOKED = "token:revoked"  # noqa: S105 - no token
    #: A key was made that signs who asks, for apps behind `authz serve`; `about` is
    #: its `kid`, `after` says from when it signs. It is not kept here.
    SIGNING_KEY_ADDED = "signing-key:added"
    #: Whoever has a shell on the host let somebody administer for some minutes.
    BREAK_GLASS_OPENED = "break-glass:opened"
    #: The code that was given out for it was used; it cannot be used again.
    BREAK_GLASS_USED = "break-glass:used"
    #: A request was made with it, whatever became of it.
    BREAK_GLASS_REQUEST = "break-glass:request"
    #: An administrator began to view the app as the person in `about`; `after` says
    #: until when at the latest. Decisions from then on name them as `viewer`.
    VIEW_AS_BEGUN = "view-as:begun"
    #: They ended it, or its time was up; `detail` says so then.
    VIEW_AS_ENDED = "view-as:ended"
    #: A change of a person or a token was refused; `reason` says why.
    PERSON_CHANGE_REFUSED = "person:change-refused"
    #: The change of a person was recorded here, and then it could not be kept.
    PERSON_CHANGE_FAILED = "person:change-failed"
    #: A person got an account on another server, or was allowed to share one.
    LINKED_ACCOUNT_ADDED = "linked-account:added"
    #: A linked account was forgotten, or all of a person.
    LINKED_ACCOUNT_REMOVED = "linked-account:removed"
    #: Linking was tried and the other server did not let them in; `reason` says why.
    LINKED_ACCOUNT_REFUSED = "linked-account:refused"
    #: A linked account was found not to work any more, or to work again.
    LINKED_ACCOUNT_CHECKED = "linked-account:checked"
    #: Something was not done because it could not be done in the linked account.
    LINKED_ACCOUNT_UNUSED = "linked-account:unused"
    #: Something was done in another account than the linked one: look into it.
    LINKED_ACCOUNT_BYPASSED = "linked-account:bypassed"
    #: A change of a linked account was recorded here, and then it could not be kept.
    LINKED_ACCOUNT_FAILED = "linked-account:change-failed"
    #: The last record was half written when the server died; it was cut off.
    AUDIT_MENDED = "audit:mended"
    #: Records that had been written are missing; `detail` says which.
    AUDIT_CUT = "audit:cut"
    #: Events came faster than they could be written; `detail` says how many are lost.
    AUDIT_DROPPED = "audit:dropped"


#: Events that are written down before what they tell of takes effect. A sink that
#: cannot keep one raises `AuditFailure`, and nothing is changed.
CHANGES: Final = frozenset(
    {
        EventTag.POLICY_CHANGED,
        EventTag.PERSON_ADDED,
        EventTag.PERSON_CHANGED,
        EventTag.PERSON_REMOVED,
        EventTag.PASSWORD_CHANGED,
        EventTag.PASSWORD_LINK_MADE,
        EventTag.PASSWORD_LINK_USED,
        EventTag.PERSON_SIGNED_OUT,
        EventTag.SESSION_ENDED,
        EventTag.TOKEN_ADDED,
        EventTag.TOKEN_REVOKED,
        EventTag.SIGNING_KEY_ADDED,
        EventTag.BREAK_GLASS_OPENED,
        EventTag.BREAK_GLASS_USED,
        EventTag.VIEW_AS_BEGUN,
        EventTag.LINKED_ACCOUNT_ADDED,
        EventTag.LINKED_ACCOUNT_REMOVED,
        EventTag.STORE_RESTORED,
        EventTag.STORE_TAKEN_UP,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One thing that happened."""

    tag: EventTag
    #: When, with time zone.
    at: datetime
    #: The name of who asked, `user:alice` or `auth:anonymous`; empty if not known.
    subject: str = ""
    #: Every name the policy knows them by, so that the decision can be made again.
    names: tuple[str, ...] = ()
    #: The address at the other end of the socket.
    peer: str = ""
    #: The address of the client, as far as listed proxies vouch for it: the peer's,
    #: without one.
    client: str = ""
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
    #: What was changed: `policy`, or the name of a person or token.
    about: str = ""
    #: What it was and what it became, as lines.
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    #: Why, in the words of who did it.
    note: str = ""
    #: What else matters for this kind of event.
    detail: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_dropped(cls, count: int, at: datetime) -> "AuditEvent":
        """Return that *count* events were dropped, as was noticed *at* a moment."""
        return cls(tag=EventTag.AUDIT_DROPPED, at=at, detail={"count": str(count)})

    @classmethod
    def of_decision(  # noqa: PLR0913 - what a decision is told with
        cls,
        tag: EventTag,
        at: datetime,
        asked: Asked,
        decision: Decision,
        *,
        peer: str = "",
        client: str = "",
        request_id: str = "",
        detail: Mapping[str, str] | None = None,
    ) -> Self:
        """Return the event that *decision* was made about *asked*."""
        return cls(
            tag=tag,
            at=at,
            subject=asked.subject.name,
            names=tuple(sorted(asked.subject.names)),
            peer=peer,
            client=client,
            method=asked.method,
            path=asked.path,
            reason=str(decision.reason),
            rules=tuple(str(rule.origin) for rule in decision.rules),
            revision=decision.revision,
            request_id=request_id,
            detail={**kept_of(asked), **(detail or {})},
        )

    @property
    def is_change(self) -> bool:
        """Whether a sink must keep it before what it tells of takes effect."""
        return self.tag in CHANGES

    def as_json(self) -> str:
        """Return the event as one line of ASCII JSON, empty fields left out."""
        return json.dumps(self.as_record(), ensure_ascii=True)

    def as_record(self) -> dict[str, Any]:  # noqa: C901, PLR0912 - field by field
        """Return the event as JSON knows values, empty fields left out."""
        at = self.at.isoformat(timespec="milliseconds")
        record: dict[str, Any] = {"at": at, "event": str(self.tag)}
        if self.subject:
            record["subject"] = _short(self.subject)
        # A path that is cut cannot be decided again.
        if self.names and len(self.path) <= MAX_TEXT:
            record["names"] = [*self.names]
        if self.peer:
            record["peer"] = _short(self.peer)
        if self.client:
            record["client"] = _short(self.client)
        if self.method:
            record["method"] = _short(self.method)
        if self.path:
            record["path"] = _short(self.path)
        if self.reason:
            record["reason"] = self.reason
        if self.rules:
            record["rules"] = [*self.rules]
        if self.revision:
            record["revision"] = self.revision
        if self.request_id:
            record["request_id"] = self.request_id
        if self.about:
            record["about"] = _short(self.about)
        if self.before:
            record["before"] = _few(self.before)
        if self.after:
            record["after"] = _few(self.after)
        if self.note:
            record["note"] = _short(self.note)
        if self.detail:
            record["detail"] = {key: _short(text) for key, text in self.detail.items()}
        return record


class EventAddresses(TypedDict, total=False):
    """Where a request came from, as an event tells it."""

    peer: str
    client: str


class EventContent(TypedDict, total=False):
    """What an event tells beside what happened, when, and who asked from where."""

    names: tuple[str, ...]
    method: str
    path: str
    reason: str
    rules: tuple[str, ...]
    revision: str
    about: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    note: str
    detail: Mapping[str, str]


class EventFields(EventAddresses, EventContent, total=False):
    """All that an event may tell beside what happened, and when."""

    subject: str
    request_id: str


class RecordEvent(Protocol):
    """What records an event that happens now."""

    def __call__(self, tag: EventTag, /, **fields: Unpack[EventFields]) -> None:
        """Record the event of this kind."""


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "..."


def _few(lines: tuple[str, ...]) -> list[str]:
    few = [_short(line) for line in lines[:MAX_LINES]]
    if len(lines) > MAX_LINES:
        few.append(f"... and {len(lines) - MAX_LINES} more")
    return few
