"""The docs say what the code says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from blinker import Signal

from authz import __all__ as public_names
from authz.testing import __all__ as for_tests
from authz.web import signals
from docs.generate import REFERENCE, pages

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("adapters/*/README.md"),
    ]
)


@pytest.mark.parametrize("name", pages())
def test_generated_pages_are_up_to_date(name: str):
    """Settings, commands, reasons and events are documented as they are."""
    assert (REFERENCE / name).read_text(encoding="utf-8") == pages()[name], (
        "run `make docs`"
    )


def test_every_public_name_is_documented():
    """What can be imported from `authz` is in the reference."""
    text = (REFERENCE / "python.md").read_text(encoding="utf-8")

    assert [name for name in public_names if f"`{name}" not in text] == []


def test_every_signal_is_documented():
    """What an app can listen to is in the reference."""
    text = (REFERENCE / "python.md").read_text(encoding="utf-8")
    names = [name for name, it in vars(signals).items() if isinstance(it, Signal)]

    assert len(names) == 7
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    """Every relative link in the docs is a file that is there."""
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_helpers_for_tests_are_documented():
    """What can be imported from `authz.testing` is in the reference."""
    text = (REFERENCE / "python.md").read_text(encoding="utf-8")

    assert [name for name in for_tests if f"`{name}(" not in text] == []


@pytest.mark.slow
def test_the_site_is_built_with_every_link_leading_somewhere(tmp_path: Path):
    """Pages, headings and files that are linked to are there; the adapters' too."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-q", "--strict", "-d", tmp_path],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="adapters/caddy/index.html"' in index
    assert "Policy-as-code" in index
    assert (tmp_path / "search" / "search_index.json").exists()
