"""What tests pay for once in a process, and not once for each of their apps.

Nothing here changes an answer: what is done is what would be done, later or only once.
"""

import os
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from types import CodeType
from typing import Any

from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from authz.identity import accounts
from authz.settings import adapters


class _Compiled(BytecodeCache):
    """Keeps what templates compile to, for all the apps that tests make."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give *bucket* what is known."""
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what *bucket* has."""
        self._kept[bucket.key, bucket.checksum] = bucket.code


#: How passwords are hashed in a deployment, for the tests of that.
deployed_hasher = accounts.hasher


@cache
def _cheap_hasher() -> PasswordHasher:
    """Return argon2id with its smallest parameters: a hash says which ones it has."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def _built_when_asked(compile_builder: Callable[..., Any]) -> Callable[..., Any]:
    """Make a rule of a URL map compile what builds its URLs when one is built."""

    def compile_later(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
        compiled: list[Callable[..., Any]] = []

        def build(self: Rule, /, **values: Any) -> Any:
            if not compiled:
                compiled.append(compile_builder(rule, append_unknown))
            return compiled[0](self, **values)

        return build

    return compile_later


def spare() -> None:
    """Let apps of this process start for a quarter of what they take elsewhere."""
    Flask.jinja_options = {"bytecode_cache": _Compiled()}
    # Two thirds of the start of an app: a hundred routes, two builders each.
    Rule._compile_builder = _built_when_asked(Rule._compile_builder)
    # What is installed stays; to look through two hundred packages takes 20 ms.
    adapters.entry_points = cache(entry_points)
    accounts.hasher = _cheap_hasher
    # An interpreter that a test starts compiles authz only if it is the first one.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
