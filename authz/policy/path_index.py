"""Which rules a path concerns: an index that is flat in the number of rules.

Literal paths are keys of one dictionary. Patterns are grouped by their *shape*: how
many segments they have, whether more may follow, and which segments are parameters.
Within a shape, the literal segments are the key, so `/api/similar/:id` is found with
what stands first and second in a path. Few shapes fit one path, and fewer still begin
as it does: however many rules there are, a path takes a handful of look-ups.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any, Final, NamedTuple

from authz.decision import Decision, Rule, alone
from authz.policy.pacing import paced
from authz.policy.path_text import plain

#: Whose rule it is, the methods it speaks of (None: every one), what it says.
Entry = tuple[str, frozenset[str] | None, Decision]


class Entries(dict[str, list[Entry]]):
    """Several rules with the same path, by whose they are."""

    __slots__ = ()


#: The rules with one path: a single one, as most have, or several.
Cell = Entry | Entries


class _Shape(NamedTuple):
    #: How many segments a pattern has before its tail, the empty first one included.
    length: int
    #: Whether at least one more segment follows, whatever it is.
    tail: bool
    #: Which segments are parameters.
    parameters: tuple[int, ...]


#: Takes the literal segments of a path, looks them up; which segments are parameters.
_Probe = tuple[
    Callable[[list[str]], Hashable],
    Callable[[Hashable], Cell | None],
    tuple[int, ...],
]
#: The probes for paths of 0, 1, 2... segments.
_Probes = tuple[tuple[_Probe, ...], ...]

#: The first segment of a pattern that begins with a parameter or a tail.
_ANY: Final = None


def in_scope(name: str, pattern: str) -> str:
    """Return what the index calls *name* where a rule holds in a scope *pattern*."""
    return f"{name}\0{pattern}"


class PathIndex:
    """The rules of a policy by their paths. Immutable to its callers."""

    #: Read by `CompiledPolicy.decide` as well, which looks up paths in its own frame.
    __slots__ = ("_by_shape", "anywhere", "by_head", "deepest", "literal")

    def __init__(self, decisions: Iterable[Decision]) -> None:
        """Hold *decisions*, of one rule each."""
        self.literal: dict[str, Cell] = {}
        by_shape: dict[tuple[int, ...], _Patterns] = {}
        words: dict[str, str] = {}
        spoken: dict[frozenset[str], frozenset[str] | None] = {}
        for decision in paced(decisions):
            (rule,) = decision.rules
            methods = spoken.get(rule.methods)
            if methods is None:
                methods = spoken[rule.methods] = _spoken(rule.methods)
            name = in_scope(rule.subject, rule.scope) if rule.scope else rule.subject
            entry = name, methods, decision
            path = rule.path
            if "/:" not in path and path[-2:] != "/*":
                _add(self.literal, plain(path) if "%" in path else path, entry)
                continue
            # The same few words stand in many patterns; each is kept once.
            segments = [words.setdefault(word, word) for word in path.split("/")]
            tail = segments[-1] == "*"
            if tail:
                segments.pop()
            key: tuple[int, ...] = (len(segments), tail)
            if "/:" in path:
                key += tuple(i for i, part in enumerate(segments) if part[:1] == ":")
            patterns = by_shape.get(key)
            if patterns is None:
                shape = _Shape(key[0], tail, key[2:])
                patterns = by_shape[key] = _Patterns(shape)
            if "%" in path:
                segments = [*map(plain, segments)]
            patterns.heads.add(segments[1] if patterns.has_head else _ANY)
            _add(patterns, patterns.literals(segments), entry)
        self._by_shape = tuple(by_shape.values())
        by_head: dict[str | None, set[_Shape]] = {}
        for patterns in self._by_shape:
            for head in patterns.heads:
                by_head.setdefault(head, set()).add(patterns.shape)
        shapes = {patterns.shape: patterns for patterns in self._by_shape}
        #: No path need be split further: what lies deeper is all the same to the rules.
        self.deepest = max((shape.length for shape in shapes), default=1)
        fitting = _Fitting(shapes, self.deepest)
        anywhere = by_head.pop(_ANY, set())
        self.anywhere = fitting.probes(frozenset(anywhere))
        self.by_head: Mapping[str, _Probes] = {
            head: fitting.probes(frozenset(fit | anywhere))
            for head, fit in by_head.items()
            if head is not None
        }

    def entries(self) -> Iterator[Entry]:
        """Yield everything in the index."""
        every: tuple[Mapping[Any, Cell], ...] = (self.literal, *self._by_shape)
        for cells in every:
            for cell in cells.values():
                yield from entries(cell)

    def find(self, path: str) -> list[Cell]:
        """Return the rules whose path *path* lies in, whoever asks, with any method."""
        segments = path.split("/", self.deepest)
        found: list[Cell] = []
        cell = self.literal.get(path)
        if cell is not None:
            found.append(cell)
        try:
            probes = self.by_head.get(segments[1], self.anywhere)[len(segments)]
        except IndexError:
            return found  # no slash in it
        for literals, look_up, parameters in probes:
            cell = look_up(literals(segments))
            if cell is not None and not segments[0]:
                for index in parameters:
                    if not segments[index]:
                        break  # a parameter is never empty
                else:
                    found.append(cell)
        return found


class RuleIndex:
    """Finds the rules that speak of a method on a path, whoever asks."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._index = PathIndex(alone(rule, "") for rule in rules)

    def speaking_of(self, method: str, path: str) -> tuple[Rule, ...]:
        """Return every rule that matches *method* and *path*."""
        return tuple(
            decision.rules[0]
            for cell in self._index.find(path)
            for _, methods, decision in entries(cell)
            if methods is None or method in methods
        )


def entries(cell: Cell) -> Iterator[Entry]:
    """Yield everything in *cell*."""
    if isinstance(cell, tuple):
        yield cell
    else:
        for own in cell.values():
            yield from own


class _Patterns(dict[Hashable, Cell]):
    """The rules with patterns of one shape, by their literal segments."""

    __slots__ = ("has_head", "heads", "literals", "shape")

    def __init__(self, shape: _Shape) -> None:
        super().__init__()
        self.shape = shape
        #: The first segments that its patterns have.
        self.heads: set[str | None] = set()
        every = range(1, shape.length)
        literal = [index for index in every if index not in shape.parameters]
        #: Takes the key out of the segments of a path or a pattern. Without a literal
        #: one, that is the first, which is empty.
        self.literals: Callable[[list[str]], Hashable] = itemgetter(*literal or (0,))
        #: Whether the first segment of a path has to be a certain one.
        self.has_head = 1 in literal


class _Fitting:
    """Makes the probes for sets of shapes; equal ones are shared."""

    def __init__(self, by_shape: Mapping[_Shape, _Patterns], deepest: int) -> None:
        self._by_shape = by_shape
        self._depths = range(deepest + 2)
        self._known: dict[frozenset[_Shape], _Probes] = {}

    def probes(self, shapes: frozenset[_Shape]) -> _Probes:
        known = self._known.get(shapes)
        if known is None:
            probes = [(shape, self._probe(shape)) for shape in sorted(shapes)]
            known = self._known[shapes] = tuple(
                tuple(probe for shape, probe in probes if _fits(shape, depth))
                for depth in self._depths
            )
        return known

    def _probe(self, shape: _Shape) -> _Probe:
        patterns = self._by_shape[shape]
        return patterns.literals, patterns.get, shape.parameters


def _fits(shape: _Shape, depth: int) -> bool:
    return shape.length < depth if shape.tail else shape.length == depth


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
