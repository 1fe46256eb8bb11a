"""The docs say what the code says."""

import importlib
import importlib.util
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from blinker import Signal

from authz import __all__ as public_names
from authz import integration
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
#: A name of the code: not a file (`authz.css`), an address or a path.
_DOTTED = re.compile(
    r"(?<![\w./@-])(authz(?:_audiomuse|_pytest)?(?:\.\w+)+)\b"
    r"(?<!\.css)(?<!\.db)(?<!\.dump)(?<!\.js)"
)
#: Flask's names for the views of sign-in and sign-out.
_ENDPOINTS = ("authz.sign_in", "authz.sign_out")


@pytest.mark.parametrize("name", pages())
def test_generated_pages_are_up_to_date(name: str):
    """Settings, commands, reasons and events are documented as they are."""
    assert (REFERENCE / name).read_text(encoding="utf-8") == pages()[name], (
        "run `make docs`"
    )


def test_plots_show_what_was_measured():
    """The plots are drawn from the figures that the last run of the benchmark wrote."""
    from docs.plots import PLOTS, plots  # it draws with matplotlib: half a second

    drawn = {plot.name: plot.read_text("utf-8") for plot in PLOTS.iterdir()}

    assert drawn == plots(), "run `make docs`"


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


def _there_is(name: str) -> bool:
    """Return whether *name* is a module, or something that a module holds."""
    module, rest = name, ""
    while not _is_module(module):
        module, _, last = module.rpartition(".")
        rest = f"{last}.{rest}" if rest else last
    found = importlib.import_module(module) if rest else None
    for part in filter(None, rest.split(".")):
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def _is_module(name: str) -> bool:
    """Return whether *name* can be imported; what is in it does not run."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("authz.web.hook", True),
        ("authz.web.hook.Hook.enforce", True),
        ("authz.web.hook.Hook.gone", False),
        ("authz.web.gone", False),
        ("authz.gone.Hook", False),
    ],
)
def test_a_name_is_looked_for_to_its_end(name: str, there: bool):
    """A module, a class in it and a method of that are there or are not."""
    assert _there_is(name) is there


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_dotted_name_is_in_the_code(page: Path):
    """What a page calls `authz.web.hook.Hook` can be imported under that name."""
    if page.name == "CHANGELOG.md":
        pytest.skip("it tells of names that were")
    text = page.read_text(encoding="utf-8")
    names = set(_DOTTED.findall(text)) - set(_ENDPOINTS)

    assert sorted(name for name in names if not _there_is(name)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_named_is_there(page: Path):
    """What a page calls `policy/oracle.py`, or `authz/policy/`, is in the tree."""
    if page.name == "CHANGELOG.md":
        pytest.skip("it tells of files that were")
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:authz|tests)/(?:\w+/)*|(?:\w+/)+\w+\.py)`", text)

    gone = [
        name
        for name in named
        if not (ROOT / name).exists() and not (ROOT / "authz" / name).exists()
    ]
    assert gone == []


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


def test_what_adapters_build_on_is_documented():
    """What a module of `authz.integration` exports is there, and in its row."""
    text = (REFERENCE / "python.md").read_text(encoding="utf-8")
    names = [module.name for module in pkgutil.iter_modules(integration.__path__)]
    rows = {
        name: re.search(rf"^\| `{name}` \|.*", text, re.MULTILINE) for name in names
    }

    assert [name for name, row in rows.items() if row is None] == []
    for name, row in rows.items():
        exported = importlib.import_module(f"authz.integration.{name}").__all__
        assert [it for it in exported if f"`{it}`" not in row[0]] == []


@pytest.mark.slow
def test_the_site_is_built_with_every_link_leading_somewhere(tmp_path: Path):
    """Pages, headings and files that are linked to are there; the adapters' too.

    No page loads what is elsewhere: a diagram is drawn by what was fetched, or text.
    """
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
    pages = {it: it.read_text(encoding="utf-8") for it in tmp_path.rglob("*.html")}
    assert [it for it, page in pages.items() if re.search(r'src="https?:', page)] == []
    drawn = (tmp_path / "assets" / "mermaid.js").exists()
    setups = pages[tmp_path / "how-to" / "which-setup.html"]
    assert ('class="mermaid"' in setups) is drawn
    assert ("as text: the site was built without" in setups) is not drawn
