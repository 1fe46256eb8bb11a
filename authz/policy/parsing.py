"""Expressions of a matcher as syntax trees, parsed by one thread at a time.

Threads that parse at the same time may trip CPython 3.11 (its gh-106905): it counts how
deep a tree is in a counter that they share, and raises `SystemError`.
"""

import ast
from threading import Lock
from typing import Final

#: Held while a policy is loaded; nothing that answers requests parses.
_parser: Final = Lock()
#: The host app may parse too, under no lock of ours.
_TRIES: Final = 8


def parse_expression(text: str) -> ast.expr:
    """Return the syntax tree of *text*, an expression.

    Raises:
        SyntaxError: if it is none.
    """
    for left in reversed(range(_TRIES)):
        try:
            with _parser:
                return ast.parse(text.strip(), mode="eval").body
        except SystemError:
            if not left:
                raise
    raise AssertionError(text)
