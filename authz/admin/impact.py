"""What a change does: what it opens or closes to whom, and to requests of before."""

from collections.abc import Iterable

from authz.admin.changes import Preview
from authz.admin.context import AdminContext
from authz.audit.log import AuditLog, Record, Wanted
from authz.decision import PolicyInForce
from authz.policy.analysis.impact import Impact, impact
from authz.policy.analysis.simulate import Recorded, Replay, read_recorded, replay

#: Recorded decisions that are made again for one preview.
MAX_REPLAYED = 20_000
#: To go on in a file means to read its end again.
_AT_ONCE = 5_000
_ROUNDS = 8


def effect_of(context: AdminContext, seen: Preview) -> Impact | None:
    """Return what *seen* changes; None if there are no two policies to compare."""
    if seen.before is None or seen.after is None:
        return None
    return impact_of(context, seen.before, seen.after)


def impact_of(
    context: AdminContext, before: PolicyInForce, after: PolicyInForce
) -> Impact:
    """Return what changes in this app, and in others that it guards."""
    routes = context.served()
    return impact(
        before,
        after,
        routes_in=lambda scopes: (
            routes if not scopes or context.serves_all_of(scopes) else ()
        ),
    )


def replayed(
    context: AdminContext, wanted: Wanted, policy: PolicyInForce
) -> Replay | None:
    """Return how the recorded decisions that are *wanted* would fare under *policy*.

    At most `MAX_REPLAYED`, the newest. None if there is no log to look through.
    """
    log = context.runtime.audit_log
    if log is None:
        return None
    return replay((_recorded(r) for r in _newest(log, wanted)), policy)


def _newest(log: AuditLog, wanted: Wanted) -> Iterable[Record]:
    before = None
    left = MAX_REPLAYED
    # Not further, whatever is wanted: a question must not read the whole log.
    for _ in range(_ROUNDS):
        found = log.find(wanted, limit=min(left, _AT_ONCE), before=before)
        yield from found.records
        left -= len(found.records)
        before = found.next_before
        if before is None or left <= 0:
            return


def _recorded(record: Record) -> Recorded | None:
    try:
        return read_recorded(record)
    except ValueError:
        return None
