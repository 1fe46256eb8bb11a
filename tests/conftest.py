"""Servers for all tests; HYPOTHESIS_PROFILE says how thoroughly hypothesis looks."""

import os
from types import CodeType

from flask import Flask
from hypothesis import settings
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from tests.services import postgresql_server, redis_server  # noqa: F401 - fixtures

settings.register_profile(
    "ci", max_examples=150, deadline=None, derandomize=True, print_blob=True
)
settings.register_profile(
    "dev",
    max_examples=40,
    deadline=None,
    # What lands is decided by the same examples each time.
    derandomize=bool(os.environ.get("CI")),
)
settings.register_profile("deep", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


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


Flask.jinja_options = {"bytecode_cache": _Compiled()}
