"""The rules by which two policies differ, found without looking at all the others.

Most rules of a policy and of the one before it are the very same objects. Only those
that are not are read and compared.
"""

from collections.abc import Sequence

from authz.decision import Policy, Rule


def changed_rules(old: Sequence[Rule], new: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules that only one of both says, those of *old* first."""
    same = set(map(id, old)) & set(map(id, new))
    was, will = (
        {rule.fields: rule for rule in each if id(rule) not in same}
        for each in (old, new)
    )
    found = {
        key: rule
        for key, rule in (was | will).items()
        if (key in was) is not (key in will)
    }
    # A line may stand there twice: then both policies say it all the same.
    paths = {rule.path for rule in found.values()}
    for rule in old:
        if rule.path in paths and id(rule) in same:
            found.pop(rule.fields, None)
    return tuple(found.values())


def touched_rules(
    before: Policy, after: Policy, *, built_in: bool = False
) -> tuple[Rule, ...]:
    """Return the rules of both by which they may tell somebody other things.

    Those that only one of them has, and those that only one of them gives to somebody.
    Rules that hold in every policy count if *built_in*.
    """
    old, new = (each.deciding if built_in else each.rules for each in (before, after))
    changed = changed_rules(old, new)
    was, will = ({g.fields: g.role for g in each.grants} for each in (before, after))
    roles = [(was | will)[fields] for fields in was.keys() ^ will.keys()]
    if not roles:
        return changed
    reached = {name for each in (before, after) for name in each.reached_from(roles)}
    one = {rule.fields for rule in changed}
    return tuple(
        {
            rule.fields: rule
            for rule in (*old, *new)
            if rule.subject in reached or rule.fields in one
        }.values()
    )
