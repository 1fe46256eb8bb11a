"""A strict reader of small YAML documents that knows the line of everything.

A mapping holds known keys, each once; a text is a text (`no` and `1` are not). Anchors
and tags are refused: a document says what it says.
"""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Final

import yaml

from authz.errors import PolicyError, Problem

MAX_BYTES: Final = 1024 * 1024
#: More than this many problems say nothing new.
_MAX_PROBLEMS: Final = 100
_TEXT: Final = "tag:yaml.org,2002:str"

Node = yaml.Node


class Document:
    """One YAML document, and the problems found in it so far."""

    def __init__(self, data: bytes, *, source: str) -> None:
        """Read *data*; *source* is what its lines are called.

        Raises:
            PolicyError: if it is not YAML.
        """
        self.source = source
        self.problems: list[Problem] = []
        self.root = self._compose(data)

    def problem(self, at: Node | int, message: str, hint: str) -> None:
        """Note what is wrong at a node or on a line."""
        number = at if isinstance(at, int) else line(at)
        found = Problem(
            where=f"{self.source}:{number}" if number else self.source,
            message=message,
            hint=hint,
        )
        if found not in self.problems and len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(found)

    def refuse(self) -> None:
        """Raise `PolicyError` if there are problems."""
        if self.problems:
            raise PolicyError(self.problems)

    def mapping(self, node: Node, what: str) -> Iterator[tuple[str, Node, Node]]:
        """Yield key, key node and value of the mapping *node*; each key once."""
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, f"{what} is not a mapping", "write `key: value` lines")
            return
        seen: dict[str, int] = {}
        for key_node, value in node.value:
            key = self.text(key_node, "a key")
            if key is None:
                continue
            if key in seen:
                self.problem(
                    key_node,
                    f"`{key}` is there twice, first on line {seen[key]}",
                    "keep one of them",
                )
                continue
            seen[key] = line(key_node)
            yield key, key_node, value

    def known(self, node: Node, what: str, keys: Collection[str]) -> dict[str, Node]:
        """Return the values of the mapping *node* by key, all of them among *keys*."""
        found = {}
        for key, key_node, value in self.mapping(node, what):
            if key in keys:
                found[key] = value
                continue
            near = get_close_matches(key, keys, n=1)
            self.problem(
                key_node,
                f"{what} has no `{key}`",
                f"did you mean `{near[0]}`?" if near else f"use {', '.join(keys)}",
            )
        return found

    def items(self, node: Node, what: str) -> list[Node]:
        """Return the items of the list *node*."""
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        self.problem(node, f"{what} is not a list", "begin each item with `- `")
        return []

    def one_or_more(self, node: Node) -> list[Node]:
        """Return the items of *node*, or the one thing it is."""
        return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]

    def text(self, node: Node, what: str) -> str | None:
        """Return the text that *node* is; None, with a problem noted, if it is none."""
        if isinstance(node, yaml.ScalarNode) and node.tag == _TEXT and node.value:
            return str(node.value)
        hint = "write a text"
        if isinstance(node, yaml.ScalarNode) and node.value:
            hint = f'write it in quotes: "{node.value}"'
        self.problem(node, f"{what} is not a text", hint)
        return None

    def _compose(self, data: bytes) -> Node:
        if len(data) > MAX_BYTES:
            self.problem(
                0, f"the file has {len(data)} bytes", f"use at most {MAX_BYTES}"
            )
            self.refuse()
        try:
            loader = _Loader(data.decode())
            try:
                node: Node | None = loader.get_single_node()
            finally:
                loader.dispose()
        except UnicodeDecodeError:
            self.problem(0, "the file is not UTF-8", "save it as UTF-8")
        except RecursionError:
            self.problem(0, "it is nested too deeply", "write it flat")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            self.problem(
                mark.line + 1 if mark else 0,
                f"this is not YAML ({error.problem})",
                "correct the line, or the one above it",
            )
        except yaml.YAMLError as error:
            self.problem(0, f"this is not YAML ({error})", "correct it")
        else:
            if node is None:
                self.problem(0, "the file is empty", "write `tests:` and a test")
            else:
                return node
        raise PolicyError(self.problems)


class _Loader(yaml.SafeLoader):
    """Composes nodes, and refuses aliases: a small text could stand for a huge one."""

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, "aliases are not read", event.start_mark
            )
        return super().compose_node(parent, index)


def line(node: Node) -> int:
    """Return the line on which *node* begins, from 1."""
    return int(node.start_mark.line) + 1
