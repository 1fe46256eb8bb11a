"""The places worth asking about: a few methods and paths that stand for all of them.

A policy tells only finitely many kinds of paths apart. Asked about one path of each
kind, two policies that ever answer differently do so at one of them; so the effect of
a change can be listed whole, not sampled.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from authz.decision import (
    ABOUT_NOTHING,
    About,
    Decision,
    Effect,
    PolicyInForce,
    Rule,
    Subject,
    outcome,
)
from authz.policy.patterns import (
    USUAL,
    Methods,
    PathPattern,
    depth_of,
    fresh_sample,
    in_order,
)
from authz.policy.route_tables import RoutePattern, RouteTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A method on a path, standing for all that no rule tells apart from it."""

    method: str
    path: str
    #: What it stands for, in words: a route, or a pattern that is part of one.
    shown: str
    #: The route that serves it; None if no routes are known.
    route: RoutePattern | None = None

    @property
    def is_public(self) -> bool:
        """Whether the app declared it public."""
        return self.route is not None and self.route.public

    def __str__(self) -> str:
        return f"{self.method} {self.shown}"


def outcome_at(
    policy: PolicyInForce, subject: Subject, place: Place, about: About = ABOUT_NOTHING
) -> Decision:
    """Return what *policy* makes of *subject* at *place*, as the hook sees it."""
    asked = about.asked(subject, place.method, place.path)
    return outcome(policy.decide(asked), declared_public=place.is_public)


def places(
    rules: Iterable[Rule],
    routes: Sequence[RoutePattern] = (),
    *,
    touched: Iterable[Rule] | None = None,
) -> tuple[Place, ...]:
    """Return the places where *rules* may tell subjects or policies apart.

    With *routes*, one for each of them and those of the rules' that a route serves;
    without, those of the rules. If only *touched* of the rules matter, only theirs.
    """
    rules = tuple(rules)
    regions = _regions(rules if touched is None else tuple(touched), rules)
    found: dict[tuple[str, str], Place] = {
        (route.method, route.path): Place(
            method=route.method, path=route.path, shown=route.route, route=route
        )
        for route in routes
    }
    table = RouteTable(routes)
    for place in _ruled(rules, regions, table):
        key = place.method, place.path
        if key in found:
            continue
        route = table.serving(*key) if routes else None
        if route is not None:
            found[key] = within(place, route, PathPattern.of(place.shown))
        elif not routes:
            found[key] = place
    return tuple(found.values())


def within(place: Place, route: RoutePattern | None, region: PathPattern) -> Place:
    """Return *place* on *route*, named by what it shares with *region*.

    By the route only if *region* holds all of it.
    """
    if route is None:
        return replace(place, shown=str(region))
    if region.covers(route.region):
        return replace(place, shown=route.route, route=route)
    common = region.overlap(route.region)
    return replace(place, shown=str(common or place.path), route=route)


def _ruled(
    rules: Iterable[Rule], regions: Mapping[str, set[str]], table: RouteTable
) -> Iterator[Place]:
    patterns = {rule.path for rule in rules}
    depth = depth_of(patterns)
    sample = fresh_sample(patterns)
    for text, methods in regions.items():
        pattern = PathPattern.of(text)
        for path in pattern.samples(depth=depth, sample=sample):
            for method in in_order(methods):
                yield Place(method=method, path=path, shown=text)
        # A parameter of a route may want a number, or a word of a list.
        for method in in_order(methods) if pattern.is_wide else ():
            for route in table.near(method, pattern):
                fitting = route.sample_in(pattern)
                if fitting is not None:
                    yield Place(method=method, path=fitting, shown=text)


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
            both = Methods(denied_methods).overlap(Methods(methods))
            common = both and PathPattern.of(denied).overlap(PathPattern.of(allowed))
            if both and common:
                regions.setdefault(str(common), set()).update(both.names or usual)
    return regions
