"""Where the scope of a request is read: declared once for each route.

For an app that one owns, by `Authz.scoped` at the view; for one that one does not, by a
table, as strict as a policy:

    scope, /api/libraries/:library/*, *, library, path:library
    scope, /api/search, GET, library, query:library
    scope, /*, *, host, host
    scope, /api/songs, GET, library, narrowed
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from authz.decision import Origin
from authz.errors import InvalidValue, PolicyError, Problem
from authz.policy.csv_rows import Row, read_rows
from authz.policy.patterns import Methods, PathPattern
from authz.policy.route_tables import PARAMETER, RoutePattern, no_route
from authz.scope import Scope

#: Where a value may stand in a request.
SOURCES: Final = ("path", "query", "json", "form", "header", "host")
#: In the place of one: requests name none, and the app shows and changes only what
#: belongs to the scopes of who asks.
NARROWED: Final = "narrowed"
#: What is told of routes whose requests the app itself says all about.
APP_SAYS: Final = "the app says"
_NAMELESS: Final = frozenset({"host", NARROWED})


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a request: `query:library`, `path:id`, `host`."""

    source: str
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Return the place that *text* names. Raises `InvalidValue`."""
        source, colon, name = text.partition(":")
        if (
            source not in (*SOURCES, NARROWED)
            or bool(name) is (source in _NAMELESS)
            or (colon and not name)
        ):
            raise InvalidValue(
                f"`{text[:60]}` is no place of a request",
                "write `path:NAME`, `query:NAME`, `json:NAME`, `form:NAME`, "
                "`header:NAME` or `host`; or `narrowed`, if requests name none",
            )
        return cls(source, name)

    def __str__(self) -> str:
        return f"{self.source}:{self.name}" if self.name else self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeDeclaration:
    """What requests to a route are about: a scope of *kind*, read at *places*.

    One place must have it; where several do, they must agree.
    """

    kind: str
    places: tuple[Place, ...]
    #: Whether a request may name several; it is then allowed if it is for each.
    several: bool = False

    def __post_init__(self) -> None:
        Scope.of(self.kind, "any")  # raises `InvalidValue`
        if not self.places:
            raise InvalidValue(
                f"no place is named for the scope of kind `{self.kind}`",
                "name one, such as `path:library`",
            )
        if self.narrowed and (len(self.places) > 1 or self.several):
            raise InvalidValue(
                f"requests name no scope of kind `{self.kind}`, and they do",
                "write `narrowed` alone, or the places alone",
            )

    @property
    def narrowed(self) -> bool:
        """Whether requests name none, and what they show and change is narrowed."""
        return any(place.source == NARROWED for place in self.places)

    def __str__(self) -> str:
        return f"{self.kind} ({', '.join(map(str, self.places))})"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredPath:
    """One line of the table: a declaration, and for which requests it is."""

    pattern: PathPattern
    methods: Methods
    declaration: ScopeDeclaration
    origin: Origin

    def speaks_of(self, method: str, path: str) -> bool:
        """Return whether it is for *method* on *path*."""
        return self.methods.matches(method) and self.pattern.matches(path)

    def meets(self, route: RoutePattern) -> bool:
        """Return whether it is for some path of *route*."""
        asked = {route.method, "HEAD" if route.method == "GET" else route.method}
        return (
            any(map(self.methods.matches, asked))
            and route.sample_in(self.pattern) is not None
        )

    def segment(self, path: str, name: str) -> str:
        """Return what stands in *path*, which it is for, where `:name` is."""
        return path.split("/")[self.pattern.segments.index(f":{name}")]


def read_scope_table(
    data: bytes, *, source: str = "scopes.csv"
) -> tuple[DeclaredPath, ...]:
    """Return the lines of a table of scopes.

    Raises:
        PolicyError: with every problem found; a table is read whole or not at all.
    """
    found: list[DeclaredPath] = []
    problems: list[Problem] = []
    for row in read_rows(data, source=source).rows:
        try:
            found.append(_declared(row))
        except InvalidValue as error:
            problems.append(error.problem.at(row.origin))
    if not found and not problems:
        problems.append(
            Problem(
                where=source,
                message="there is no declaration in it",
                hint="write `scope, /api/libraries/:id/*, *, library, path:id`",
            )
        )
    if problems:
        raise PolicyError(problems)
    return tuple(found)


def declared_for(
    table: Iterable[DeclaredPath], method: str, path: str
) -> list[DeclaredPath]:
    """Return the lines that are for *method* on *path*."""
    return [line for line in table if line.speaks_of(method, path)]


def misfits(
    table: Iterable[DeclaredPath],
    by_endpoint: Mapping[str, Sequence[ScopeDeclaration]],
    routes: Sequence[RoutePattern],
) -> Iterator[Problem]:
    """Yield what is declared for no route that the app has.

    A line of the *table* that is for none of the *routes*, and a parameter that no
    route of its endpoint has: requests would be about no scope where one was meant.
    """
    for line in table:
        if not any(line.meets(route) for route in routes):
            asked = f"{line.methods} {line.pattern.text}"
            hint = no_route(routes, asked, line.pattern.text).hint
            yield Problem(
                where=str(line.origin),
                message=f"no route of the app is {asked}, so nothing is about its "
                f"{line.declaration.kind} by this line",
                hint=hint,
            )
    for endpoint, every in by_endpoint.items():
        served = [route for route in routes if route.endpoint == endpoint]
        names = {m[3] for r in served for m in PARAMETER.finditer(r.route)}
        for place in (place for declared in every for place in declared.places):
            if served and place.source == "path" and place.name not in names:
                yield Problem(
                    where=f"the view {endpoint}",
                    message=f"{served[0].route} has no parameter `{place.name}`, from "
                    "which a scope is to be read",
                    hint="name one of: " + ", ".join(sorted(names))
                    if names
                    else "name another place, such as a field of the query",
                )


def _declared(row: Row) -> DeclaredPath:
    if row.kind != "scope" or len(row.fields) < 4:  # noqa: PLR2004 - they are named below
        raise InvalidValue(
            "a line declares a path, methods, a kind of scope and where it is read",
            "write `scope, /api/libraries/:id/*, *, library, path:id`",
        )
    path, methods, kind, *places = row.fields
    problem = PathPattern.problem(path)
    if problem:
        raise InvalidValue.of(problem)
    declared = DeclaredPath(
        pattern=PathPattern.of(path),
        methods=Methods.parse(methods),
        declaration=ScopeDeclaration(
            kind=kind, places=tuple(Place.parse(place) for place in places)
        ),
        origin=row.origin,
    )
    for place in declared.declaration.places:
        if place.source == "path" and path.split("/").count(f":{place.name}") != 1:
            raise InvalidValue(
                f"`{path}` has not one segment `:{place.name}`",
                f"name the segment that `{place}` means",
            )
    return declared
