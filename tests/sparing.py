"""What tests pay for once in a process, and not once for each of their apps.

Nothing here changes an answer: what is done is what would be done, later or only once.
"""

import os
import re
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import entry_points
from types import CodeType
from typing import Any

from alembic import command
from alembic.config import Config
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import event, inspect
from werkzeug.routing import Rule
from werkzeug.routing.rules import RulePart

from authz import installed
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


def _known_by_path(version_of: Callable[[str], str | None]) -> Callable[..., Any]:
    """Let what is installed be looked for again where Python looks elsewhere."""
    found = cache(lambda name, _: version_of(name))
    return lambda name: found(name, tuple(sys.path))


def _parsed_once(parse: Callable[..., Iterable[RulePart]]) -> Callable[..., Any]:
    """Let what a path without variables is made of be found out once for all maps."""
    known: dict[str, tuple[list[RulePart], list[tuple[bool, str]]]] = {}

    def parse_rule(rule: Rule, path: str) -> Iterable[RulePart]:
        if "<" in path:
            return parse(rule, path)
        if path not in known:
            before = len(rule._trace)
            parts = list(parse(rule, path))
            known[path] = parts, rule._trace[before:]
            return parts
        parts, trace = known[path]
        rule._trace += trace
        return parts

    return parse_rule


#: What a step draws by lot: each database has other ones.
_DRAWN = re.compile(r"\b(?!0+\b)[0-9a-f]{12,}\b")


def _replayed(upgrade: Callable[[Config, str], None]) -> Callable[[Config, str], None]:
    """Let a database that has none of our tables get what the one before got.

    What alembic says to the first of each kind is kept, and said to the others: that
    takes a tenth. Whatever is not new is brought up to date by alembic itself.
    """
    kept: dict[tuple[object, ...], list[tuple[str, Any]]] = {}

    def replay(config: Config, revision: str) -> None:
        connection = config.attributes["connection"]
        there = inspect(connection).get_table_names()
        where = config.get_main_option("script_location")
        versions = config.attributes["version_table"]
        key = connection.dialect.name, where, versions, revision, *sorted(there)
        if versions in there:
            upgrade(config, revision)
        elif key in kept:
            for statement, parameters in _drawn_again(kept[key]):
                connection.exec_driver_sql(statement, parameters)
        else:
            said: list[tuple[str, Any]] = []

            def listen(*heard: Any) -> None:
                _, _, statement, parameters, *_ = heard
                if statement.split()[0] in {"CREATE", "ALTER", "INSERT", "UPDATE"}:
                    said.append((statement, parameters))

            event.listen(connection, "before_cursor_execute", listen)
            try:
                upgrade(config, revision)
            finally:
                event.remove(connection, "before_cursor_execute", listen)
            kept[key] = said

    return replay


def _drawn_again(said: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    drawn: dict[str, str] = {}

    def again(found: re.Match[str]) -> str:
        old = found[0]
        return drawn.setdefault(old, secrets.token_hex(len(old))[: len(old)])

    def other(value: object) -> object:
        return _DRAWN.sub(again, value) if isinstance(value, str) else value

    return [
        (
            statement,
            {name: other(value) for name, value in parameters.items()}
            if isinstance(parameters, dict)
            else tuple(map(other, parameters)),
        )
        for statement, parameters in said
    ]


#: Files that nobody waits for a disk to keep, where there are such.
_MEMORY = "/dev/shm"  # noqa: S108 - a folder for others' folders, each with a name
_ENOUGH = 4 * 2**30


def _keep_files_in_memory() -> None:
    """Let temporary folders be in memory, if there is enough of it for all of them."""
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK):
        return
    there = os.statvfs(_MEMORY)
    if there.f_bavail * there.f_frsize > _ENOUGH and not there.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = _MEMORY
        tempfile.tempdir = None  # is looked for again


def spare() -> None:
    """Let apps of this process start for a quarter of what they take elsewhere."""
    _keep_files_in_memory()
    Flask.jinja_options = {"bytecode_cache": _Compiled()}
    # Two thirds of the start of an app: a hundred routes, two builders each.
    Rule._compile_builder = _built_when_asked(Rule._compile_builder)
    Rule._parse_rule = _parsed_once(Rule._parse_rule)
    # What is installed stays; to look through two hundred packages takes 20 ms.
    adapters.entry_points = cache(entry_points)
    installed.version_of = _known_by_path(installed.version_of)
    accounts.hasher = _cheap_hasher
    command.upgrade = _replayed(command.upgrade)
    # An interpreter that a test starts compiles authz only if it is the first one.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
