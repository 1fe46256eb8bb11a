"""Looking through an audit log, wherever it is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from authz.audit.chain import Link

#: A record as JSON knows values.
Record = Mapping[str, Any]

#: What went wrong or was refused.
_REFUSED: Final = (
    "decision:deny",
    "request:malformed",
    "identity:invalid",
    "session:sign-in:failure",
    "session:sign-in:delayed",
    "policy:refused",
    "policy:change-refused",
    "person:change-refused",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which records somebody looks for; all of what is given must hold."""

    #: The beginning of the event: `decision`, `policy:changed`.
    event: str = ""
    #: The name of who asked or acted.
    subject: str = ""
    #: What was changed.
    about: str = ""
    #: The beginning of the path.
    path: str = ""
    #: The number that somebody was told to quote.
    request_id: str = ""
    #: Only what was refused, if True.
    denied: bool = False
    #: Only what an administrator changed, or tried to.
    changes: bool = False
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, record: Record) -> bool:
        """Return whether *record* is one of those."""
        event = str(record.get("event", ""))
        if self.event and f"{event}:".find(f"{self.event}:") != 0:
            return False
        if self.path and not str(record.get("path", "")).startswith(self.path):
            return False
        for key, wanted in (
            ("subject", self.subject),
            ("about", self.about),
            ("request_id", self.request_id),
        ):
            if wanted and record.get(key) != wanted:
                return False
        if (self.denied and event not in _REFUSED) or (
            self.changes and "about" not in record
        ):
            return False
        if self.since is None and self.until is None:
            return True
        at = time_of(record)
        return (self.since is None or at >= self.since) and (
            self.until is None or at < self.until
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Some of the records, in the order that was asked for."""

    records: tuple[Record, ...]
    #: The number to go on from, for `before`; None if there is no more.
    next_before: int | None = None
    #: Likewise for `after`.
    next_after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a look at the whole chain found."""

    #: How many records were followed.
    count: int
    #: Where the chain stands: note it elsewhere to see later that nothing is cut off.
    link: Link
    #: The number of the first record that is kept.
    first: int
    #: What is wrong, and where: `audit.jsonl:17: ...`. Empty if nothing is.
    problems: Sequence[str] = ()


class AuditLog(Protocol):
    """An audit log that can be looked through."""

    def find(
        self,
        wanted: Wanted,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
    ) -> Found:
        """Return the newest records that are *wanted*, below number *before*.

        With *after*, those above that number, the oldest first. Raises `StoreError`.
        """

    def verify(self, *, head: str = "") -> Verified:
        """Follow the whole chain, and see that the hash *head* is in it.

        Raises `StoreError`.
        """


def time_of(record: Record) -> datetime:
    """Return when *record* happened. Raises `ValueError` if it does not say."""
    at = datetime.fromisoformat(str(record.get("at", "")))
    if at.tzinfo is None:
        raise ValueError("the time has no zone")
    return at
