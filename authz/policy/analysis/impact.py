"""The impact of a change: what one policy opens or closes that another did not.

The one answer for pages, API and commands. Each difference is named by the smallest
pattern that holds it, the route it belongs to, and what within it does not change.

Policies with scopes are compared scope by scope: in each that a changed policy names,
in any other one of a kind, and in any other at all. A request about none in particular
is allowed if some scope allows it, so nothing changes there that changes in no scope.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from authz.decision import (
    EVERYONE,
    Decision,
    Policy,
    PolicyInForce,
    Rule,
    Subject,
)
from authz.policy.analysis.changed_rules import changed_rules, touched_rules
from authz.policy.analysis.path_classes import PathClasses
from authz.policy.analysis.probes import (
    Place,
    outcome_at,
    places,
    within,
)
from authz.policy.analysis.promises import Answer, Question, budget
from authz.policy.analysis.prove import compare
from authz.policy.compiled import CompiledPolicy
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
from authz.scope import ANY_SCOPE, patterns_of

#: Scopes that two policies are compared in; of more it is said how many are left out.
MAX_SCOPES: Final = 50
#: How many kinds of paths a proof may look at; somebody waits for the page.
_PROOF: Final = 20_000


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
    #: In which scopes, as a scope pattern; empty if neither policy has scopes.
    scope: str = ""
    #: Scope patterns within that one where it is not so.
    except_scopes: tuple[str, ...] = ()
    #: All names that they go by where it is allowed: in the new policy if it opens.
    names: frozenset[str] = frozenset()

    @property
    def where(self) -> str:
        """In which scopes, in words; empty if neither policy has scopes."""
        if not self.scope:
            return ""
        text = "every scope" if self.scope == ANY_SCOPE else self.scope
        return text + "".join(
            (" but " if n == 0 else ", ") + each
            for n, each in enumerate(self.except_scopes)
        )

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
    #: Whether those are all places of routes; else some stand for any path.
    routed: bool = False
    #: Changed rules that no route of the app is served by, where its routes are known.
    unserved: tuple[Rule, ...] = ()
    #: How many scopes were not looked at, because there are so many.
    unseen_scopes: int = 0
    #: Whether nobody gains, or loses, anything by it: whatever is asked, on a route or
    #: not, and whoever asks. Proven, never sampled.
    nobody_gains: Answer | None = None
    nobody_loses: Answer | None = None

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
    routes_in: Callable[[str], Sequence[RoutePattern]] = lambda _: (),
    people: Mapping[str, Subject] | None = None,
) -> Impact:
    """Return what changes when *after* takes the place of *before*.

    For every name that either speaks of, and for *people*; at each route of the app,
    and wherever the change tells paths apart. With routes only what they serve counts.
    A policy in another language is compared at the routes alone.

    *routes_in* returns those of a pattern of scopes, where scopes are of several apps,
    and for an empty one, where a policy has no scopes, those of the app; none if they
    are not known, and then every path counts.
    """
    gains, loses = (
        compare(before, after, question, budget(_PROOF))
        for question in (Question.TAKES_AWAY, Question.GIVES)
    )
    return replace(
        _compared(before, after, routes_in=routes_in, people=people),
        nobody_gains=gains,
        nobody_loses=loses,
    )


def _compared(
    before: PolicyInForce,
    after: PolicyInForce,
    *,
    routes_in: Callable[[str], Sequence[RoutePattern]],
    people: Mapping[str, Subject] | None,
    scope: str = "",
) -> Impact:
    written = before.written, after.written
    if written[0] and written[1] and (written[0].scoped or written[1].scoped):
        return _by_scope(
            written[0],
            written[1],
            routes_in=routes_in,
            people=people_of(before, after) | dict(people or {}),
        )
    everybody = people_of(before, after) | dict(people or {})
    routes = routes_in(scope)
    change = _Change(before, after, routes)
    differences: list[tuple[int, int, Difference]] = []
    for alike in change.groups(everybody.values()):
        found = list(change.differences(alike[0][1]))
        for order, who in alike if found else ():
            names = change.names_of(who)
            differences += [
                (order, n, replace(each, who=who, names=names[each.opens]))
                for n, each in enumerate(found)
            ]
    return Impact(
        differences=tuple(
            difference for *_, difference in sorted(differences, key=lambda d: d[:2])
        ),
        people=len(everybody),
        places=len(change.places),
        routed=bool(routes),
        unserved=tuple(change.unserved()),
    )


def people_of(*policies: PolicyInForce) -> dict[str, Subject]:
    """Return a subject for each name that *policies* speak of.

    First `role:everyone`, for somebody who has not signed in, and then by name. Roles
    count as people: somebody who holds that role and no other.
    """
    everyone = parse_subject(EVERYONE)
    spoken = {name for each in policies if each.written for name in each.written.names}
    return {EVERYONE: everyone} | {
        name: parse_subject(name) for name in sorted(spoken - everyone.names)
    }


def _by_scope(
    before: Policy,
    after: Policy,
    *,
    routes_in: Callable[[str], Sequence[RoutePattern]],
    people: Mapping[str, Subject],
) -> Impact:
    """Return what changes in which scopes; one of the policies has some."""
    every = _scopes_of(before, after)
    seen = every[:MAX_SCOPES]
    found = {
        scope: _compared(
            CompiledPolicy(before.within(scope)),
            CompiledPolicy(after.within(scope)),
            routes_in=routes_in,
            people=people,
            scope=scope,
        )
        for scope in seen
    }
    alike: dict[object, dict[str, Difference]] = {}
    for scope, part in found.items():
        for each in part.differences:
            place = each.place
            key = each.who.name, place.method, place.shown, each.opens, each.exceptions
            alike.setdefault((*key, place.route), {})[scope] = each
    return Impact(
        differences=tuple(
            replace(
                each,
                scope=scope,
                except_scopes=tuple(
                    other
                    for other in seen
                    if other not in within
                    and (parent := _parent(other, seen)) in within
                    and (scope in {parent, _parent(parent, seen)})
                ),
            )
            for within in alike.values()
            for scope, each in within.items()
            if _parent(scope, seen) not in within
        ),
        people=len(people),
        places=max(part.places for part in found.values()),
        routed=all(part.routed for part in found.values()),
        unserved=tuple(_unserved(before, after, found, routes_in)),
        unseen_scopes=len(every) - len(seen),
    )


def _unserved(
    before: Policy,
    after: Policy,
    found: Mapping[str, Impact],
    routes_in: Callable[[str], Sequence[RoutePattern]],
) -> Iterator[Rule]:
    """Yield what no route serves, but for rules that hold where none are known."""
    unserved = {rule.origin: rule for part in found.values() for rule in part.unserved}
    written = {
        replace(rule, scope=""): rule.scope
        for policy in ((before, after) if unserved else ())
        for rule in policy.deciding
        if rule.origin in unserved
    }
    for rule in unserved.values():
        if routes_in(written[rule]):
            yield rule


def _scopes_of(before: Policy, after: Policy) -> list[str]:
    """Return the scopes that *before* and *after* tell apart, as patterns.

    `library:*` stands for every library that no line names, `*` for what is of no kind
    that a line names. First the wide ones, and then those that changed lines name.
    """
    old, new = (
        {rule.fields: rule.scope for rule in policy.deciding}
        | {grant.fields: grant.scope for grant in policy.grants}
        for policy in (before, after)
    )
    changed = [(old | new)[key] for key in old.keys() ^ new.keys()]
    named = dict.fromkeys(sorted(set(changed)))
    named |= dict.fromkeys(sorted({*old.values(), *new.values()}))
    named.pop("", None)  # of the policy without scopes
    wide = {ANY_SCOPE: None} | dict.fromkeys(
        patterns_of(scope)[1] for scope in named if scope != ANY_SCOPE
    )
    touched = set(changed) - {""}
    if ANY_SCOPE in touched or before.scoped is not after.scoped:
        return list(wide | named)
    return [
        scope
        for scope in wide | named
        if scope == ANY_SCOPE or not touched.isdisjoint(patterns_of(scope))
    ]


def _parent(scope: str, seen: Sequence[str]) -> str:
    """Return the next wider pattern that was looked at; empty if there is none."""
    if scope in {ANY_SCOPE, ""}:
        return ""
    kind = patterns_of(scope)[1]
    return kind if kind != scope and kind in seen else ANY_SCOPE


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
        self._changed = frozenset(
            changed_rules(*(each.rules for each in self._sources))
        )
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

    def names_of(self, who: Subject) -> tuple[frozenset[str], frozenset[str]]:
        """Return all names that *who* goes by in the old policy, and in the new one."""
        old, new = (
            who.names | policy.roles_of(who.names)
            for policy in (self._before, self._after)
        )
        return old, new

    def differences(self, who: Subject) -> Iterator[Difference]:
        """Yield what changes for *who*."""
        splitting = self._rules_for(who)
        seen: set[tuple[str, str, bool]] = set()
        queue = list(self._asked)
        for place in queue:
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
                parts = self._parts(found, region, splitting)
                exceptions = widest(part for part, _, holds in parts if not holds)
                found = replace(found, exceptions=tuple(map(str, exceptions)))
                # Where it holds again within an exception is a place of its own.
                queue += [
                    there
                    for part, there, holds in parts
                    if holds and any(each.covers(part) for each in exceptions)
                ]
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

    def _parts(
        self, found: Difference, region: PathPattern, rules: RulesByHead
    ) -> list[tuple[PathPattern, Place, bool]]:
        """Return each part of *region* that rules tell apart, and if *found* holds.

        Parts are where rules overlap: also where two of them do that say nothing
        alone. Each with a place that stands for what is in no smaller part.
        """
        if not region.is_wide:
            return []
        route = found.place.route
        if route is not None:
            region = region.overlap(route.region) or region
        patterns = list(
            {
                pattern_of(rule): None
                for rule in rules.near(region)
                if Methods(rule.methods).matches(found.place.method)
                and pattern_of(rule).overlap(region)
            }
        )
        parts = []
        for each in PathClasses(patterns).within(region, odd=True):
            part: PathPattern | None = region
            for number in each.matched:
                part = part and part.overlap(patterns[number])
            path = each.path
            if route is not None and self._table.serving(route.method, path) != route:
                path = (part and route.sample_in(part)) or ""
            if part is None or part.covers(region) or not path:
                continue
            there = replace(found.place, path=path)
            answers = [
                bool(outcome_at(policy, found.who, there))
                for policy in (self._before, self._after)
            ]
            parts.append((part, there, answers == [not found.opens, found.opens]))
        return parts


def _reached(policy: Policy, who: Subject) -> frozenset[str]:
    """Return the names by which rules of *policy* speak of *who*."""
    return frozenset(
        policy.reached_from(who.names).keys() & policy.rules_by_subject.keys()
    )
