"""Servers for all tests; HYPOTHESIS_PROFILE says how thoroughly hypothesis looks."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.services import postgresql_server, redis_server  # noqa: F401 - fixtures
from tests.sparing import spare

#: What is shown in these folders is not which lines run, but what comes of it: in
#: browsers, in other processes, in thousands of worlds. Counting would double the time.
_UNCOUNTED = ("browser", "differential", "e2e", "packages", "soak")

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

spare()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count no lines where counting them would only cost time."""
    folders = [Path(__file__).parent / name for name in _UNCOUNTED]
    for item in items:
        if any(folder in item.path.parents for folder in folders):
            item.add_marker(pytest.mark.no_cover)
