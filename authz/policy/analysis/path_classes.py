"""The kinds of paths that patterns tell apart: a smallest path for each.

Segment by segment, only so much matters: which patterns a path may still lie in, and
which it lies in whatever follows. So a walk over all paths there can be is a walk over
finitely many states, the short ones first. Two ways to one state have the same future,
and only the smaller is followed. Once no pattern is begun any more, nothing changes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from authz.policy.analysis.pattern_tree import Node, PatternTree
from authz.policy.patterns import PathPattern

EVERY_PATH: Final = PathPattern.of("/*")


@dataclass(frozen=True, slots=True)
class PathClass:
    """All paths that lie in the same patterns, and a smallest of them."""

    path: str
    #: The numbers of the patterns.
    matched: frozenset[int]


#: Where the walk is: nodes, and the patterns that match whatever follows.
_State = tuple[tuple[int, ...], frozenset[int]]


def _unheard() -> None:
    return


class PathClasses:
    """Finds the kinds of paths that *patterns* tell apart."""

    def __init__(self, patterns: Sequence[PathPattern]) -> None:
        self._tree = PatternTree(patterns)

    def within(
        self,
        region: PathPattern = EVERY_PATH,
        *,
        odd: bool = False,
        sample: str = "",
        step: Callable[[], None] = _unheard,
    ) -> Iterator[PathClass]:
        """Yield a class for each kind of path in *region*, the smallest paths first.

        Those with the fewest segments first. Paths that are never asked about, because
        they have an empty segment inside, count if *odd*. What no pattern names is
        called *sample*; *step* is called for each segment that is looked at.
        """
        sample = sample or self._tree.fresh(region)
        seen: set[frozenset[int]] = set()
        level: dict[_State, str] = {((0,), frozenset()): ""}
        depth = 1
        while level:
            following: dict[_State, str] = {}
            for state, path in sorted(level.items(), key=lambda e: (len(e[1]), e[1])):
                for segment, after in self._steps(state, region, depth, sample):
                    step()
                    reached = f"{path}/{segment}"
                    if _ends(region, depth + 1):
                        matched = self._matched(after)
                        if matched not in seen:
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
        nodes = [self._tree.nodes[number] for number in state[0]]
        tails = state[1].union(*(n.tails for n in nodes))
        if depth < len(region.literals):
            part = region.literals[depth]
            segments = [part] if part is not None else _named(nodes, sample)[1:]
        elif region.tail:
            segments = _named(nodes, sample)
        else:
            return
        free = tuple(sorted(n.parameter.number for n in nodes if n.parameter))
        for segment in segments:
            named = [n.children[segment].number for n in nodes if segment in n.children]
            if named:
                after = tuple(sorted((*named, *(free if segment else ()))))
            else:
                after = free if segment else ()
            yield segment, (after, tails)

    def _matched(self, state: _State) -> frozenset[int]:
        nodes = (self._tree.nodes[number] for number in state[0])
        return state[1].union(*(n.ends for n in nodes))


def _named(nodes: Iterable[Node], sample: str) -> list[str]:
    """Return the segments that *nodes* tell apart; first the empty one."""
    named = dict.fromkeys(key for node in nodes for key in node.children)
    return [*dict.fromkeys(("", sample)), *(key for key in named if key)]


def _ends(region: PathPattern, segments: int) -> bool:
    """Return whether a path of so many segments, so far in *region*, lies in it."""
    own = len(region.literals)
    return segments > own if region.tail else segments == own


def _key(path: str) -> tuple[int, str]:
    return len(path), path
