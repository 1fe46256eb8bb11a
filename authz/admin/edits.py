"""One rule or grant at a time: added, changed, removed."""

from dataclasses import dataclass

from authz.admin.changes import Draft, apply
from authz.admin.context import Actor, AdminContext
from authz.admin.reach import refuse_row
from authz.errors import AlreadyThere, NotFound, StoreConflict
from authz.policy.csv_rows import Row
from authz.policy.records import Add, Change, Entry, Remove, Replace, Snapshot, Switch

#: As the base of an addition: whatever the state is.
ANY_STATE = "*"
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
    for attempt in range(_TRIES):
        now = context.records.snapshot()
        known = _find(now, row)
        if known is not None and known.disabled is disabled:
            return Edited(entry=known, etag=now.etag)
        seen = now.etag if base == ANY_STATE else base
        try:
            apply(context, actor, Draft(base=seen, changes=(change,)), note=why)
            break
        except AlreadyThere:
            raise
        except StoreConflict:
            if base != ANY_STATE or attempt == _TRIES - 1:
                raise
    return _found(context, row, made=True)


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
    apply(context, actor, Draft(base=base, changes=tuple(changes)), note=why)
    return _found(context, row, made=False)


def remove(
    context: AdminContext, actor: Actor, entry: Entry, *, base: str, why: str = ""
) -> str:
    """Remove *entry*; return the etag of the state then. Raises as `apply` does."""
    draft = Draft(base=base, changes=(Remove(id=entry.id),))
    return apply(context, actor, draft, note=why).etag


def _found(context: AdminContext, row: Row, *, made: bool) -> Edited:
    now = context.records.snapshot()
    entry = _find(now, row)
    if entry is None:
        raise NotFound("somebody else has changed or removed it again already")
    return Edited(entry=entry, etag=now.etag, made=made)


def _find(now: Snapshot, row: Row) -> Entry | None:
    return next((e for e in now.entries if e.row[:2] == row[:2]), None)
