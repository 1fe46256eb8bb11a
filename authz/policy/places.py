"""The places worth asking about: a few methods and paths that stand for all of them.

A policy tells only finitely many kinds of paths apart. Asked about one path of each
kind, two policies that ever answer differently do so at one of them; so the effect of
a change can be listed whole, not sampled.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from authz.decision import (
    AccessRequest,
    Decision,
    Effect,
    PolicyInForce,
    Reason,
    Rule,
    Subject,
)
from authz.policy.coverage import RoutePattern
from authz.policy.regions import (
    depth_of,
    fresh_sample,
    overlap,
    paths_in,
    shares_methods,
)
from authz.policy.route_tables import route_of

#: What a rule for every method is taken to stand for, in the order people expect.
_IN_ORDER: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
USUAL: Final = frozenset(_IN_ORDER)


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
    return "*" if every == USUAL else "|".join(in_order(every))


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
    found: dict[tuple[str, str], Place] = {
        (route.method, route.path): Place(
            method=route.method, path=route.path, shown=route.route, route=route
        )
        for route in routes
    }
    for place in _ruled(tuple(rules)):
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


def _ruled(rules: tuple[Rule, ...]) -> Iterator[Place]:
    patterns = {rule.path for rule in rules}
    depth = depth_of(patterns)
    sample = fresh_sample(patterns)
    for pattern, methods in _regions(rules).items():
        for path in paths_in(pattern, depth=depth, sample=sample):
            shown = pattern if sample in path or pattern.endswith("*") else path
            for method in in_order(methods):
                yield Place(method=method, path=path, shown=shown)


def _regions(rules: tuple[Rule, ...]) -> dict[str, set[str]]:
    """Return the patterns, and what is common to an allow and a deny, with methods."""
    regions: dict[str, set[str]] = {}
    for rule in rules:
        regions.setdefault(rule.path, set()).update(rule.methods or USUAL)
    denies = {(r.path, r.methods) for r in rules if r.effect is Effect.DENY}
    allows = {(r.path, r.methods) for r in rules if r.effect is Effect.ALLOW}
    for denied, denied_methods in denies:
        for allowed, methods in allows:
            if not shares_methods(denied_methods, methods):
                continue
            common = overlap(denied, allowed)
            if common is not None:
                both = (denied_methods or USUAL) & (methods or USUAL)
                regions.setdefault(common, set()).update(both)
    return regions
