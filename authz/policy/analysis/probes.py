"""The places worth asking about: a few methods and paths that stand for all of them.

A policy tells only finitely many kinds of paths apart. Asked about one path of each
kind, two policies that ever answer differently do so at one of them; so the effect of
a change can be listed whole, not sampled.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from authz.decision import (
    AccessRequest,
    Decision,
    Effect,
    Origin,
    PolicyInForce,
    Reason,
    Rule,
    Subject,
)
from authz.policy.analysis.coverage import RoutePattern
from authz.policy.regions import (
    common_methods,
    depth_of,
    fresh_sample,
    overlap,
    paths_in,
)
from authz.policy.route_tables import route_of
from authz.policy.rules import Policy, closure, grants_by_member

#: What a rule for every method is taken to stand for, in the order people expect.
_IN_ORDER: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
USUAL: Final = frozenset(_IN_ORDER)
_NOWHERE: Final = Origin("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A method on a path, standing for all that no rule tells apart from it."""

    method: str
    path: str
    #: The path in words: a route or a pattern where *path* has made-up values.
    shown: str
    #: The route that serves it; None if no routes are known.
    route: RoutePattern | None = None

    @property
    def is_public(self) -> bool:
        """Whether the app declared it public."""
        return self.route is not None and self.route.public

    def __str__(self) -> str:
        return f"{self.method} {self.shown}"


def in_order(methods: Iterable[str]) -> list[str]:
    """Return *methods* in the order people expect: GET first."""
    return sorted(methods, key=lambda m: (m not in USUAL, (*_IN_ORDER, m).index(m), m))


def methods_in_words(methods: Iterable[str]) -> str:
    """Return *methods* as a rule spells them; `*` for all that are usual."""
    every = set(methods)
    return "*" if every >= USUAL else "|".join(in_order(every))


def decide_at(policy: PolicyInForce, subject: Subject, place: Place) -> Decision:
    """Return what *policy* says of *subject* at *place*."""
    return policy.decide(
        AccessRequest(subject=subject, path=place.path, method=place.method)
    )


def is_allowed(decision: Decision, place: Place) -> bool:
    """Return whether *decision*, made about *place*, lets a request through.

    As the hook does: what the app declared public needs no rule.
    """
    return bool(decision) or (place.is_public and decision.reason is Reason.NO_RULE)


def places(
    rules: Iterable[Rule], routes: Sequence[RoutePattern] = ()
) -> tuple[Place, ...]:
    """Return the places where *rules* may tell subjects or policies apart.

    With *routes*, one for each of them and those of the rules' that a route serves;
    without, those of the rules.
    """
    rules = tuple(rules)
    return _served(rules, _regions(rules, rules), routes)


def changed_places(
    before: Policy, after: Policy, routes: Sequence[RoutePattern] = ()
) -> tuple[Place, ...]:
    """Return the places where *before* and *after* may tell somebody other things.

    As `places` of the rules of both, but only those that a difference of them touches;
    so a small change of a large policy is looked at quickly.
    """
    every = tuple({*_anywhere(before.rules), *_anywhere(after.rules)})
    touched = set(_anywhere(before.rules)) ^ set(_anywhere(after.rules))
    given = {(g.member, g.role) for g in before.grants} ^ {
        (g.member, g.role) for g in after.grants
    }
    roles = {role for _, role in given}
    reached = {
        name
        for policy in (before, after)
        for name in closure(roles, grants_by_member(policy.grants))
    }
    touched |= {rule for rule in every if rule.subject in reached}
    regions = _regions(tuple(touched), every)
    return _served(every, regions, routes)


def _anywhere(rules: Iterable[Rule]) -> Iterator[Rule]:
    """Yield *rules* so that they are equal wherever they stand."""
    for rule in rules:
        yield replace(rule, origin=_NOWHERE)


def _served(
    rules: Iterable[Rule],
    regions: Mapping[str, set[str]],
    routes: Sequence[RoutePattern],
) -> tuple[Place, ...]:
    """Return the routes, and places in *regions*; with routes, those that one serves.

    *rules* are all that may tell places apart.
    """
    found: dict[tuple[str, str], Place] = {
        (route.method, route.path): Place(
            method=route.method, path=route.path, shown=route.route, route=route
        )
        for route in routes
    }
    for place in _ruled(rules, regions):
        key = place.method, place.path
        if key in found:
            continue
        if routes:
            route = route_of(routes, *key)
            if route is None:
                continue
            shown = route.route if place.shown != place.path else place.path
            found[key] = replace(place, shown=shown, route=route)
        else:
            found[key] = place
    return tuple(found.values())


def _ruled(rules: Iterable[Rule], regions: Mapping[str, set[str]]) -> Iterator[Place]:
    patterns = {rule.path for rule in rules}
    depth = depth_of(patterns)
    sample = fresh_sample(patterns)
    for pattern, methods in regions.items():
        for path in paths_in(pattern, depth=depth, sample=sample):
            shown = pattern if sample in path or pattern.endswith("*") else path
            for method in in_order(methods):
                yield Place(method=method, path=path, shown=shown)


def _regions(rules: tuple[Rule, ...], every: tuple[Rule, ...]) -> dict[str, set[str]]:
    """Return the patterns of *rules* with their methods, and where denies cross allows.

    What is common to a deny of *rules* and an allow of *every* rule is a region of its
    own: it is the one place where such a deny can be missed by either.
    """
    regions: dict[str, set[str]] = {}
    # What a rule for every method covers and another one names is told apart too.
    usual = USUAL.union(*(rule.methods for rule in every))
    for rule in rules:
        regions.setdefault(rule.path, set()).update(rule.methods or usual)
    denies = {(r.path, r.methods) for r in rules if r.effect is Effect.DENY}
    allows = {(r.path, r.methods) for r in every if r.effect is Effect.ALLOW}
    for denied, denied_methods in denies:
        for allowed, methods in allows:
            both = common_methods(denied_methods, methods)
            common = overlap(denied, allowed) if both is not None else None
            if both is not None and common is not None:
                regions.setdefault(common, set()).update(both or usual)
    return regions
