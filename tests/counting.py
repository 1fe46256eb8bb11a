"""When the lines that run are counted: whatever runs takes half as long again then."""

import gc
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import authz_audiomuse
import pytest

import authz

TESTS = Path(__file__).parent
#: What is shown here is not which lines run, but what comes of it: in browsers, in
#: other processes, in thousands of worlds.
UNCOUNTED = ("browser", "differential", "e2e", "packages", "soak")
#: What does something when it is imported.
_PROGRAMS = (
    "authz.stores.migrations.",
    "authz_audiomuse.server.",  # opens a file for as long as its process runs
    "authz_audiomuse.wsgi.",
)
_COUNTS = pytest.StashKey[bool]()


def counts(path: Path) -> bool:
    """Whether lines are counted while the tests at *path* run."""
    return not any(path.is_relative_to(TESTS / name) for name in UNCOUNTED)


def counting(config: pytest.Config) -> bool:
    """Whether lines are counted at all in this process."""
    plugin = config.pluginmanager.getplugin("_cov")
    return getattr(plugin, "cov_controller", None) is not None


def count(config: pytest.Config, *, wanted: bool) -> None:
    """Count lines from now on, or do not."""
    if config.stash.get(_COUNTS, default=True) is not wanted:
        controller = config.pluginmanager.getplugin("_cov").cov_controller
        (controller.resume if wanted else controller.pause)()
        config.stash[_COUNTS] = wanted


def import_everything() -> None:
    """Import every module of ours, for what runs then."""
    for package in (authz, authz_audiomuse):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not f"{found.name}.".startswith(_PROGRAMS):
                import_module(found.name)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Count what runs when ours is imported, once, and not how tests are found."""
    if counting(session.config):
        if not hasattr(session.config, "workerinput"):
            import_everything()
        count(session.config, wanted=False)
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Look for garbage less often: among seven thousand tests it takes a while.

    They are not frozen: the product asks whether its host has frozen anything.
    """
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Count for a test, from its set-up on, or do not."""
    if counting(item.config):
        count(item.config, wanted=counts(item.path))
    return (yield)
