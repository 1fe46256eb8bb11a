"""Tests of a policy, as people write them: who, what, allowed or denied.

    people:
      kid: {roles: [user]}
    tests:
      - name: guests only look
        as: anonymous
        allow: ["GET /", "GET /search"]
        deny: ["POST /api/**"]
      - name: only admins start analysis
        matrix: {request: "POST /api/analysis", allow: [anna], deny: [kid, anonymous]}

Strict: what is not understood is a problem with its line, never a skipped test.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from authz.decision import ANONYMOUS, AUTHENTICATED, EVERYONE, About, Subject, signed_in
from authz.errors import InvalidValue
from authz.names import name_problem
from authz.policy.analysis.promises import ANYONE as WHOEVER
from authz.policy.analysis.promises import Promised, parse_promised
from authz.policy.analysis.yaml_nodes import Document, Node, line
from authz.policy.patterns import Methods, PathPattern
from authz.policy.route_tables import PARAMETER
from authz.scope import AskedScope, Scopes, asked_scope

ANYONE: Final = "anonymous"
#: What `paths` may say: the routes that are known, or every path there can be.
PATHS: Final = ("routes", "all")
_REQUEST: Final = re.compile(r"(\S+)[ \t]+(\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation(About):
    """Somebody may, or may not, do something."""

    #: What the file calls them.
    person: str
    #: Upper-case method names; empty means every one.
    methods: frozenset[str]
    #: A path, its parameters written `:name`.
    path: str
    #: Whether it speaks of everything below the path (`/**`).
    below: bool
    allowed: bool
    #: The line of the file.
    line: int
    #: The request as the file spells it.
    request: str
    #: The methods and the pattern, if it is promised of every path there can be.
    promised: Promised | None = None
    #: Who is left out of the promise: whoever has one of these names.
    but: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.person}: {self.request}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTest:
    """Some expectations under one name."""

    name: str
    line: int
    expectations: tuple[Expectation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestFile:
    """All tests of one file."""

    __test__ = False  # for pytest, which would take it for a test

    source: str
    people: Mapping[str, Subject]
    tests: tuple[PolicyTest, ...]
    #: Prefixes that the app's routes do not serve, of apps mounted beside it.
    mounts: tuple[str, ...] = ()


def read_tests(data: bytes, *, source: str = "policy_test.yaml") -> TestFile:
    """Read a file of policy tests.

    Raises:
        PolicyError: with every problem found; a file is read whole or not at all.
    """
    document = Document(data, source=source)
    reader = _Reader(document)
    top = document.known(document.root, "the file", ("people", "tests", "mounts"))
    if "people" in top:
        reader.read_people(top["people"])
    tests = tuple(reader.tests(top["tests"])) if "tests" in top else ()
    mounts = tuple(reader.mounts(top["mounts"])) if "mounts" in top else ()
    if not tests and not document.problems:
        document.problem(0, "there is no test in it", "write `tests:` and a test")
    document.refuse()
    return TestFile(source=source, people=reader.people, tests=tests, mounts=mounts)


class _Reader:
    def __init__(self, document: Document) -> None:
        self._document = document
        self.people: dict[str, Subject] = {ANYONE: ANONYMOUS}
        #: Whether the test that is read is about every path there can be.
        self._every = False

    def read_people(self, node: Node) -> None:
        for key, key_node, value in self._document.mapping(node, "`people`"):
            if key == ANYONE:
                self._document.problem(
                    key_node,
                    f"`{ANYONE}` is whoever has not signed in, and nobody else",
                    "give the person another name",
                )
                continue
            person = self._person(key, key_node, value)
            if person is not None:
                self.people[key] = person

    def _person(self, key: str, key_node: Node, node: Node) -> Subject | None:
        parts = self._document.known(
            node, f"the person `{key}`", ("name", "roles", "groups")
        )
        name = f"user:{key}"
        if "name" in parts:
            name = self._document.text(parts["name"], "a name") or name
            key_node = parts["name"]
        name = name if ":" in name else f"user:{name}"
        names = [
            (each, each_node)
            for kind, field in (("role", "roles"), ("group", "groups"))
            if field in parts
            for each, each_node in self._names(parts[field], field, kind)
        ]
        for each, each_node in ((name, key_node), *names):
            problem = name_problem(each)
            if problem:
                self._document.problem(each_node, problem.message, problem.hint)
                return None
        more = frozenset(each for each, _ in names)
        if name.startswith("user:") and "/" not in name:
            return signed_in(name, source="local", display_name=key, groups=more)
        return Subject(
            name=name,
            names=more | {name, EVERYONE, AUTHENTICATED},
            source="",
            display_name=key,
        )

    def _names(self, node: Node, field: str, kind: str) -> Iterator[tuple[str, Node]]:
        for item in self._document.items(node, f"`{field}`"):
            text = self._document.text(item, f"one of the {field}")
            if text is not None:
                yield (text if text.startswith(f"{kind}:") else f"{kind}:{text}"), item

    def tests(self, node: Node) -> Iterator[PolicyTest]:
        for item in self._document.items(node, "`tests`"):
            keys = ("name", "scope", "paths", "but", "as", "allow", "deny", "matrix")
            parts = self._document.known(item, "a test", keys)
            name = None
            if "name" in parts:
                name = self._document.text(parts["name"], "a test's name")
            else:
                self._document.problem(
                    item, "a test has no name", "write `name: what holds`"
                )
            scope = self._scope(parts["scope"]) if "scope" in parts else None
            self._every = "paths" in parts and self._paths(parts["paths"], scope)
            but = tuple(self._but(parts["but"])) if "but" in parts else ()
            expectations = tuple(
                replace(each, scope=scope, but=but)
                for each in self._expectations(item, parts)
            )
            yield PolicyTest(
                name=name or "", line=line(item), expectations=expectations
            )

    def _paths(self, node: Node, scope: AskedScope) -> bool:
        """Return whether a test is about every path there can be."""
        text = self._document.text(node, "`paths`")
        if text is not None and text not in PATHS:
            self._document.problem(
                node, f"`paths` is `{text}`", "write `all`, or leave it out"
            )
        if text == "all" and isinstance(scope, Scopes):
            self._document.problem(
                node,
                "a promise is about one scope, or about each",
                "write a test for each scope, or leave `scope:` out",
            )
        return text == "all"

    def _but(self, node: Node) -> Iterator[str]:
        if not self._every:
            self._document.problem(
                node, "`but` leaves nobody out here", "write `paths: all` beside it"
            )
        for item in self._document.one_or_more(node):
            text = self._document.text(item, "a name") or ""
            problem = name_problem(text)
            if problem:
                self._document.problem(item, problem.message, problem.hint)
            else:
                yield text

    def _scope(self, node: Node) -> AskedScope:
        found = []
        for item in self._document.one_or_more(node):
            text = self._document.text(item, "a scope")
            if text is None:
                continue
            try:
                asked_scope([text])
            except InvalidValue as error:
                self._document.problem(item, error.problem.message, error.problem.hint)
            else:
                found.append(text)
        if not found:
            self._document.problem(
                node, "no scope is named", "name one, such as `library:kids`"
            )
        return asked_scope(found)

    def _expectations(
        self, item: Node, parts: Mapping[str, Node]
    ) -> Iterator[Expectation]:
        asks = [key for key in ("allow", "deny") if key in parts]
        if "matrix" not in parts and not asks:
            self._document.problem(
                item, "the test expects nothing", "write `allow:`, `deny:` or `matrix:`"
            )
        if bool(asks) != ("as" in parts):
            self._document.problem(
                item,
                "the test does not say as whom"
                if asks
                else "the test says as whom, but not what",
                f"write `as: {ANYONE}`, or one of the people"
                if asks
                else "write `allow:` or `deny:` beside `as:`",
            )
        people = self._people(parts["as"]) if "as" in parts else []
        for key in asks:
            for request in self._document.one_or_more(parts[key]):
                yield from self._each(request, people, allowed=key == "allow")
        for matrix in (
            self._document.one_or_more(parts["matrix"]) if ("matrix" in parts) else ()
        ):
            yield from self._matrix(matrix)

    def _matrix(self, node: Node) -> Iterator[Expectation]:
        parts = self._document.known(node, "a matrix", ("request", "allow", "deny"))
        if "request" not in parts or not ({"allow", "deny"} & parts.keys()):
            self._document.problem(
                node,
                "the matrix is not complete",
                "write `request:`, and people under `allow:` and `deny:`",
            )
            return
        sides = [
            (k == "allow", self._people(parts[k]))
            for k in ("allow", "deny")
            if k in parts
        ]
        both = (
            set.intersection(*(set(people) for _, people in sides))
            if (len(sides) > 1)
            else set()
        )
        for name in sorted(both):
            self._document.problem(
                node, f"`{name}` is on both sides", "decide for one of them"
            )
        for request in self._document.one_or_more(parts["request"]):
            for allowed, people in sides:
                yield from self._each(request, people, allowed=allowed)

    def _people(self, node: Node) -> list[str]:
        found = []
        for item in self._document.one_or_more(node):
            name = self._document.text(item, "a person")
            if name is None:
                continue
            if name not in self.people and not (self._every and name == WHOEVER):
                near = get_close_matches(name, self.people, n=1)
                self._document.problem(
                    item,
                    f"there is no person `{name}`",
                    f"did you mean `{near[0]}`?"
                    if near
                    else "add them under `people:`",
                )
            elif name in found:
                self._document.problem(item, f"`{name}` is there twice", "remove one")
            else:
                found.append(name)
        if not found:
            self._document.problem(node, "nobody is named", "name one of the people")
        return found

    def _each(
        self, node: Node, people: list[str], *, allowed: bool
    ) -> Iterator[Expectation]:
        text = self._document.text(node, "a request")
        if text is None:
            return
        try:
            promised = parse_promised(text) if self._every else None
            parts = (frozenset[str](), "", False) if promised else parse_request(text)
            methods, path, below = parts
        except InvalidValue as error:
            self._document.problem(node, error.problem.message, error.problem.hint)
            return
        for person in people:
            yield Expectation(
                person=person,
                methods=methods,
                path=path,
                below=below,
                allowed=allowed,
                line=line(node),
                request=text,
                promised=promised,
            )

    def mounts(self, node: Node) -> Iterator[str]:
        for item in self._document.items(node, "`mounts`"):
            text = self._document.text(item, "a mount")
            if text is None:
                continue
            problem = PathPattern.problem(text)
            if problem or "*" in text or text == "/":
                self._document.problem(
                    item, f"`{text}` is not a prefix", "write for example `/metrics`"
                )
            else:
                yield text.rstrip("/")


def parse_request(text: str) -> tuple[frozenset[str], str, bool]:
    """Return the methods, the path, and whether all below it is meant.

    Raises:
        InvalidValue: if it is no request.
    """
    found = _REQUEST.fullmatch(text.strip())
    if not found:
        raise InvalidValue(
            f"`{text}` is not a request",
            "write a method and a path, such as `GET /map` or `* /**`",
        )
    methods = Methods.parse(found[1])
    path = PARAMETER.sub(":any", found[2])
    below = path.endswith("/**")
    path = path.removesuffix("**") if below else path
    if "*" in path:
        raise InvalidValue(
            f"`{text}` has a `*` in its path",
            "write `/**` at the end for everything below, or `:name` for one segment",
        )
    problem = PathPattern.problem(path)
    if problem:
        raise InvalidValue.of(problem)
    return methods.names, path, below
