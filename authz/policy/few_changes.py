"""A policy of which a few lines have changed, made of the one before.

Most changes are of one line. What holds for the policy as a whole then mostly holds as
before, and where that is not plain to see, it is not asserted here: the policy is built
as any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from authz.decision import Policy, Rule
from authz.policy.csv_rows import Row
from authz.policy.pacing import paced
from authz.policy.rules import ADMIN, MAX_RULES, rules_alone
from authz.policy.said import exchange, revision_of, said_line

#: How many lines that came or went are few.
FEW: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A policy, and in what it differs from the one before."""

    policy: Policy
    removed: tuple[Rule, ...]
    added: tuple[Rule, ...]


def changed_policy(
    before: Policy, then: Sequence[Row], now: Sequence[Row]
) -> Changed | None:
    """Return the policy of the rows *now*, made of the one *before*, of rows *then*.

    Both have the same further rules and grants. None if it has to be built: if more
    than a few rows differ, or those that do are no rules, are about administrators, or
    about names that rules spoke of in one of the two only; or if something is odd.
    """
    ahead = _alike(then, now)
    behind = min(_alike(then[::-1], now[::-1]), min(len(then), len(now)) - ahead)
    went, came = then[ahead : len(then) - behind], now[ahead : len(now) - behind]
    changed = (*went, *came)
    if len(changed) > FEW or any(row.kind != "p" for row in changed):
        return None
    first = sum(row.kind == "p" for row in paced(islice(then, ahead)))
    last = first + len(went)
    removed = before.rules[first:last]
    known = {id(row): rule for row, rule in zip(went, removed, strict=True)}
    added = rules_alone(came, before.columns, known=known)
    if added is None or _are_odd(before, went, removed):
        return None
    rules = (*before.rules[:first], *added, *before.rules[last:])
    if not 0 < len(rules) <= MAX_RULES or _are_of_another_kind(rules, removed, added):
        return None
    said = exchange(
        before.said,
        [said_line("p", rule.fields) for rule in removed],
        [said_line("p", rule.fields) for rule in added],
        said_line("p", before.rules[first - 1].fields) if first else None,
    )
    if said is None:
        return None
    kept = {id(rule) for rule in removed} & {id(rule) for rule in added}
    return Changed(
        policy=replace(before, rules=rules, said=said, revision=revision_of(said)),
        removed=tuple(rule for rule in removed if id(rule) not in kept),
        added=tuple(rule for rule in added if id(rule) not in kept),
    )


def _are_odd(before: Policy, rows: Sequence[Row], rules: Sequence[Rule]) -> bool:
    """Whether somebody was warned of a row."""
    places = {str(row.origin) for row in rows} | {str(rule.origin) for rule in rules}
    return any(warning.where in places for warning in before.warnings)


def _are_of_another_kind(
    rules: Sequence[Rule], removed: Sequence[Rule], added: Sequence[Rule]
) -> bool:
    """Whether rules are about administrators, or about other names than before.

    Of a name, roles that nothing speaks of are warned, and who goes by it is found.
    """
    lost = {rule.subject for rule in removed}
    found = {rule.subject for rule in added}
    if ADMIN in lost | found:
        return True
    mine = {id(rule) for rule in added}
    left = lost ^ found
    for rule in paced(rules) if left else ():
        if rule.subject in left and id(rule) not in mine:
            left.discard(rule.subject)
            if not left:
                break
    return bool(left)


def _alike(one: Sequence[Row], other: Sequence[Row]) -> int:
    """Return how many rows both begin with."""
    step, at = 4_096, 0
    while step:
        here, there = one[at : at + step], other[at : at + step]
        if here and here == there:
            at += len(here)
        else:
            step //= 2
    return at
