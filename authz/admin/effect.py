"""What a change does: what it opens or closes to whom, and to requests of before.

For programs; the pages say the same in sentences.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from authz.admin.changes import Preview
from authz.admin.office import Office
from authz.audit.log import AuditLog, Record, Wanted
from authz.decision import Origin, PolicyInForce, Rule, Subject
from authz.policy.effect import Comparison, compare, people_of
from authz.policy.places import places
from authz.policy.rules import Policy
from authz.policy.simulate import Recorded, Replay, read_recorded, replay

#: Recorded decisions that are made again for one preview.
MAX_REPLAYED = 20_000
_AT_ONCE = 500


def effect_of(
    office: Office, seen: Preview, people: Mapping[str, Subject] | None = None
) -> Comparison | None:
    """Return what *seen* changes for the names of the policy, and for *people*.

    At each route of the app, and wherever the changed rules tell paths apart. None if
    there are no two policies to compare.
    """
    before, after = seen.before, seen.after
    if before is None or after is None:
        return None
    changed = _rules(before) ^ _rules(after)
    return compare(
        before,
        after,
        people=people_of(before, after) | dict(people or {}),
        places=places(changed, office.routes()),
    )


def replayed(office: Office, wanted: Wanted, policy: PolicyInForce) -> Replay | None:
    """Return how the recorded decisions that are *wanted* would fare under *policy*.

    At most `MAX_REPLAYED`, the newest. None if there is no log to look through.
    """
    log = office.runtime.audit_log
    if log is None:
        return None
    return replay((_recorded(r) for r in _newest(log, wanted)), policy)


def _newest(log: AuditLog, wanted: Wanted) -> Iterable[Record]:
    before = None
    left = MAX_REPLAYED
    while left > 0:
        found = log.find(wanted, limit=min(left, _AT_ONCE), before=before)
        yield from found.records
        left -= len(found.records)
        before = found.next_before
        if before is None:
            return


def _recorded(record: Record) -> Recorded | None:
    try:
        return read_recorded(record)
    except ValueError:
        return None


def _rules(policy: PolicyInForce) -> set[Rule]:
    written = getattr(policy, "policy", None)
    if not isinstance(written, Policy):
        return set()
    # Where a rule stands does not matter.
    return {replace(rule, origin=Origin("")) for rule in written.rules}
