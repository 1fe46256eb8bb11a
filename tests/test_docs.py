"""The docs say what the code says."""

import re
import shlex
from pathlib import Path

import pytest
from blinker import Signal
from click.testing import CliRunner

from authz import __all__ as public_names
from authz.cli import main
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


def transcripts(page: Path) -> list[tuple[str, str]]:
    """Return the `authz` commands that *page* shows, each with its output."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
        for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = shown.partition("\n")
            if command.startswith("authz check") and output.strip():
                found.append((command.removeprefix("authz "), output.rstrip()))
    return found


@pytest.mark.parametrize("name", ["README.md", "docs/tutorial.md"])
def test_transcripts_are_what_one_sees(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """A command in the docs prints what the docs show."""
    monkeypatch.setenv("AUTHZ_ADMIN", "alice")
    monkeypatch.setenv("AUTHZ_ADMIN_PASSWORD", "correct horse battery")
    monkeypatch.setenv("AUTHZ_USER", "bob")
    monkeypatch.setenv("AUTHZ_USER_PASSWORD", "paper boat harbour")
    monkeypatch.chdir(ROOT)
    if name != "README.md":
        text = (ROOT / name).read_text(encoding="utf-8")
        policy = re.search(r"```\n(p, .*?)```", text, re.DOTALL)
        assert policy
        (tmp_path / "policy.csv").write_text(policy[1])
        monkeypatch.chdir(tmp_path)

    shown = transcripts(ROOT / name)
    assert shown
    for command, expected in shown:
        output = CliRunner().invoke(main, shlex.split(command)).output.rstrip()
        assert output.startswith(expected)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    """Every relative link in the docs is a file that is there."""
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)

    assert [link for link in links if not (page.parent / link).exists()] == []
