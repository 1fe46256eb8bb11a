"""Runs the tests of a policy, and tells which rules they covered.

`**` means everything below. Where the routes of the app are known, that is every route
there; where they are not, it is every path there can be. So a `deny` of `/api/**` fails
as soon as one rule opens anything below it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from authz.decision import About, Decision, Effect, Origin, PolicyInForce, Rule, Subject
from authz.errors import InvalidValue, PolicyError, Problem
from authz.policy.analysis.path_classes import EVERY_PATH
from authz.policy.analysis.probes import Place, outcome_at, places
from authz.policy.analysis.promises import (
    Party,
    Promise,
    Question,
    budget,
    check_known,
)
from authz.policy.analysis.prove import prove
from authz.policy.analysis.tests_file import Expectation, PolicyTest, TestFile
from authz.policy.patterns import USUAL, PathPattern, fresh_sample, in_order
from authz.policy.route_tables import (
    RoutePattern,
    RouteTable,
    no_route,
    same_shape,
    serves,
)
from authz.scope import texts_of

#: How many kinds of paths one promise may look at.
_PROOF: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """A place where the policy says something else than was expected."""

    place: Place
    decision: Decision
    #: Who asks there, if the test names nobody in particular: `somebody with role:x`.
    who: str = ""

    @property
    def where(self) -> str:
        """The method and the path, and who asks there."""
        return f"{self.place} by {self.who}" if self.who else str(self.place)

    @property
    def why(self) -> str:
        """What was got instead, and by which rule."""
        word = "deny" if self.decision.effect is Effect.DENY else "allow"
        if not self.decision.rules:
            return "got deny (no rule allows it)" if word == "deny" else f"got {word}"
        rule = self.decision.rules[0]
        return f"got {word} by {rule.origin} ({rule.path})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One expectation, and where it did not hold."""

    expectation: Expectation
    surprises: tuple[Surprise, ...]
    #: At how many places the policy was asked.
    places: int
    #: Why it could not be proven, of every path there can be; empty if it could.
    unproven: str = ""

    @property
    def passed(self) -> bool:
        """Whether it held everywhere."""
        return not self.surprises and not self.unproven


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """The outcomes of one test."""

    __test__ = False  # for pytest, which would take it for a test

    test: PolicyTest
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """Whether all its expectations held."""
        return all(outcome.passed for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCoverage:
    """Which rules decided at least one expectation that was asked about."""

    rules: tuple[Rule, ...]
    covered: frozenset[Rule]

    @property
    def uncovered(self) -> tuple[Rule, ...]:
        """The rules that no test speaks of."""
        return tuple(rule for rule in self.rules if rule not in self.covered)

    @property
    def share(self) -> Fraction:
        """What part of the rules is covered; exact."""
        if not self.rules:
            return Fraction(1)
        return 1 - Fraction(len(self.uncovered), len(self.rules))

    @property
    def percent(self) -> str:
        """The share in per cent with one decimal, never rounded up."""
        tenths = int(self.share * 1000)
        return f"{tenths // 10}.{tenths % 10}"


def run_tests(
    file: TestFile, policy: PolicyInForce, routes: Sequence[RoutePattern] = ()
) -> Iterator[tuple[TestResult, frozenset[Rule]]]:
    """Yield the result of each test of *file*, and the rules that decided in it.

    Raises:
        PolicyError: if a test asks about what no route serves, or about a scope where
            the policy has none; before any test runs.
    """
    asker = _Asker(file, policy, routes)
    for test in file.tests:
        for expectation in test.expectations:
            if expectation.promised:
                asker.check_names(expectation)
                continue
            asker.find(expectation)
            asker.check_scope(expectation)
    if asker.problems:
        raise PolicyError(asker.problems)
    for test in file.tests:
        decided: set[Rule] = set()
        outcomes = tuple(asker.ask(each, decided) for each in test.expectations)
        yield TestResult(test=test, outcomes=outcomes), frozenset(decided)


def covered(policy: PolicyInForce, decided: Iterable[Rule]) -> RuleCoverage:
    """Return how far the rules that *decided* are all that *policy* has."""
    rules = policy.written.rules if policy.written else ()
    return RuleCoverage(rules=rules, covered=frozenset(decided))


class _Asker:
    """Finds the places that an expectation means, and asks the policy there."""

    def __init__(
        self, file: TestFile, policy: PolicyInForce, routes: Sequence[RoutePattern]
    ) -> None:
        self._file = file
        self._policy = policy
        self._routes = routes
        self._table = RouteTable(routes)
        self._rules = policy.written.rules if policy.written else ()
        self._sample = fresh_sample(rule.path for rule in self._rules)
        self._found: dict[tuple[frozenset[str], str, bool], tuple[Place, ...]] = {}
        self.problems: list[Problem] = []

    def ask(self, expectation: Expectation, decided: set[Rule]) -> Outcome:
        """Return what came of *expectation*; the rules that decide are kept."""
        if expectation.promised:
            return self._prove(expectation, self._promise(expectation))
        who = self._file.people[expectation.person]
        found = self.find(expectation)
        surprises = []
        for place in found:
            decision = outcome_at(self._policy, who, place, expectation)
            decided.update(decision.rules)
            if bool(decision) is not expectation.allowed:
                surprises.append(Surprise(place=place, decision=decision))
        return Outcome(
            expectation=expectation, surprises=tuple(surprises), places=len(found)
        )

    def check_names(self, expectation: Expectation) -> None:
        """Refuse a promise about what the policy does not know."""
        if self._policy.written is None:
            return
        try:
            check_known(self._promise(expectation), self._policy.written)
        except InvalidValue as error:
            where = f"{self._file.source}:{expectation.line}"
            self.problems.append(replace(error.problem, where=where))

    def _promise(self, expectation: Expectation) -> Promise:
        who = self._file.people.get(expectation.person)
        # The people of a test are made up; what they hold is not.
        party = (
            Party(text=expectation.person, names=None)
            if who is None
            else Party(
                text=expectation.person, names=who.names, known=frozenset({who.name})
            )
        )
        methods, region = expectation.promised or ((), EVERY_PATH)
        return Promise(
            question=Question.ALWAYS if expectation.allowed else Question.NEVER,
            parties=(party,),
            methods=methods,
            region=region,
            but=expectation.but,
            scope="".join(texts_of(expectation.scope)),
            text=str(expectation),
        )

    def _prove(self, expectation: Expectation, promise: Promise) -> Outcome:
        answer = prove(self._policy, promise, budget(_PROOF))
        surprises: tuple[Surprise, ...] = ()
        example = answer.example
        if example is not None:
            place = Place(method=example.method, path=example.path, shown=example.path)
            who = Subject(
                name=expectation.person, names=example.names, source="", display_name=""
            )
            about = About.of_kept({"scope": example.scope})
            decision = outcome_at(self._policy, who, place, about)
            surprises = (Surprise(place=place, decision=decision, who=example.who),)
        return Outcome(
            expectation=expectation,
            surprises=surprises,
            places=answer.paths,
            unproven=answer.why,
        )

    def check_scope(self, expectation: Expectation) -> None:
        """Refuse a scope where the policy has none: nothing would depend on it."""
        written = self._policy.written
        if expectation.scope and written is not None and not written.scoped:
            self.problems.append(
                Problem(
                    where=f"{self._file.source}:{expectation.line}",
                    message="the test names a scope, but the policy has none",
                    hint="leave out `scope:`, or set AUTHZ_MODEL",
                )
            )

    def find(self, expectation: Expectation) -> tuple[Place, ...]:
        """Return the places that *expectation* means; none is a problem."""
        key = expectation.methods, expectation.path, expectation.below
        found = self._found.get(key)
        if found is None:
            found = tuple(
                self._below(expectation) if expectation.below else self._at(expectation)
            )
            self._found[key] = found
            if not found:
                self._nowhere(expectation)
        return found

    def _at(self, expectation: Expectation) -> Iterator[Place]:
        path = PathPattern.of(expectation.path).sample(self._sample)
        elsewhere = not self._routes or self._is_mounted(path)
        for method in in_order(expectation.methods or USUAL):
            route = self._route(method, expectation.path, path)
            if route is not None:
                yield Place(
                    method=method,
                    path=path if serves(route.route, path) else route.path,
                    shown=expectation.path,
                    route=route,
                )
            elif elsewhere:
                yield Place(method=method, path=path, shown=expectation.path)
            elif expectation.methods:
                self._nowhere(expectation, method)

    def _route(self, method: str, shown: str, path: str) -> RoutePattern | None:
        """Return the route that serves *path*, made of *shown*."""
        found = self._table.serving(method, path)
        if found is None and path != shown:
            # A converter may want a number where the sample is none.
            return next(
                (
                    route
                    for route in self._routes
                    if route.method == method and same_shape(shown, route)
                ),
                None,
            )
        return found

    def _below(self, expectation: Expectation) -> Iterator[Place]:
        prefix = expectation.path
        everything_there = Rule(
            subject="role:everyone",
            path=f"{prefix}*",
            methods=expectation.methods,
            effect=Effect.DENY,
            origin=Origin(""),
        )
        routes = () if self._is_mounted(prefix) else self._routes
        for place in places((*self._rules, everything_there), routes):
            if place.path.startswith(prefix) and (
                not expectation.methods or place.method in expectation.methods
            ):
                yield place

    def _is_mounted(self, path: str) -> bool:
        return any(
            path == mount or path.startswith(f"{mount}/") for mount in self._file.mounts
        )

    def _nowhere(self, expectation: Expectation, method: str | None = None) -> None:
        path = expectation.path
        asked = f"{method} {path}" if method else expectation.request
        found = no_route(self._routes, asked, path)
        problem = replace(
            found,
            where=f"{self._file.source}:{expectation.line}",
            message=f"no route of the app is {asked}",
        )
        if problem not in self.problems:
            self.problems.append(problem)
