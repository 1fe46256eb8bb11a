"""Every Python block of the docs is a test, in a folder that was empty."""

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
from xdist.remote import Producer

from tests.scheduling import Scheduling, import_a_share

#: For the tests of our own plugin.
pytest_plugins = ["pytester"]

#: What a page shows as a file that is not Python: its first line is the file's name.
_FILE = re.compile(
    r"^```(?!python)\w*\n(# (\S+\.\w+)\n.*?)^```$", re.MULTILINE | re.DOTALL
)


def _files(document: Document) -> Iterator[Region]:
    """Yield each file that a page shows; it is written where the reader is."""
    for shown in _FILE.finditer(document.text):
        yield Region(*shown.span(), parsed=shown.groups(), evaluator=_write)


def _write(example: Example) -> None:
    text, name = example.parsed
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")


def _as_a_reader(namespace: dict[str, object]) -> None:
    """Begin in an empty folder, as a program: `Flask(__name__)` finds that folder."""
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    namespace.update(__name__="__main__", _folder=folder, _back=Path.cwd())
    os.chdir(folder.name)


def _go_back(namespace: dict[str, object]) -> None:
    os.chdir(namespace["_back"])
    namespace["_folder"].cleanup()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), _files],
    patterns=["*.md"],
    # These are followed as a whole: tests/test_followed.py
    excludes=["**/tutorial.md", "**/customise-pages.md", "**/reference/python.md"],
    setup=_as_a_reader,
    teardown=_go_back,
).pytest()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> object:
    """Keep together what belongs together."""
    return Scheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection(session: pytest.Session) -> None:
    """Let several workers compile a share of the tests each."""
    said = getattr(session.config, "workerinput", None)
    if said:
        worker = int(said["workerid"].removeprefix("gw"))
        import_a_share(session.config.args, worker, said["workercount"])


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Begin with what takes long, among several workers: all of them end at once."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)
