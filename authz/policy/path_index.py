"""Which rules a path concerns: an index that is flat in the number of rules.

Literal paths are keys of one dictionary, the literal segments of patterns keys of a few
others; see `path_tables`. Few shapes of patterns fit one path, and fewer still begin as
it does: however many rules there are, a path takes a handful of look-ups.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_

from authz.decision import Rule
from authz.policy.pacing import paced
from authz.policy.path_tables import (
    ANY_HEAD,
    Cell,
    Entry,
    PathTables,
    Patterns,
    Shape,
    entries,
)

#: Takes the literal segments of a path, looks them up; which segments are parameters.
_Probe = tuple[
    Callable[[list[str]], Hashable],
    Callable[[Hashable], Cell | None],
    tuple[int, ...],
]
#: Looks up whole paths.
_LookUp = Callable[[str], Cell | None]
#: For paths of 0, 1, 2... segments: what looks them up where a rule may have the very
#: path, and the probes. In a large policy each look-up is a wait for memory.
_Probes = tuple[tuple[_LookUp | None, tuple[_Probe, ...]], ...]


class PathIndex:
    """The rules of a policy by their paths. Immutable to its callers."""

    #: Read by `CompiledPolicy.decide` as well, which looks up paths in its own frame.
    __slots__ = ("_tables", "anywhere", "by_head", "deepest")

    def __init__(self, tables: PathTables) -> None:
        """Lead to the rules in *tables*."""
        self._tables = tables
        shapes = {each.shape: each for each in tables.by_shape.values()}
        by_head: dict[str | None, set[Shape]] = {}
        for patterns in shapes.values():
            for head in paced(patterns.heads):
                by_head.setdefault(head, set()).add(patterns.shape)
        #: No path need be split further: what lies deeper is all the same to the rules.
        self.deepest = max((shape.length for shape in shapes), default=1)
        fitting = _Fitting(shapes, self.deepest, tables.literal.get)
        anywhere = by_head.pop(ANY_HEAD, set())
        depths = tables.depths
        everywhere = reduce(or_, paced(depths.values()), 0)
        self.anywhere = fitting.probes(frozenset(anywhere), everywhere)
        self.by_head: Mapping[str, _Probes] = {
            head: fitting.probes(frozenset(fit | anywhere), depths.get(head, 0))
            for head, fit in paced(by_head.items())
            if head is not None
        }

    @classmethod
    def of(cls, rules: Iterable[Rule], revision: str = "") -> "PathIndex":
        """Return the index of *rules*, of the policy with a *revision*."""
        return cls(PathTables(rules, revision))

    def changed(
        self, removed: Sequence[Rule], added: Sequence[Rule], revision: str
    ) -> "PathIndex":
        """Return the index of the same rules but a few; see `PathTables.changed`."""
        return PathIndex(self._tables.changed(removed, added, revision))

    def entries(self) -> Iterator[Entry]:
        """Yield everything in the index."""
        return iter(self._tables)

    def find(self, path: str) -> list[Cell]:
        """Return the rules whose path *path* lies in, whoever asks, with any method."""
        segments = path.split("/", self.deepest)
        found: list[Cell] = []
        try:
            look, probes = self.by_head.get(segments[1], self.anywhere)[len(segments)]
        except IndexError:
            return found  # no slash in it
        if look is not None and (cell := look(path)) is not None:
            found.append(cell)
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
        self._index = PathIndex.of(rules)

    def speaking_of(self, method: str, path: str) -> tuple[Rule, ...]:
        """Return every rule that matches *method* and *path*."""
        return tuple(
            decision.rules[0]
            for cell in self._index.find(path)
            for _, methods, decision, _ in entries(cell)
            if methods is None or method in methods
        )


class _Fitting:
    """Makes the probes for sets of shapes; equal ones are shared."""

    def __init__(
        self, by_shape: Mapping[Shape, Patterns], deepest: int, look: _LookUp
    ) -> None:
        self._by_shape = by_shape
        self._look = look
        #: What is deeper is cut to it.
        self._last = deepest + 1
        self._known: dict[tuple[frozenset[Shape], int], _Probes] = {}

    def probes(self, shapes: frozenset[Shape], depths: int) -> _Probes:
        """Return the probes of *shapes* where literal paths have *depths*, as bits."""
        last = 1 << self._last
        if depths >= last:
            depths = depths % last | last
        known = self._known.get((shapes, depths))
        if known is None:
            probes = [(shape, self._probe(shape)) for shape in sorted(shapes)]
            known = self._known[shapes, depths] = tuple(
                (
                    self._look if depths >> depth & 1 else None,
                    tuple(probe for shape, probe in probes if shape.fits(depth)),
                )
                for depth in range(self._last + 1)
            )
        return known

    def _probe(self, shape: Shape) -> _Probe:
        patterns = self._by_shape[shape]
        return patterns.literals, patterns.get, shape.parameters
