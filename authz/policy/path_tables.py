"""Where the rules of a policy lie: those with a literal path, and those with a pattern.

Patterns are grouped by their *shape*: how many segments they have, whether more may
follow, and which segments are parameters. Within a shape, the literal segments are the
key, so `/api/similar/:id` is found with what stands first and second in a path.

Tables are written while an index is made, and never again. Those of a policy in which a
few rules have changed are the very same ones, but for the few that were changed.
"""

import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from authz.decision import Decision, Rule, alone
from authz.policy.pacing import paced
from authz.policy.path_text import plain

#: Whose rule it is, the methods it speaks of (None: every one), what it says, and in
#: which revision: policies that have a rule in common have its entry in common.
Entry = tuple[str, frozenset[str] | None, Decision, str]


class Entries(dict[str, list[Entry]]):
    """Several rules with the same path, by whose they are."""

    __slots__ = ()


#: The rules with one path: a single one, as most have, or several.
Cell = Entry | Entries

#: The first segment of a pattern that begins with a parameter or a tail.
ANY_HEAD: Final = None


class Shape(NamedTuple):
    """What patterns have in common that are found with the same segments of a path."""

    #: How many segments a pattern has before its tail, the empty first one included.
    length: int
    #: Whether at least one more segment follows, whatever it is.
    tail: bool
    #: Which segments are parameters.
    parameters: tuple[int, ...]

    def fits(self, depth: int) -> bool:
        """Return whether a path of *depth* segments may have it."""
        return self.length < depth if self.tail else self.length == depth


class Patterns(dict[Hashable, Cell]):
    """The rules with patterns of one shape, by their literal segments."""

    __slots__ = ("has_head", "heads", "literals", "shape")

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        #: The first segments that its patterns have, or had.
        self.heads: set[str | None] = set()
        every = range(1, shape.length)
        literal = [index for index in every if index not in shape.parameters]
        #: Takes the key out of the segments of a path or a pattern. Without a literal
        #: one, that is the first, which is empty.
        self.literals: Callable[[list[str]], Hashable] = itemgetter(*literal or (0,))
        #: Whether the first segment of a path has to be a certain one.
        self.has_head = 1 in literal

    def copied(self) -> "Patterns":
        """Return another one that holds the same."""
        other = Patterns(self.shape)
        other.update(self)
        other.heads |= self.heads
        return other


class PathTables:
    """The rules of a policy, by their paths."""

    __slots__ = ("_shared", "_spoken", "_words", "by_shape", "depths", "literal")

    def __init__(self, rules: Iterable[Rule] = (), revision: str = "") -> None:
        """Hold *rules*, of the policy with a *revision*."""
        self.literal: dict[str, Cell] = {}
        #: For the first segment of literal paths: a bit for each number of segments.
        self.depths: dict[str, int] = {}
        self.by_shape: dict[tuple[int, ...], Patterns] = {}
        #: Which shapes are held by another one too.
        self._shared: set[tuple[int, ...]] = set()
        #: What rules with the same methods cover, once.
        self._spoken: dict[frozenset[str], frozenset[str] | None] = {}
        #: The same few words stand in many patterns; each is kept once.
        self._words: dict[str, str] = {}
        for rule in paced(rules):
            cells, key = self._place(rule.path)
            _add(cells, key, self._entry(rule, revision))
        self._words = {}

    def changed(
        self, removed: Sequence[Rule], added: Sequence[Rule], revision: str
    ) -> "PathTables":
        """Return what has *added* and not *removed*, few rules, and the rest of these.

        They are of the policy with that *revision*.
        """
        new = PathTables()
        new._spoken = self._spoken.copy()
        new.by_shape, new._shared = self.by_shape.copy(), set(self.by_shape)
        new.literal, new.depths = self.literal, self.depths
        if any(_is_literal(rule.path) for rule in (*removed, *added)):
            new.literal, new.depths = self.literal.copy(), self.depths.copy()
        gone = {id(rule) for rule in removed}
        cells_of: dict[tuple[int, Hashable], tuple[dict[Any, Cell], list[Rule]]] = {}
        for rule in (*removed, *added):
            cells, key = new._place(rule.path)
            cells_of.setdefault((id(cells), key), (cells, []))[1].append(rule)
        for (_, key), (cells, rules) in cells_of.items():
            before = cells.get(key)
            held = [] if before is None else [*entries(before)]
            held += [new._entry(rule, revision) for rule in rules]
            held = [entry for entry in held if id(entry[2].rules[0]) not in gone]
            cells.pop(key, None)
            for entry in sorted(held, key=_line_of):
                _add(cells, key, entry)
        return new

    def __iter__(self) -> Iterator[Entry]:
        every: tuple[Mapping[Any, Cell], ...] = (self.literal, *self.by_shape.values())
        for cells in every:
            for cell in cells.values():
                yield from entries(cell)

    def _entry(self, rule: Rule, revision: str) -> Entry:
        methods = self._spoken.get(rule.methods)
        if methods is None:
            methods = self._spoken[rule.methods] = _spoken(rule.methods)
        name = in_scope(rule.subject, rule.scope) if rule.scope else rule.subject
        # The two are made one after the other, and mostly lie so in memory.
        return name, methods, alone(rule, revision), revision

    def _place(self, path: str) -> tuple[dict[Any, Cell], Hashable]:
        """Return in which table rules with *path* lie, and under which key."""
        if _is_literal(path):
            if "%" in path:
                path = plain(path)
            _, head, *rest = path.split("/")
            self.depths[head] = self.depths.get(head, 0) | 4 << len(rest)
            return self.literal, path
        segments = [self._words.setdefault(word, word) for word in path.split("/")]
        tail = segments[-1] == "*"
        if tail:
            segments.pop()
        key: tuple[int, ...] = (len(segments), tail)
        if "/:" in path:
            key += tuple(i for i, part in enumerate(segments) if part[:1] == ":")
        patterns = self.by_shape.get(key)
        if patterns is None:
            patterns = Patterns(Shape(key[0], tail, key[2:]))
            self.by_shape[key] = patterns
        elif key in self._shared:
            patterns = self.by_shape[key] = patterns.copied()
            self._shared.remove(key)
        if "%" in path:
            segments = [*map(plain, segments)]
        patterns.heads.add(segments[1] if patterns.has_head else ANY_HEAD)
        return patterns, patterns.literals(segments)


def in_scope(name: str, pattern: str) -> str:
    """Return what tables call *name* where a rule holds in a scope *pattern*."""
    return f"{name}\0{pattern}"


def entries(cell: Cell) -> Iterator[Entry]:
    """Yield everything in *cell*."""
    if isinstance(cell, tuple):
        yield cell
    else:
        for own in cell.values():
            yield from own


def _is_literal(path: str) -> bool:
    return "/:" not in path and path[-2:] != "/*"


def _line_of(entry: Entry) -> int:
    """Return what sorts rules as they are written; those of settings come last."""
    return entry[2].rules[0].origin.line or sys.maxsize


def _spoken(methods: frozenset[str]) -> frozenset[str] | None:
    """Return the methods that a rule covers; None if it covers every one."""
    if not methods:
        return None
    return methods | {"HEAD"} if "GET" in methods else methods


def _add(cells: dict[Any, Cell], key: Hashable, entry: Entry) -> None:
    before = cells.setdefault(key, entry)
    if before is entry:
        return
    if isinstance(before, tuple):
        cells[key] = before = Entries({before[0]: [before]})
    before.setdefault(entry[0], []).append(entry)
