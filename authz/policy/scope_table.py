"""Where the scope of a request is read: declared once for each route.

For an app that one owns, by `Authz.scoped` at the view; for one that one does not, by a
table, as strict as a policy:

    scope, /api/libraries/:library/*, *, library, path:library
    scope, /api/search, GET, library, query:library
    scope, /*, *, host, host
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from authz.errors import InvalidValue, PolicyError, Problem
from authz.policy.csv_rows import Row, read_rows
from authz.policy.patterns import Methods, PathPattern
from authz.scope import Scope

#: Where a value may stand in a request. All but `host` have a name there.
SOURCES: Final = ("path", "query", "json", "form", "header", "host")


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
            source not in SOURCES
            or bool(name) is (source == "host")
            or (colon and not name)
        ):
            raise InvalidValue(
                f"`{text[:60]}` is no place of a request",
                "write `path:NAME`, `query:NAME`, `json:NAME`, `form:NAME`, "
                "`header:NAME` or `host`",
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

    def __str__(self) -> str:
        return f"{self.kind} ({', '.join(map(str, self.places))})"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredPath:
    """One line of the table: a declaration, and for which requests it is."""

    pattern: PathPattern
    methods: Methods
    declaration: ScopeDeclaration

    def speaks_of(self, method: str, path: str) -> bool:
        """Return whether it is for *method* on *path*."""
        return self.methods.matches(method) and self.pattern.matches(path)

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
    )
    for place in declared.declaration.places:
        if place.source == "path" and path.split("/").count(f":{place.name}") != 1:
            raise InvalidValue(
                f"`{path}` has not one segment `:{place.name}`",
                f"name the segment that `{place}` means",
            )
    return declared
