"""Patterns in a tree of their segments: which of them have a path in common."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from authz.policy.patterns import PathPattern

#: What stands for a segment that no pattern names: the first of these, or more letters.
_LETTERS: Final = "xyzabcdefghijklmnopqrstuvw"


class Node:
    """A place in the tree of all patterns: what may follow."""

    __slots__ = ("children", "ends", "number", "parameter", "tails")

    def __init__(self, number: int) -> None:
        self.number = number
        self.children: dict[str, Node] = {}
        self.parameter: Node | None = None
        #: The patterns that end here, and those that go on with any tail.
        self.ends: list[int] = []
        self.tails: list[int] = []

    def following(self, part: str | None) -> "Iterator[Node]":
        """Yield where a segment leads to; with None any that is not empty."""
        if part is None:
            yield from (node for key, node in self.children.items() if key)
        elif part in self.children:
            yield self.children[part]
        if part != "" and self.parameter is not None:
            yield self.parameter

    def below(self) -> Iterator[int]:
        """Yield every pattern that goes on from here, by a segment or more."""
        queue = [self]
        for node in queue:
            yield from node.tails
            if node is not self:
                yield from node.ends
            queue += node.children.values()
            if node.parameter is not None:
                queue.append(node.parameter)


class PatternTree:
    """Patterns, each with its number."""

    def __init__(self, patterns: Iterable[PathPattern]) -> None:
        self.nodes: list[Node] = []
        root = self._new()
        for number, pattern in enumerate(patterns):
            node = root
            for part in pattern.literals[1:]:
                node = self._step(node, part)
            (node.tails if pattern.tail else node.ends).append(number)

    def meeting(self, pattern: PathPattern) -> list[int]:
        """Return the numbers of those that have a path in common with *pattern*."""
        return list(self._meeting(pattern.literals, tail=pattern.tail))

    def covering(self, pattern: PathPattern) -> list[int]:
        """Return the numbers of those in which every path of *pattern* lies."""
        found: list[int] = []
        nodes = [self.nodes[0]]
        for part in pattern.literals[1:]:
            found += (number for node in nodes for number in node.tails)
            if part is None:
                nodes = [node.parameter for node in nodes if node.parameter]
            else:
                nodes = [next_ for node in nodes for next_ in node.following(part)]
        for node in nodes:
            found += node.tails if pattern.tail else node.ends
        return found

    def matching(self, path: str) -> list[int]:
        """Return the numbers of those that *path*, of a request, lies in."""
        return list(self._meeting(path.split("/"), tail=False))

    def fresh(self, *others: PathPattern) -> str:
        """Return a segment that neither a pattern nor one of the *others* names."""
        named = {key for node in self.nodes for key in node.children}
        named.update(p for other in others for p in other.literals if p is not None)
        length = 1
        while True:
            for letter in _LETTERS:
                if letter * length not in named:
                    return letter * length
            length += 1

    def _meeting(self, parts: Sequence[str | None], *, tail: bool) -> Iterator[int]:
        nodes = [self.nodes[0]]
        for part in parts[1:]:
            following: list[Node] = []
            for node in nodes:
                yield from node.tails
                following += node.following(part)
            nodes = following
        for node in nodes:
            yield from node.below() if tail else node.ends

    def _new(self) -> Node:
        node = Node(len(self.nodes))
        self.nodes.append(node)
        return node

    def _step(self, node: Node, part: str | None) -> Node:
        if part is None:
            if node.parameter is None:
                node.parameter = self._new()
            return node.parameter
        child = node.children.get(part)
        if child is None:
            child = node.children[part] = self._new()
        return child
