"""What a change does to people at routes, as the pages show it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from authz.decision import AUTHENTICATED, EVERYONE, Grant, PolicyInForce, Rule, Subject
from authz.policy.analysis.coverage import RoutePattern
from authz.policy.analysis.impact import Comparison, Difference, compare, people_of
from authz.policy.analysis.probes import Place, places
from authz.policy.parse_subject import parse_subject
from authz.policy.scan import covers
from authz.web.pages.change_lines import Line

#: Differences that a page lists; the figures count all.
_SHOWN: Final = 60
#: With more people than this, only those whom the change is about are asked.
_EVERYBODY: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What changes for whom, and where."""

    comparison: Comparison
    shown: Sequence[Difference]
    #: Rules of the change that no route of the app is served by.
    nowhere: Sequence[Rule]

    @property
    def more(self) -> int:
        """How many differences are not shown."""
        return len(self.comparison.differences) - len(self.shown)


def effect_of(
    before: PolicyInForce | None,
    after: PolicyInForce | None,
    lines: Iterable[Line],
    routes: Sequence[RoutePattern],
    people: Mapping[str, Subject] | None = None,
) -> Effect | None:
    """Return what changes from *before* to *after*, which differ by *lines*.

    *people* are those whom the policy does not name. None if there is nothing to
    compare.
    """
    if before is None or after is None:
        return None
    lines = tuple(lines)
    rules = [line.rule for line in lines if line.rule]
    grants = [line.grant for line in lines if line.grant]
    everybody = people_of(before, after) | dict(people or {})
    if len(everybody) > _EVERYBODY:
        everybody = _concerned(everybody, rules, grants, (before, after))
    found = compare(before, after, people=everybody, places=_places(rules, routes))
    # What opens comes first, to strangers above all.
    order = sorted(
        found.differences, key=lambda d: (not d.opens_to_everyone, not d.opens)
    )
    return Effect(
        comparison=found,
        shown=order[:_SHOWN],
        nowhere=[rule for rule in rules if routes and not _served(rule, routes)],
    )


def _places(rules: Sequence[Rule], routes: Sequence[RoutePattern]) -> list[Place]:
    """Return every route, and what only the changed *rules* tell apart."""
    found = {(place.method, place.path): place for place in places(rules, routes)}
    if not routes:
        return list(found.values())
    for rule in rules:
        if not _served(rule, routes):
            # No route is there yet; what the rule says still shows.
            for place in places([rule]):
                found.setdefault((place.method, place.path), place)
    return list(found.values())


def _served(rule: Rule, routes: Sequence[RoutePattern]) -> bool:
    """Return whether *rule* speaks of some route."""
    return any(covers(rule, route.path, route.method) for route in routes) or len(
        places([rule], routes)
    ) > len(routes)


def _concerned(
    everybody: Mapping[str, Subject],
    rules: Iterable[Rule],
    grants: Iterable[Grant],
    policies: Iterable[PolicyInForce],
) -> dict[str, Subject]:
    """Return those of *everybody* whom changed *rules* and *grants* speak of.

    If they speak of everyone, a few names stand for all.
    """
    spoken = {rule.subject for rule in rules} | {grant.member for grant in grants}
    if spoken & {EVERYONE, AUTHENTICATED}:
        roles = [name for name in everybody if name.startswith("role:")]
        names = [EVERYONE, AUTHENTICATED, *roles[:_EVERYBODY]]
        return {name: parse_subject(name) for name in names}
    members: dict[str, list[str]] = {}
    for policy in policies:
        for grant in getattr(getattr(policy, "policy", None), "grants", ()):
            members.setdefault(grant.role, []).append(grant.member)
    queue = dict.fromkeys(spoken)
    for name in (reached := list(queue)):
        for member in members.get(name, ()):
            if member not in queue:
                queue[member] = None
                reached.append(member)
    return {
        name: subject
        for name, subject in everybody.items()
        if not subject.names.isdisjoint(queue)
    }
