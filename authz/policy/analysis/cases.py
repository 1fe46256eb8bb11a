"""A promise made ready: what is said of whom, and a walk to what breaks it.

Nothing is broken unless something *opens* it: for `never` a rule that allows. So each
pattern that does is gone through by itself, and there only those rules tell paths apart
that speak of the same people: how often other patterns cross does not matter.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from authz.decision import Effect, Rule
from authz.policy.analysis.holders import Names, People
from authz.policy.analysis.path_classes import PathClasses
from authz.policy.analysis.pattern_tree import PatternTree
from authz.policy.analysis.promises import (
    EVERY_METHOD,
    STRIDE,
    Answer,
    Counterexample,
    Promise,
    Verdict,
    Watch,
)
from authz.policy.patterns import Methods, PathPattern

#: Whom the rules of one side speak of, at one method and path: (allowed, denied).
Said = tuple[int, int]
#: What breaks a promise: who, and in which scope.
Broken = tuple[Names, str]
#: Says what breaks a promise where so much is said on each side.
Breaks = Callable[[Sequence[Said]], Broken | None]
#: What rules speak of beside people and paths: on which side, whether they deny, and
#: the methods as bits.
About = tuple[int, bool, int]
#: What the rules with one pattern say, of whom.
Saying = dict[About, int]

_TOO_LONG: Final = "the time was up before everything was looked at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Why a promise may be broken where a pattern matches."""

    #: Who may break it there, and with which methods.
    whom: int
    methods: int
    #: The side that has to allow it, and False: (0, False) is what allows on the first
    #: side. More of that only breaks more. None if nothing is like that.
    more: tuple[int, bool] | None = None
    #: The number of the pattern.
    number: int = -1


class TimeIsUp(Exception):
    """The one who waits wants to wait no longer."""


class Steps:
    """Counts what is looked at, and stops when whoever waits says so."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._left = 0

    def __call__(self) -> None:
        """Look at one thing more.

        Raises:
            TimeIsUp: if there is no time for it.
        """
        if not self._left:
            if self._watch.stop():
                raise TimeIsUp
            self._left = STRIDE
        self._left -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some of all paths, and what is said there of those who matter."""

    pattern: PathPattern
    methods: int
    #: What is said on every path of it.
    everywhere: Sequence[tuple[About, int]]
    #: What is said where another pattern matches too.
    further: Sequence[tuple[PathPattern, Sequence[tuple[About, int]]]]

    def places(
        self, sample: str, step: Callable[[], None]
    ) -> Iterator[tuple[str, list[tuple[About, int]]]]:
        """Yield a smallest path of each kind, and what is said there."""
        classes = PathClasses([pattern for pattern, _ in self.further])
        for each in classes.within(self.pattern, sample=sample, step=step):
            entries = [*self.everywhere]
            for number in each.matched:
                entries += self.further[number][1]
            yield each.path, entries


class Case:
    """A promise made ready: sides to compare, and what breaks it."""

    def __init__(
        self,
        people: People,
        *,
        breaks: Breaks,
        sides: int,
        meant: int,
        opens: Callable[[Saying], Opening | None] | None,
    ) -> None:
        """Compare *sides*, as far as *meant* people go.

        It can be broken only where a pattern matches that *opens* it; with None also
        where no rule speaks.
        """
        self._people = people
        self._breaks = breaks
        self._sides = sides
        self._meant = meant
        self._opens = opens
        self._patterns: dict[PathPattern, Saying] = {}

    def add(
        self, side: int, policy_rules: Iterable[Rule], held: dict[str, int]
    ) -> None:
        """Let *policy_rules* speak on *side*, of those who hold what names *held*."""
        for rule in policy_rules:
            held_by = held.get(rule.subject, 0)
            whom = held_by and held_by & self._people.within(rule.scope) & self._meant
            if whom:
                said = self._patterns.setdefault(PathPattern.of(rule.path), {})
                about = side, rule.effect is Effect.DENY, method_bits(rule.methods)
                said[about] = said.get(about, 0) | whom

    def answer(self, promise: Promise, watch: Watch) -> Answer:
        """Walk through every kind of path and method of *promise*."""
        walk = _Walk(self._patterns, promise)
        openings = sorted(self._openings(promise), key=lambda each: _least(each[0]))
        step = Steps(watch)
        found: _Size | None = None
        looked_at = 0
        try:
            step()
            for number, (pattern, opening) in enumerate(openings):
                if found is not None and _least(pattern) > found[:2]:
                    break  # whatever is found there is larger
                step()
                if not number % STRIDE:
                    watch.tell(number, len(openings))
                part = walk.part(pattern, opening)
                if part is None:
                    continue
                for path, entries in part.places(walk.sample, step):
                    size = path.count("/"), len(path), path
                    if found is not None and size[0] > found[0]:
                        break
                    looked_at += 1
                    if found is not None and size > found:
                        continue
                    kinds = said_of(entries, part.methods, self._sides)
                    if any(self._breaks(said) for _, said in kinds):
                        found = size
        except TimeIsUp:
            return Answer(
                promise=promise,
                verdict=Verdict.NOT_PROVEN,
                why=_TOO_LONG,
                paths=looked_at,
            )
        watch.tell(len(openings), len(openings))
        return Answer(
            promise=promise,
            verdict=Verdict.PROVEN if found is None else Verdict.REFUTED,
            example=found and self._example(found[2], walk),
            paths=looked_at,
        )

    def _openings(self, promise: Promise) -> Iterator[tuple[PathPattern, Opening]]:
        asked = _bits(promise.methods)
        if self._opens is None:
            yield promise.region, Opening(whom=self._meant, methods=asked)
            return
        for number, (pattern, saying) in enumerate(self._patterns.items()):
            opening = self._opens(saying)
            if opening is not None and opening.methods & asked:
                part = pattern.overlap(promise.region)
                if part is not None:
                    yield part, replace(opening, number=number)

    def _example(self, path: str, walk: "_Walk") -> Counterexample:
        """Return the first method, and the first person, that break it at *path*."""
        kinds = said_of(walk.said_at(path), walk.asked, self._sides)
        for method, said in sorted(kinds, key=lambda kind: kind[0]):
            broken = self._breaks(said)
            if broken is not None:
                return Counterexample(
                    names=broken[0],
                    scope=broken[1],
                    method=EVERY_METHOD[method],
                    path=path,
                )
        raise AssertionError(path)  # more is said there, which only breaks more


#: Segments, letters, and the path itself.
_Size = tuple[int, int, str]


class _Walk:
    """Finds what matters where a pattern opens a promise."""

    def __init__(self, patterns: dict[PathPattern, Saying], promise: Promise) -> None:
        self.asked = _bits(promise.methods)
        self._patterns = list(patterns)
        self._sayings = list(patterns.values())
        self._tree = PatternTree(self._patterns)
        self.sample = self._tree.fresh(promise.region)

    def part(self, pattern: PathPattern, opening: Opening) -> Part | None:
        """Return what is said in *pattern* of those whom *opening* is about.

        None if each of them is denied all of it.
        """
        methods, more = opening.methods & self.asked, opening.more
        whom = opening.whom & ~self._denied_all(pattern, methods, more)
        if not whom:
            return None
        everywhere: list[tuple[About, int]] = []
        further = []
        for number in self._tree.meeting(pattern):
            entries = [
                (about, both)
                for about, some in self._sayings[number].items()
                if about[2] & methods
                and (about[:2] != more or number == opening.number)
                and (both := some & whom)
            ]
            if entries:
                each = self._patterns[number]
                if each.covers(pattern):
                    everywhere += entries
                else:
                    further.append((each, entries))
        return Part(
            pattern=pattern, methods=methods, everywhere=everywhere, further=further
        )

    def _denied_all(
        self, pattern: PathPattern, methods: int, more: tuple[int, bool] | None
    ) -> int:
        """Return whom the side that has to allow denies all of *pattern*."""
        denied = 0
        for number in self._tree.covering(pattern) if more else ():
            for (side, denies, about), whom in self._sayings[number].items():
                if denies and (side, False) == more and not methods & ~about:
                    denied |= whom
        return denied

    def said_at(self, path: str) -> list[tuple[About, int]]:
        """Return all that is said at *path*."""
        return [
            entry
            for number in self._tree.matching(path)
            for entry in self._sayings[number].items()
        ]


def said_of(
    entries: Sequence[tuple[About, int]], asked: int, sides: int
) -> Iterator[tuple[int, list[Said]]]:
    """Yield each kind of method with what *entries* say of it, side by side."""
    kinds = [asked]
    for methods in {methods for (_, _, methods), _ in entries}:
        kinds = [
            part for kind in kinds for part in (kind & methods, kind & ~methods) if part
        ]
    for kind in kinds:
        said = [[0, 0] for _ in range(sides)]
        for (side, denies, methods), whom in entries:
            if methods & kind:
                said[side][denies] |= whom
        yield (kind & -kind).bit_length() - 1, [(a, d) for a, d in said]


@lru_cache(maxsize=256)
def method_bits(methods: frozenset[str]) -> int:
    """Return which of `EVERY_METHOD` a rule for *methods* speaks of, as bits."""
    said = Methods(methods)
    return sum(1 << n for n, method in enumerate(EVERY_METHOD) if said.matches(method))


def _bits(methods: Iterable[str]) -> int:
    return sum(1 << EVERY_METHOD.index(method) for method in methods)


def _least(pattern: PathPattern) -> tuple[int, int]:
    """Return what no path of *pattern* is below: segments, and letters."""
    filled = [1 if part is None else len(part) for part in pattern.literals]
    slashes = len(filled) - 1 + pattern.tail
    return slashes, sum(filled) + slashes
