"""Which tests one worker runs one after the other: what they share is started once.

A page of the docs is read from the top, so its examples belong together as well. The
marks of pytest-xdist would say as much, but they have no effect since pytest 9.2: what
they did to the name of a test is undone. Here it goes by the file.
"""

from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

#: A file, or every file that begins so and is not named itself.
TOGETHER = (
    "tests/adapters/audiomuse/test_server_scopes.py",
    "tests/adapters/audiomuse/test_ways_in.py",
    "tests/adapters/music/test_screens.py",
    "tests/browser/test_hostile.py",
    "tests/browser/test_screens.py",
    "tests/browser/test_walks.py",
    "tests/e2e/",
    "tests/e2e/test_attacks.py",
    "tests/e2e/test_client_addresses.py",
    "tests/packages/",
    "tests/serve/test_real_proxies.py",
)


def together(nodeid: str) -> str:
    """Return what the tests share that run in one worker with the test *nodeid*."""
    path = nodeid.partition("::")[0]
    if path.endswith(".md"):
        return path
    return max(filter(path.startswith, TOGETHER), key=len, default=nodeid)


class Scheduling(LoadScopeScheduling):
    """Gives each worker groups, the largest first."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)


def import_a_share(folders: Iterable[str], worker: int, workers: int) -> None:
    """Begin elsewhere than the other workers: what one compiles the others read.

    On a machine that has never seen the tests, to compile them and what they use takes
    twice as long as to find them, and all workers would come to the same file at once.
    """
    root = Path(__file__).parents[1]
    files = sorted({file for at in folders for file in Path(at).rglob("test_*.py")})
    first, end = (len(files) * of // workers for of in (worker, worker + 1))
    for file in files[first:end]:
        name = ".".join(file.resolve().relative_to(root).with_suffix("").parts)
        # Whatever is wrong with it is said when its tests are looked for.
        with suppress(Exception, pytest.skip.Exception):
            import_module(name)
