"""A policy as its keeper sees it: entries that can be changed, one revision at a time.

The engine works with rules and grants; whoever administers them works with entries,
which have an identity, a note and an author beside the rule or grant they hold.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, TypedDict, Unpack

from authz.errors import Problem
from authz.policy.csv_rows import Row, spell

#: The longest note on an entry or a change.
MAX_NOTE: Final = 500

#: Checks a change by the entries before it and those it would leave; raises to refuse
#: it. What cannot be read, and so decides nothing, has no entries.
Check = Callable[[Sequence["Entry"], Sequence["Entry"]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One rule or grant, as a store keeps it."""

    #: What names this entry within its store, at this revision: `17` in a database,
    #: `L17` for line 17 of a file.
    id: str
    #: The rule or grant as one row: kind `p` or `g`, and its fields.
    row: Row
    #: Why it is there, in the words of who wrote it.
    note: str = ""
    #: The name of who wrote it, `user:alice`; empty if the store does not know.
    author: str = ""
    #: When it was written, with time zone; None if the store does not know.
    created: datetime | None = None
    #: A disabled entry is kept and decides nothing.
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    """Add a rule or grant."""

    row: Row
    note: str = ""
    #: Whether it is only kept, and decides nothing yet.
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace:
    """Put another rule or grant in the place of the entry *id*."""

    id: str
    row: Row
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """Remove the entry *id*."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Disable the entry *id*, or enable it again."""

    id: str
    disabled: bool


Change = Add | Replace | Remove | Switch


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One consistent state of a policy store."""

    entries: tuple[Entry, ...]
    #: Counts the changes, from 1; 0 where the store does not count.
    number: int
    #: What a writer shows to prove that it has seen this state. Opaque.
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One change that was made."""

    number: int
    etag: str
    #: When, with time zone.
    at: datetime
    #: The name of who made it.
    author: str
    #: Why, in their words.
    note: str
    #: The rows that came and that went, as lines of a policy file.
    added: tuple[str, ...] = field(default=())
    removed: tuple[str, ...] = field(default=())


class ChangeTerms(TypedDict):
    """Who makes a change, why, and on which conditions; see `PolicyRecords.apply`."""

    author: str
    note: str
    check: Check
    before_commit: Callable[[Revision], None]


class PolicyRecords(Protocol):
    """A store of policy entries, as whoever administers them needs it.

    One suite of contract tests holds for every implementation.
    """

    @property
    def read_only(self) -> bool:
        """Whether changes are made elsewhere (a policy file that is kept in Git)."""

    def etag(self) -> str:
        """Return the `etag` of the state now, also of one that cannot be read.

        Raises:
            StoreError: if there is none.
        """

    def snapshot(self) -> Snapshot:
        """Return the state now. Raises `StoreError`."""

    def would_be(
        self, changes: Iterable[Change], *, expected: str, author: str
    ) -> Sequence[Entry]:
        """Return the entries that `apply` would leave. Changes nothing, locks nothing.

        Raises:
            StoreConflict, AlreadyThere, PolicyError, StoreError, LookupError: as
                `apply` does.
        """

    def apply(
        self,
        changes: Iterable[Change],
        *,
        expected: str,
        **terms: Unpack[ChangeTerms],
    ) -> Revision:
        """Make *changes*, one after the other, all of them or none.

        If they leave everything as it is, nothing is written, nobody is called, and
        the newest revision is returned.

        Args:
            changes: What to change.
            expected: The `etag` of the state the author has seen.
            author: The name of who makes the change.
            note: Why.
            check: Called with the entries as they are and as they would be, while no
                other writer can come between; what it raises refuses the change. What
                it reads from the same database is what would be, too.
            before_commit: Called with the revision just before it becomes visible;
                what it raises refuses the change too. It writes the audit record.

        Raises:
            StoreConflict: if somebody else changed the store meanwhile.
            AlreadyThere: if a row would be there twice, disabled ones included; with
                `allow` or without is the same.
            PolicyError: if the store cannot keep a row as it is.
            StoreReadOnly: if changes are made elsewhere; it carries the patch.
            StoreError: if it cannot be written; the store is then as it was.
            LookupError: if a change names an entry that does not exist.
        """

    def go_back(
        self,
        number: int,
        *,
        expected: str,
        **terms: Unpack[ChangeTerms],
    ) -> Revision:
        """Make the state what revision *number* left; a file to the byte.

        Also where the state now cannot be read. As `apply` does, otherwise.

        Raises:
            LookupError: if the store does not have it (any more).
        """

    def history(self, *, limit: int, before: int | None = None) -> Sequence[Revision]:
        """Return the newest revisions first, those below number *before*."""

    def at(self, number: int) -> Snapshot:
        """Return the state as revision *number* left it.

        Raises:
            LookupError: if the store does not have it (any more).
        """


def note_problem(note: str) -> Problem | None:
    """Return what is wrong with *note*, or None.

    A note is one plain line: it is shown on pages, in logs and in policy files.
    """
    if len(note) > MAX_NOTE:
        return Problem(
            where="note",
            message=f"the note has {len(note)} characters",
            hint=f"use at most {MAX_NOTE}",
        )
    if not note.isprintable():
        return Problem(
            where="note",
            message="the note holds a character that cannot be seen",
            hint="write one plain line",
        )
    return None


def differences(
    before: Iterable[Entry], after: Iterable[Entry]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lines that came and those that went between two states.

    Only what decides counts: a disabled entry is as good as gone.
    """
    before, after = list(before), list(after)
    # Most entries of two states are the very same objects: nothing to compare there.
    same = set(map(id, before)) & set(map(id, after))
    old, new = (
        _deciding(entry for entry in entries if id(entry) not in same)
        for entries in (before, after)
    )
    return tuple((new - old).elements()), tuple((old - new).elements())


def changes_between(now: Sequence[Entry], then: Sequence[Entry]) -> tuple[Change, ...]:
    """Return the changes that make the entries *now* say what *then* says."""
    here = {_key(entry): entry for entry in now}
    there = {_key(entry): entry for entry in then}
    changes: list[Change] = []
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for entry in now:
        key = _key(entry)
        if key not in there or key in seen:
            changes.append(Remove(id=entry.id))
            continue
        seen.add(key)
        wanted = there[key]
        if wanted.note != entry.note:
            changes.append(Replace(id=entry.id, row=entry.row, note=wanted.note))
        if wanted.disabled is not entry.disabled:
            changes.append(Switch(id=entry.id, disabled=wanted.disabled))
    changes += [
        Add(row=entry.row, note=entry.note, disabled=entry.disabled)
        for key, entry in there.items()
        if key not in here
    ]
    return tuple(changes)


def _key(entry: Entry) -> tuple[str, tuple[str, ...]]:
    return entry.row.kind, entry.row.fields


def _deciding(entries: Iterable[Entry]) -> Counter[str]:
    return Counter(
        spell(entry.row.kind, *entry.row.fields)
        for entry in entries
        if not entry.disabled
    )
