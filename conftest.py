"""Every Python block of the docs is a test; the tutorial is one as a whole."""

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

#: For the tests of our own plugin.
pytest_plugins = ["pytester"]


def _as_a_program(namespace: dict[str, object]) -> None:
    """Let `Flask(__name__)` find a folder, as it does in a reader's file."""
    namespace["__name__"] = "__main__"


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["*.md"],
    excludes=[
        "**/tutorial.md"
    ],  # it is followed as a reader would: tests/test_tutorial.py
    setup=_as_a_program,
).pytest()
