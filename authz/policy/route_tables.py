"""The routes of an app: what a router's pattern serves, and which route serves a path.

A table of them that was written down lets a policy be checked where the app is not
installed.
"""

import json
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Final, Protocol

from authz.errors import PolicyError, Problem
from authz.policy.path_text import plain, spell_path
from authz.policy.patterns import SAMPLE, PathPattern

#: What a parameter matches, a value that no policy is likely to name, and how late
#: Werkzeug's router tries it, by its converter; any other: one segment.
_CONVERTERS: Final = {
    "int": (r"\d+", "987654321", 50),
    "float": (r"\d+\.\d+", "98765.4321", 50),
    "path": (r"[^/].*?", f"{SAMPLE}/{SAMPLE}", 200),
    "uuid": (
        r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
        "00000000-0000-4000-8000-000000000000",
        100,
    ),
}
_SEGMENT: Final = ("[^/]+", SAMPLE, 100)
#: A parameter of a route: its converter, the converter's arguments, its name.
PARAMETER: Final = re.compile(r"<(?:(\w+)(?:\((.*?)\))?:)?(\w+)>")


class UrlRule(Protocol):
    """What is asked of one rule of a router's map (Werkzeug's `Rule` fits)."""

    @property
    def rule(self) -> str:
        """The pattern, such as `/api/similar/<int:id>`."""

    @property
    def endpoint(self) -> str:
        """What the app calls it."""

    @property
    def methods(self) -> set[str] | None:
        """The methods it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePattern:
    """One method of one route."""

    method: str
    #: The router's pattern.
    route: str
    #: A path that the pattern matches.
    path: str
    endpoint: str
    #: Whether the app declared it public.
    public: bool = False

    @property
    def region(self) -> PathPattern:
        """The narrowest pattern of a rule that covers every path of the route."""
        return _region(self.route)

    def sample_in(self, pattern: PathPattern) -> str | None:
        """Return a path of *pattern* that the route serves; None if none is found."""
        common = pattern.overlap(self.region)
        if common is None:
            return None
        given = self.path.split("/")
        parts = [
            have or SAMPLE if want is None else want
            for want, have in zip_longest(common.literals, given)
        ][: None if common.tail else len(common.segments)]
        path = "/".join(parts)
        return path if serves(self.route, path) else None


def is_ours(endpoint: str) -> bool:
    """Return whether a route of this *endpoint* is one of authz's own."""
    return endpoint.startswith(("authz.", "authz_"))


class RouteTable:
    """The routes of an app, and which of them serves a path."""

    def __init__(self, routes: Iterable[RoutePattern]) -> None:
        self._routes: dict[tuple[str, str | None], list[RoutePattern]] = {}
        for route in sorted(routes, key=lambda route: _order(route.route)):
            key = route.method, route.region.head
            self._routes.setdefault(key, []).append(route)

    def serving(self, method: str, path: str) -> RoutePattern | None:
        """Return the route that the router would lead to; None if none serves it.

        A route that serves GET serves HEAD. What is spelled out comes before what may
        be anything, from left to right.
        """
        found = (
            route
            for route in self.near(method, PathPattern.literal(path))
            if serves(route.route, path)
        )
        return min(found, key=lambda route: _order(route.route), default=None)

    def near(self, method: str, pattern: PathPattern) -> Iterator[RoutePattern]:
        """Yield every route for *method* that may serve a path of *pattern*."""
        method = "GET" if method == "HEAD" else method
        heads: Iterable[str | None] = (pattern.head, None)
        if pattern.head is None:
            heads = [head for known, head in self._routes if known == method]
        for head in heads:
            yield from self._routes.get((method, head), ())


def route_patterns(
    url_rules: Iterable[UrlRule], public_endpoints: Container[str] = ()
) -> list[RoutePattern]:
    """Return every route and method of a router's map, by route and method."""
    return sorted(
        (
            RoutePattern(
                method=method,
                route=rule.rule,
                path=sample_path(rule.rule),
                endpoint=rule.endpoint,
                public=rule.endpoint in public_endpoints,
            )
            for rule in url_rules
            for method in _methods(rule)
        ),
        key=lambda route: (route.route, route.method),
    )


def depths_of(path: str) -> tuple[str, ...]:
    """Return *path*, a sample of a route, and others of it where it takes any depth."""
    one, two = SAMPLE, f"{SAMPLE}/{SAMPLE}"
    others = (path.replace(two, part) for part in (one, f"{two}/{one}"))
    return tuple(dict.fromkeys((path, *others)))


def sample_path(route: str) -> str:
    """Return a path that *route*, a router's pattern, serves: with unlikely values."""

    def sample(match: re.Match[str]) -> str:
        converter, arguments, _ = match.groups()
        if converter == "any" and arguments:
            return arguments.split(",")[0].strip(" '\"")
        return _CONVERTERS.get(converter, _SEGMENT)[1]

    return PARAMETER.sub(sample, route)


def read_routes(data: bytes, *, source: str) -> tuple[RoutePattern, ...]:
    """Read the table that `flask authz routes --json` wrote.

    Raises:
        PolicyError: if it is not such a table; *source* is the place.
    """
    try:
        document = json.loads(data)
        return tuple(
            RoutePattern(
                method=_text(row["method"]),
                route=_text(row["route"]),
                path=sample_path(_text(row["route"])),
                endpoint=_text(row.get("endpoint", "")),
                public=row.get("declared_public", False) is True,
            )
            for row in document["routes"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PolicyError.at(
            source,
            "this is not a table of routes",
            "make one with `flask authz routes --json`",
        ) from error


def route_of(
    routes: Iterable[RoutePattern], method: str, path: str
) -> RoutePattern | None:
    """Return the one of *routes* that serves *method* on *path*; None if none does."""
    return RouteTable(routes).serving(method, path)


def no_route(routes: Iterable[RoutePattern], asked: str, path: str) -> Problem:
    """Return that none of *routes* is *asked*, a request for *path*, and what is near.

    Segments `:name` of *path* stand for any.
    """
    routes = tuple(routes)
    methods = sorted({r.method for r in routes if same_shape(path, r)})
    near = get_close_matches(path, sorted({route.route for route in routes}), n=1)
    if methods:
        hint = f"the app has {', '.join(methods)} there"
    elif near:
        hint = f"did you mean `{near[0]}`?"
    else:
        hint = "`flask authz routes` lists what there is"
    return Problem(where=asked, message="no route of the app serves it", hint=hint)


def same_shape(path: str, route: RoutePattern) -> bool:
    """Return whether *route* serves *path*, whose segments `:name` stand for any."""
    return serves(route.route, plain(path)) or PathPattern.of(path).matches(route.path)


def serves(route: str, path: str) -> bool:
    """Return whether the router would lead *path* to *route*, its pattern."""
    return _expression(route).fullmatch(path) is not None


def _methods(rule: UrlRule) -> set[str]:
    methods = set(rule.methods or ()) - {"HEAD"}
    if getattr(rule, "provide_automatic_options", False):
        methods.discard("OPTIONS")
    return methods


@lru_cache(maxsize=4096)
def _order(route: str) -> tuple[int, ...]:
    """Return what sorts routes as the router tries them."""
    return tuple(
        max(
            (
                _CONVERTERS.get(found[1], _SEGMENT)[2]
                for found in PARAMETER.finditer(segment)
            ),
            default=0,
        )
        for segment in route.split("/")
    )


@lru_cache(maxsize=4096)
def _region(route: str) -> PathPattern:
    segments: list[str] = []
    for segment in PARAMETER.sub(_as_parameter, route).split("/"):
        if "\0" in segment:  # what follows may have any number of segments
            return PathPattern.of("/".join([*segments, "*"]))
        segments.append(":any" if ":" in segment else spell_path(segment))
    return PathPattern.of("/".join(segments))


def _as_parameter(match: re.Match[str]) -> str:
    return "\0" if match[1] == "path" else ":"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


@lru_cache(maxsize=4096)
def _expression(route: str) -> re.Pattern[str]:
    """Return what matches the paths of *route*."""
    expression = []
    end = 0
    for match in PARAMETER.finditer(route):
        converter, arguments, _ = match.groups()
        expression.append(re.escape(route[end : match.start()]))
        if converter == "any" and arguments:
            choices = (choice.strip(" '\"") for choice in arguments.split(","))
            expression.append(f"(?:{'|'.join(map(re.escape, choices))})")
        else:
            expression.append(_CONVERTERS.get(converter, _SEGMENT)[0])
        end = match.end()
    expression.append(re.escape(route[end:]))
    return re.compile("".join(expression), re.DOTALL)
