"""One rule or grant at a time: added, changed, removed."""

from collections.abc import Sequence
from dataclasses import dataclass

from authz.admin.changes import ANY_STATE, Draft, apply, apply_draft
from authz.admin.context import Actor, AdminContext
from authz.admin.reach import refuse_row
from authz.errors import AlreadyThere, NotFound, StoreConflict
from authz.policy.csv_rows import Row
from authz.policy.records import Add, Change, Entry, Remove, Replace, Snapshot, Switch

_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """An entry after an edit."""

    entry: Entry
    #: The etag of the state it was read from.
    etag: str
    #: Whether it was made by the edit, and not there before.
    made: bool = False


def add(  # noqa: PLR0913 - what an entry is made of
    context: AdminContext,
    actor: Actor,
    row: Row,
    *,
    base: str,
    note: str = "",
    disabled: bool = False,
    why: str = "",
) -> Edited:
    """Add *row*. If it is there already, just as wanted, that is fine.

    *base* is the etag of the state that *actor* has seen, or `ANY_STATE`.

    Raises:
        BeyondReach: if it is not *actor*'s to add.
        AlreadyThere: if it is there, and disabled or enabled otherwise than wanted.
        StoreConflict, and as `apply` does.
    """
    refuse_row(context, actor, row)
    change = Add(row=row, note=note, disabled=disabled)
    if base != ANY_STATE:
        try:
            return _edit(context, actor, row, change, base=base, why=why, made=True)
        except StoreConflict:
            there = _there(context.records.snapshot(), row, disabled=disabled)
            if there is None:
                raise
            return there
    for attempt in range(_TRIES):
        now = context.records.snapshot()
        there = _there(now, row, disabled=disabled)
        if there is not None:
            return there
        try:
            return _edit(context, actor, row, change, base=now.etag, why=why, made=True)
        except AlreadyThere:
            raise
        except StoreConflict:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError


def replace(  # noqa: PLR0913 - what an entry is made of
    context: AdminContext,
    actor: Actor,
    entry: Entry,
    row: Row,
    *,
    base: str,
    note: str = "",
    disabled: bool = False,
    why: str = "",
) -> Edited:
    """Make *entry* say what *row* says, with *note*. Raises as `apply` does."""
    changes: list[Change] = [Replace(id=entry.id, row=row, note=note)]
    if entry.disabled is not disabled:
        changes.append(Switch(id=entry.id, disabled=disabled))
    return _edit(context, actor, row, *changes, base=base, why=why)


def remove(
    context: AdminContext, actor: Actor, entry: Entry, *, base: str, why: str = ""
) -> str:
    """Remove *entry*; return the etag of the state then. Raises as `apply` does."""
    draft = Draft(base=base, changes=(Remove(id=entry.id),))
    return apply(context, actor, draft, note=why).etag


def _edit(  # noqa: PLR0913 - what an edit is made of
    context: AdminContext,
    actor: Actor,
    row: Row,
    *changes: Change,
    base: str,
    why: str,
    made: bool = False,
) -> Edited:
    """Make *changes*; return the entry that says *row* then."""
    draft = Draft(base=base, changes=changes)
    applied = apply_draft(context, actor, draft, note=why)
    entries, etag = applied.entries, applied.revision.etag
    if entries is None:
        now = context.records.snapshot()
        entries, etag = now.entries, now.etag
    entry = _find(entries, row)
    if entry is None:
        raise NotFound("somebody else has changed or removed it again already")
    return Edited(entry=entry, etag=etag, made=made)


def _there(now: Snapshot, row: Row, *, disabled: bool) -> Edited | None:
    """Return the entry that says *row* if it is there just as wanted."""
    known = _find(now.entries, row)
    if known is None or known.disabled is not disabled:
        return None
    return Edited(entry=known, etag=now.etag)


def _find(entries: Sequence[Entry], row: Row) -> Entry | None:
    return next((entry for entry in entries if entry.row[:2] == row[:2]), None)
