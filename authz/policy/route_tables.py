"""A table of an app's routes that was written down, and which route serves a path.

With it a policy can be checked where the app is not installed.
"""

import json
import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

from authz.errors import PolicyError, Problem
from authz.policy.analysis.coverage import RoutePattern, sample_path

#: What a parameter matches, by its converter; any other: one segment.
_VALUES: Final = {
    "int": r"\d+",
    "float": r"\d+\.\d+",
    "path": r"[^/].*?",
    "uuid": r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
}
_PARAMETER: Final = re.compile(r"<(?:(\w+)(?:\((.*?)\))?:)?\w+>")


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
        raise PolicyError(
            [
                Problem(
                    where=source,
                    message="this is not a table of routes",
                    hint="make one with `flask authz routes --json`",
                )
            ]
        ) from error


def route_of(
    routes: Iterable[RoutePattern], method: str, path: str
) -> RoutePattern | None:
    """Return the first of *routes* that serves *method* on *path*; None if none does.

    A route that serves GET serves HEAD.
    """
    method = "GET" if method == "HEAD" else method
    return next(
        (r for r in routes if r.method == method and serves(r.route, path)), None
    )


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
    if serves(route.route, path):
        return True
    wanted, given = path.split("/"), route.path.split("/")
    return len(wanted) == len(given) and all(
        want == have or (want.startswith(":") and have != "")
        for want, have in zip(wanted, given, strict=True)
    )


def serves(route: str, path: str) -> bool:
    """Return whether the router would lead *path* to *route*, its pattern."""
    return _expression(route).fullmatch(path) is not None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


@lru_cache(maxsize=4096)
def _expression(route: str) -> re.Pattern[str]:
    """Return what matches the paths of *route*."""
    expression = []
    end = 0
    for match in _PARAMETER.finditer(route):
        converter, arguments = match.groups()
        expression.append(re.escape(route[end : match.start()]))
        if converter == "any" and arguments:
            choices = (choice.strip(" '\"") for choice in arguments.split(","))
            expression.append(f"(?:{'|'.join(map(re.escape, choices))})")
        else:
            expression.append(_VALUES.get(converter, "[^/]+"))
        end = match.end()
    expression.append(re.escape(route[end:]))
    return re.compile("".join(expression), re.DOTALL)
