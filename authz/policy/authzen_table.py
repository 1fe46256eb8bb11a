"""What a question of AuthZEN means where it does not speak of routes: a table.

A subject of type `user`, `group` or `role` is the name of that kind, and an `identity`
is a user. A resource of type `route` is a path, and its actions are HTTP
methods. Everything else is declared, as strictly as a policy:

    subject, employee, user:authentik/
    action, record, read, GET, /records/:id
    resource, record, record-1
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from authz.decision import Rule
from authz.errors import InvalidValue, PolicyError, Problem
from authz.names import name_problem
from authz.policy.csv_rows import Row, read_rows
from authz.policy.patterns import METHODS, USUAL_METHODS, PathPattern, pattern_of

#: The type of a resource that is a path.
ROUTE: Final = "route"
#: What the names of subjects of each type begin with, without a table.
_GIVEN: Final = {
    "user": "user:",
    "identity": "user:",
    "group": "group:",
    "role": "role:",
}
#: Those that a table may say otherwise about: no kind of name is called so.
_FREE: Final = frozenset({"identity"})
_ID: Final = ":id"


class Target(NamedTuple):
    """What a request for a resource would be."""

    method: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What doing something to a resource of a type is in HTTP."""

    method: str
    #: The path, with `:id` where the id of the resource stands.
    pattern: PathPattern

    def on(self, id: str) -> Target | None:  # noqa: A002 - the standard's word
        """Return the request for the resource *id*; None if it is no segment."""
        if not id or "/" in id:
            return None
        parts = (id if part is None else part for part in self.pattern.literals)
        return Target(self.method, "/".join(parts))

    def named_by(self, rule: Rule) -> str | None:
        """Return the id that *rule* speaks of by name, or None."""
        want, have = self.pattern.literals, pattern_of(rule)
        if have.tail or len(have.literals) != len(want):
            return None
        place = want.index(None)
        given = [part or "" for part in have.literals]
        return given[place] if self.pattern.matches("/".join(given)) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthzenTable:
    """What the types of subjects and resources mean."""

    #: What the names of subjects begin with, by type: `user:`.
    subjects: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType(dict(_GIVEN))
    )
    #: By type and name.
    actions: Mapping[tuple[str, str], Action] = field(default_factory=dict)
    #: Ids that are known, by type.
    resources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def target(self, kind: str, id: str, action: str) -> Target | None:  # noqa: A002
        """Return the request that *action* on a resource is; None if it is none."""
        if kind == ROUTE:
            return Target(action, id) if id.startswith("/") else None
        declared = self.actions.get((kind, action))
        return None if declared is None else declared.on(id)

    def actions_of(self, kind: str) -> tuple[str, ...]:
        """Return the names of what can be done to a resource of a type."""
        if kind == ROUTE:
            return USUAL_METHODS
        return tuple(name for of, name in self.actions if of == kind)

    def ids(self, kind: str, action: str, rules: Iterable[Rule]) -> set[str]:
        """Return the ids of resources of a declared type that are known.

        By the table, or because one of *rules* names them.
        """
        declared = self.actions.get((kind, action))
        if declared is None:
            return set()
        named = {declared.named_by(rule) for rule in rules}
        return {id for id in named if id} | {*self.resources.get(kind, ())}  # noqa: A001


def read_authzen_table(data: bytes, *, source: str = "authzen.csv") -> AuthzenTable:
    """Return the table that *data* holds.

    Raises:
        PolicyError: with every problem found; a table is read whole or not at all.
    """
    found = _Reader()
    problems: list[Problem] = []
    rows = read_rows(data, source=source).rows
    # What speaks of a type comes after what makes it one, wherever it stands.
    for row in sorted(rows, key=lambda row: row.kind == "resource"):
        try:
            found.take(row)
        except InvalidValue as error:
            problems.append(error.problem.at(row.origin))
    if not rows:
        problems.append(
            Problem(
                where=source,
                message="there is no declaration in it",
                hint="write `action, record, read, GET, /records/:id`",
            )
        )
    if problems:
        raise PolicyError(sorted(problems, key=lambda problem: str(problem.where)))
    return AuthzenTable(
        subjects=MappingProxyType(found.subjects),
        actions=MappingProxyType(found.actions),
        resources=MappingProxyType(
            {kind: tuple(ids) for kind, ids in found.resources.items()}
        ),
    )


class _Reader:
    """Takes one line after the other."""

    def __init__(self) -> None:
        self.subjects = dict(_GIVEN)
        self.actions: dict[tuple[str, str], Action] = {}
        self.resources: dict[str, dict[str, None]] = {}
        self._declared: set[str] = set()

    def take(self, row: Row) -> None:
        """Take *row*. Raises `InvalidValue`."""
        match row.kind, row.fields:
            case "subject", (kind, begin):
                self._subject(kind, begin)
            case "action", (kind, name, method, path):
                self._action(kind, name, method, path)
            case "resource", (kind, id_):
                self._resource(kind, id_)
            case _:
                raise InvalidValue(
                    "a line declares a subject, an action or a resource",
                    "write `subject, TYPE, user`, `action, TYPE, NAME, METHOD, PATH` "
                    "or `resource, TYPE, ID`",
                )
        if not all(row.fields):
            raise InvalidValue("a field is empty", "write what you mean")

    def _subject(self, kind: str, begin: str) -> None:
        if kind in self._declared or (kind in _GIVEN and kind not in _FREE):
            raise InvalidValue(f"`{kind}` is declared already", "remove one of the two")
        name, colon, rest = begin.partition(":")
        if name not in set(_GIVEN) - _FREE or name_problem(f"{name}:{rest}x"):
            raise InvalidValue(
                f"no names begin with `{begin}`",
                "write `user`, `group`, `role`, or the beginning of the names of a "
                "provider's people, `user:authentik/`",
            )
        if colon and not rest.endswith("/"):
            raise InvalidValue(
                f"`{begin}` is no provider's", "write for example `user:authentik/`"
            )
        self._declared.add(kind)
        self.subjects[kind] = f"{name}:{rest}"

    def _action(self, kind: str, name: str, method: str, path: str) -> None:
        if kind == ROUTE:
            raise InvalidValue(
                f"`{ROUTE}` needs no line: its actions are methods and its ids paths",
                "choose another type",
            )
        if (kind, name) in self.actions:
            raise InvalidValue(
                f"`{name}` of `{kind}` is declared already", "remove one of the two"
            )
        if method not in METHODS:
            raise InvalidValue(
                f"unknown method `{method}`", f"use one of {', '.join(sorted(METHODS))}"
            )
        problem = PathPattern.problem(path)
        if problem:
            raise InvalidValue.of(problem)
        pattern = PathPattern.of(path)
        free = [part for part in pattern.segments if part.startswith(":")]
        if pattern.tail or free != [_ID]:
            raise InvalidValue(
                f"`{path}` has not one segment `{_ID}`, and nothing else free",
                "write it where the id of the resource stands: `/records/:id`",
            )
        self.actions[kind, name] = Action(method=method, pattern=pattern)

    def _resource(self, kind: str, id_: str) -> None:
        if not any(of == kind for of, _ in self.actions):
            raise InvalidValue(
                f"nothing is said of what can be done to a `{kind}`",
                f"write `action, {kind}, read, GET, /{kind}s/:id` too",
            )
        path = f"/{id_}"
        if "/" in id_ or PathPattern.problem(PathPattern.literal(path).text):
            raise InvalidValue(
                f"`{id_}` cannot stand in a path", "write the id as one segment"
            )
        ids = self.resources.setdefault(kind, {})
        if id_ in ids:
            raise InvalidValue(f"`{id_}` is declared already", "remove one of the two")
        ids[id_] = None
