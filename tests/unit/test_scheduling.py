"""What is expensive to start is started in one of the workers."""

from pathlib import Path

from tests.scheduling import TOGETHER, together

ROOT = Path(__file__).parents[2]


def test_what_belongs_together_is_there():
    """No file was moved away from what it shares."""
    assert [name for name in TOGETHER if not (ROOT / name).exists()] == []


def test_the_longest_beginning_counts():
    """A file of its own is not in the folder's group, and a page is in its own."""
    attacks = "tests/e2e/test_attacks.py"

    assert together(f"{attacks}::test_x[a@b]") == attacks
    assert together("tests/e2e/test_readmes.py::test_x") == "tests/e2e/"
    assert together("docs/how-to/a.md::line:1,column:1") == "docs/how-to/a.md"
    assert together("tests/unit/test_x.py::test_y") == "tests/unit/test_x.py::test_y"
