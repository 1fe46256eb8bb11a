"""Servers for all tests; HYPOTHESIS_PROFILE says how thoroughly hypothesis looks."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.counting import (  # noqa: F401 - hooks
    pytest_collection,
    pytest_collection_finish,
    pytest_runtest_protocol,
)
from tests.services import postgresql_server, redis_server  # noqa: F401 - fixtures
from tests.sparing import spare

# `make test` looks at the same examples each time, `make fuzz` at a thousand others.
settings.register_profile(
    "ci", max_examples=50, deadline=None, derandomize=True, print_blob=True
)
settings.register_profile(
    "dev",
    max_examples=40,
    deadline=None,
    # What lands is decided by the same examples each time.
    derandomize=bool(os.environ.get("CI")),
)
settings.register_profile("deep", max_examples=1_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

spare()


@pytest.fixture(name="newer_objects")
def _newer_objects() -> Iterator[None]:
    """Let the collector look at what this test makes, and not at all that is there."""
    gc.freeze()
    yield
    gc.unfreeze()
