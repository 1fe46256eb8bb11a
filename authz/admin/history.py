"""What was changed, by whom and why; and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass

from authz.admin.changes import Draft, apply
from authz.admin.context import Actor, AdminContext
from authz.admin.pagination import MAX_LIMIT
from authz.decision import PolicyInForce
from authz.errors import NotFound, PolicyError
from authz.policy.records import (
    Add,
    Change,
    Entry,
    Remove,
    Replace,
    Revision,
    Snapshot,
    Switch,
    differences,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What lies between two states."""

    #: The numbers of the revisions; 0 where the store does not count.
    older: int
    newer: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    #: The policies, to compare; None where a state cannot be one any more.
    before: PolicyInForce | None
    after: PolicyInForce | None


def revisions(
    context: AdminContext, *, limit: int = 50, before: int | None = None
) -> tuple[Revision, ...]:
    """Return the newest revisions first, those below number *before*."""
    limit = max(1, min(limit, MAX_LIMIT))
    return tuple(context.records.history(limit=limit, before=before))


def revision(context: AdminContext, number: int) -> Revision:
    """Return revision *number*. Raises `NotFound`."""
    for found in context.records.history(limit=1, before=number + 1):
        if found.number == number:
            return found
    raise NotFound(f"revision {number} was never made, or is not kept any more")


def difference(
    context: AdminContext, older: int, newer: int | None = None
) -> Difference:
    """Return what changed from revision *older* to *newer*, or to the state now.

    Raises:
        NotFound: if a revision is not there.
    """
    first = _at(context, older)
    last = context.records.snapshot() if newer is None else _at(context, newer)
    added, removed = differences(first.entries, last.entries)
    return Difference(
        older=first.number,
        newer=last.number,
        added=added,
        removed=removed,
        before=_built(context, first.entries),
        after=_built(context, last.entries),
    )


def way_back(context: AdminContext, number: int) -> Draft:
    """Return the draft that leads from the state now back to revision *number*.

    Notes and disabled entries come back too. Raises `NotFound`.
    """
    now = context.records.snapshot()
    return Draft(base=now.etag, changes=way(now.entries, _at(context, number).entries))


def roll_back(
    context: AdminContext, actor: Actor, number: int, *, base: str, note: str
) -> Revision:
    """Make the state what revision *number* left; the history goes on.

    *base* is the etag of the state that *actor* has seen. Raises as `apply` does.
    """
    draft = way_back(context, number)
    return apply(context, actor, Draft(base=base, changes=draft.changes), note=note)


def way(now: Sequence[Entry], then: Sequence[Entry]) -> tuple[Change, ...]:
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


def _at(context: AdminContext, number: int) -> Snapshot:
    try:
        return context.records.at(number)
    except LookupError as error:
        if type(error) is not LookupError:
            raise
        raise NotFound(str(error)) from error


def _built(context: AdminContext, entries: Sequence[Entry]) -> PolicyInForce | None:
    try:
        return context.build(entries)
    except PolicyError:
        return None  # settings or the language have changed since


def _key(entry: Entry) -> tuple[str, tuple[str, ...]]:
    return entry.row.kind, entry.row.fields
