"""The kinds of paths that patterns tell apart: a smallest path for each.

Segment by segment, only so much matters: which patterns a path may still lie in, and
which it lies in whatever follows. So a walk over all paths there can be is a walk over
finitely many states, the short ones first. Two ways to one state have the same future,
and only the smaller is followed. Once no pattern is begun any more, nothing changes.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from authz.policy.patterns import PathPattern

#: What stands for a segment that no pattern names: the first of these, or more letters.
_LETTERS: Final = "xyzabcdefghijklmnopqrstuvw"
EVERY_PATH: Final = PathPattern.of("/*")


@dataclass(frozen=True, slots=True)
class PathClass:
    """All paths that lie in the same patterns, and a smallest of them."""

    path: str
    #: The numbers of the patterns.
    matched: frozenset[int]


class _Node:
    """A place in the tree of all patterns: what may follow."""

    __slots__ = ("children", "ends", "number", "parameter", "tails", "wanted")

    def __init__(self, number: int) -> None:
        self.number = number
        self.children: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        #: The patterns that end here, and those that go on with any tail.
        self.ends: list[int] = []
        self.tails: list[int] = []
        #: Whether a wanted pattern begins like this.
        self.wanted = False


#: Where the walk is: nodes, and the patterns that match whatever follows.
_State = tuple[tuple[int, ...], frozenset[int]]


class PathClasses:
    """Finds the kinds of paths that *patterns* tell apart."""

    def __init__(
        self, patterns: Sequence[PathPattern], *, wanted: Collection[int] | None = None
    ) -> None:
        """Take in *patterns*; only paths in one of the *wanted* ones are looked for."""
        self._nodes: list[_Node] = []
        root = self._new()
        self._everything_wanted = wanted is None
        self._wanted = frozenset(range(len(patterns)) if wanted is None else wanted)
        for number, pattern in enumerate(patterns):
            way = [root]
            for part in pattern.literals[1:]:
                way.append(self._step(way[-1], part))
            (way[-1].tails if pattern.tail else way[-1].ends).append(number)
            for node in way if number in self._wanted else ():
                node.wanted = True

    def within(
        self, region: PathPattern = EVERY_PATH, *, odd: bool = False
    ) -> Iterator[PathClass]:
        """Yield a class for each kind of path in *region*, the smallest paths first.

        Fewest segments first, then the shortest, then by letter. Paths that are never
        asked about, because they have an empty segment inside, count if *odd*.
        """
        sample = self._fresh(region)
        seen: set[frozenset[int]] = set()
        level: dict[_State, str] = {((0,), frozenset()): ""}
        depth = 1
        while level:
            following: dict[_State, str] = {}
            for state, path in sorted(level.items(), key=lambda e: (len(e[1]), e[1])):
                for segment, after in self._steps(state, region, depth, sample):
                    reached = f"{path}/{segment}"
                    if _ends(region, depth + 1):
                        matched = self._matched(after)
                        if matched not in seen and self._counts(matched):
                            seen.add(matched)
                            yield PathClass(reached, matched)
                        if not after[0]:
                            continue  # whatever follows, it stays the same
                    before = following.get(after, "")
                    if (segment or odd) and (
                        not before or _key(reached) < _key(before)
                    ):
                        following[after] = reached
            level = following
            depth += 1

    def _steps(
        self, state: _State, region: PathPattern, depth: int, sample: str
    ) -> Iterator[tuple[str, _State]]:
        """Yield each kind of next segment, and where it leads."""
        nodes = [self._nodes[number] for number in state[0]]
        tails = state[1].union(*(n.tails for n in nodes))
        if depth < len(region.literals):
            part = region.literals[depth]
            segments = [part] if part is not None else self._named(nodes, sample)[1:]
        elif region.tail:
            segments = self._named(nodes, sample)
        else:
            return
        free = tuple(sorted(n.parameter.number for n in nodes if n.parameter))
        for segment in segments:
            named = [n.children[segment].number for n in nodes if segment in n.children]
            if named:
                after = tuple(sorted((*named, *(free if segment else ()))))
            else:
                after = free if segment else ()
            if self._may_count(after, tails):
                yield segment, (after, tails)

    def _named(self, nodes: Iterable[_Node], sample: str) -> list[str]:
        """Return the segments that *nodes* tell apart; first the empty one."""
        named = dict.fromkeys(key for node in nodes for key in node.children)
        return [*dict.fromkeys(("", sample)), *(key for key in named if key)]

    def _matched(self, state: _State) -> frozenset[int]:
        nodes = (self._nodes[number] for number in state[0])
        return state[1].union(*(n.ends for n in nodes))

    def _counts(self, matched: frozenset[int]) -> bool:
        return self._everything_wanted or not matched.isdisjoint(self._wanted)

    def _may_count(self, nodes: tuple[int, ...], tails: frozenset[int]) -> bool:
        return (
            self._everything_wanted
            or not tails.isdisjoint(self._wanted)
            or any(self._nodes[number].wanted for number in nodes)
        )

    def _new(self) -> _Node:
        node = _Node(len(self._nodes))
        self._nodes.append(node)
        return node

    def _step(self, node: _Node, part: str | None) -> _Node:
        if part is None:
            if node.parameter is None:
                node.parameter = self._new()
            return node.parameter
        child = node.children.get(part)
        if child is None:
            child = node.children[part] = self._new()
        return child

    def _fresh(self, region: PathPattern) -> str:
        named = {key for node in self._nodes for key in node.children}
        named.update(part for part in region.literals if part is not None)
        length = 1
        while True:
            for letter in _LETTERS:
                if letter * length not in named:
                    return letter * length
            length += 1


def _ends(region: PathPattern, segments: int) -> bool:
    """Return whether a path of so many segments, so far in *region*, lies in it."""
    own = len(region.literals)
    return segments > own if region.tail else segments == own


def _key(path: str) -> tuple[int, str]:
    return len(path), path
