"""The impact of a change: what one policy opens or closes that another did not.

The one answer for pages, API and commands. Each difference is named by the smallest
pattern that holds it, the route it belongs to, and what within it does not change.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from authz.decision import (
    EVERYONE,
    Decision,
    Policy,
    PolicyInForce,
    Rule,
    Subject,
)
from authz.policy.analysis.probes import (
    Place,
    outcome_at,
    places,
    touched_rules,
    within,
)
from authz.policy.parse_subject import parse_subject
from authz.policy.path_index import RuleIndex
from authz.policy.patterns import (
    Methods,
    PathPattern,
    RulesByHead,
    fresh_sample,
    pattern_of,
    widest,
)
from authz.policy.route_tables import RoutePattern, RouteTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where somebody may what they might not, or the other way round."""

    who: Subject
    place: Place
    before: Decision
    after: Decision
    #: Whether it is allowed now; it was denied before.
    opens: bool
    #: Patterns within the place where that is not so.
    exceptions: tuple[str, ...] = ()

    @property
    def opens_to_everyone(self) -> bool:
        """Whether it opens to people who have not signed in."""
        return self.opens and not self.who.is_authenticated

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that open it now, or opened it before."""
        return (self.after if self.opens else self.before).rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Every difference between two policies."""

    differences: tuple[Difference, ...]
    #: For how many names it was looked at, and at how many places.
    people: int
    places: int
    #: Changed rules that no route of the app is served by, where its routes are known.
    unserved: tuple[Rule, ...] = ()

    @property
    def opened(self) -> tuple[Difference, ...]:
        """What is newly allowed."""
        return tuple(d for d in self.differences if d.opens)

    @property
    def closed(self) -> tuple[Difference, ...]:
        """What is newly denied."""
        return tuple(d for d in self.differences if not d.opens)

    @property
    def public(self) -> tuple[Difference, ...]:
        """What is newly allowed to people who have not signed in."""
        return tuple(d for d in self.differences if d.opens_to_everyone)


def impact(
    before: PolicyInForce,
    after: PolicyInForce,
    *,
    routes: Sequence[RoutePattern] = (),
    people: Mapping[str, Subject] | None = None,
) -> Impact:
    """Return what changes when *after* takes the place of *before*.

    For every name that either speaks of, and for *people*; at each route of the app,
    and wherever the change tells paths apart. With *routes* only what they serve
    counts. A policy in another language is compared at the routes alone.
    """
    everybody = people_of(before, after) | dict(people or {})
    change = _Change(before, after, routes)
    differences: list[tuple[int, int, Difference]] = []
    for alike in change.groups(everybody.values()):
        found = list(change.differences(alike[0][1]))
        differences += [
            (order, n, replace(difference, who=who))
            for order, who in alike
            for n, difference in enumerate(found)
        ]
    return Impact(
        differences=tuple(
            difference for *_, difference in sorted(differences, key=lambda d: d[:2])
        ),
        people=len(everybody),
        places=len(change.places),
        unserved=tuple(change.unserved()),
    )


def people_of(*policies: PolicyInForce) -> dict[str, Subject]:
    """Return a subject for each name that *policies* speak of.

    First `role:everyone`, for somebody who has not signed in, and then by name. Roles
    count as people: somebody who holds that role and no other.
    """
    everyone = parse_subject(EVERYONE)
    spoken = {name for each in policies if each.source for name in each.source.names}
    return {EVERYONE: everyone} | {
        name: parse_subject(name) for name in sorted(spoken - everyone.names)
    }


class _Change:
    """Two policies, and the places where they may differ."""

    def __init__(
        self,
        before: PolicyInForce,
        after: PolicyInForce,
        routes: Sequence[RoutePattern],
    ) -> None:
        self._before = before
        self._after = after
        self._routes = routes
        self._table = RouteTable(routes)
        self._sources: tuple[Policy, Policy] | None = None
        self._changed: frozenset[Rule] = frozenset()
        if before.source is None or after.source is None:
            self.places = self._asked = places((), routes)
            return
        self._sources = before.source, after.source
        rules = (*before.source.rules, *after.source.rules)
        touched = touched_rules(*self._sources)
        self.places = places(rules, routes, touched=touched)
        index = RuleIndex(touched)
        self._asked = tuple(
            p for p in self.places if index.speaking_of(p.method, p.path)
        )
        self._sample = fresh_sample(rule.path for rule in rules)
        old, new = ({r.fields: r for r in each.rules} for each in self._sources)
        both = old | new
        self._changed = frozenset(both[key] for key in old.keys() ^ new.keys())
        self._ruled = {rule.subject for rule in self._changed}

    def groups(self, people: Iterable[Subject]) -> Iterator[list[tuple[int, Subject]]]:
        """Yield people whom both policies cannot tell apart, with their number.

        Not those to whom both policies say the same by the same rules.
        """
        found: dict[object, list[tuple[int, Subject]]] = {}
        for order, who in enumerate(people):
            sight: object = who.names
            if self._sources is not None:
                old, new = (_reached(each, who) for each in self._sources)
                if old == new and old.isdisjoint(self._ruled):
                    continue
                sight = old, new
            found.setdefault(sight, []).append((order, who))
        yield from found.values()

    def differences(self, who: Subject) -> Iterator[Difference]:
        """Yield what changes for *who*."""
        splitting = self._rules_for(who)
        seen: set[tuple[str, str, bool]] = set()
        for place in self._asked:
            old, new = (
                outcome_at(policy, who, place) for policy in (self._before, self._after)
            )
            if bool(old) is bool(new):
                continue
            region = self._region(old, new)
            named = place if region is None else within(place, place.route, region)
            key = named.method, named.shown, bool(new)
            if key in seen:
                continue
            seen.add(key)
            found = Difference(
                who=who, place=named, before=old, after=new, opens=bool(new)
            )
            if region is not None:
                exceptions = widest(self._exceptions(found, region, splitting))
                found = replace(found, exceptions=tuple(map(str, exceptions)))
            yield found

    def unserved(self) -> Iterator[Rule]:
        """Yield the changed rules that no route is served by."""
        if not self._routes:
            return
        index = RuleIndex(self._changed)
        served = {
            rule.origin
            for place in self.places
            for rule in index.speaking_of(place.method, place.path)
        }
        for rule in sorted(self._changed, key=lambda rule: rule.origin):
            if rule.origin not in served:
                yield rule

    def _region(self, old: Decision, new: Decision) -> PathPattern | None:
        """Return what all rules that decide speak of; None if unknown."""
        rules = (*old.rules, *new.rules)
        if self._sources is None or not rules:
            return None
        region: PathPattern | None = pattern_of(rules[0])
        for rule in rules[1:]:
            region = region and region.overlap(pattern_of(rule))
        return region

    def _rules_for(self, who: Subject) -> RulesByHead:
        """Return the rules of both policies that speak of *who*."""
        return RulesByHead(
            {
                (rule.path, rule.methods): rule
                for each in self._sources or ()
                for name in _reached(each, who)
                for rule in each.rules_by_subject[name]
            }.values()
        )

    def _exceptions(
        self, found: Difference, region: PathPattern, rules: RulesByHead
    ) -> Iterator[PathPattern]:
        """Yield the patterns within *region* where *found* does not hold."""
        if not region.is_wide:
            return
        route = found.place.route
        if route is not None:
            region = region.overlap(route.region) or region
        seen: set[PathPattern] = set()
        for rule in rules.near(region):
            part = region.overlap(pattern_of(rule))
            if (
                part is None
                or part.covers(region)
                or part in seen
                or not Methods(rule.methods).matches(found.place.method)
            ):
                continue
            seen.add(part)
            path = part.sample(self._sample)
            if route is not None and self._table.serving(route.method, path) != route:
                path = route.sample_in(part) or ""
            if not path:
                continue
            there = replace(found.place, path=path)
            answers = [
                bool(outcome_at(policy, found.who, there))
                for policy in (self._before, self._after)
            ]
            if answers != [not found.opens, found.opens]:
                yield part


def _reached(policy: Policy, who: Subject) -> frozenset[str]:
    """Return the names by which rules of *policy* speak of *who*."""
    return frozenset(
        policy.reached_from(who.names).keys() & policy.rules_by_subject.keys()
    )
