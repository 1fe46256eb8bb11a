"""What was changed, by whom and why; and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass

from authz.admin.changes import Draft, apply
from authz.admin.context import Actor, AdminContext
from authz.admin.pagination import MAX_LIMIT
from authz.decision import PolicyInForce
from authz.errors import NotFound, PolicyError
from authz.policy.records import Entry, Revision, Snapshot, differences


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
    raise NotFound(_missing(context, number))


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

    It is empty if that is the state now. Raises `NotFound`.
    """
    _at(context, number)
    base = context.records.etag()
    if revision(context, number).etag == base:
        return Draft(base=base)
    return Draft(base=base, restores=number)


def roll_back(
    context: AdminContext, actor: Actor, number: int, *, base: str, note: str
) -> Revision:
    """Make the state what revision *number* left; the history goes on.

    *base* is the etag of the state that *actor* has seen. Raises as `apply` does.
    """
    return apply(context, actor, Draft(base=base, restores=number), note=note)


def _at(context: AdminContext, number: int) -> Snapshot:
    try:
        return context.records.at(number)
    except LookupError as error:
        if type(error) is not LookupError:
            raise
        raise NotFound(_missing(context, number, str(error))) from error


def _missing(context: AdminContext, number: int, why: str = "") -> str:
    """Return that there is no such revision, and which there are; *why* if none."""
    said = f"revision {number} was never made, or is no longer kept"
    newest = next(iter(context.records.history(limit=1)), None)
    if newest is None:
        return why or said
    return f"{said}; the newest is {newest.number}, and `authz history` lists them"


def _built(context: AdminContext, entries: Sequence[Entry]) -> PolicyInForce | None:
    try:
        return context.build(entries)
    except PolicyError:
        return None  # settings or the language have changed since
