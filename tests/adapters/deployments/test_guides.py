"""The guides have one form, and say what is so."""

import re
import shlex
from pathlib import Path

import pytest
from authz_audiomuse.settings import SETTINGS as ADAPTER_SETTINGS
from click.testing import CliRunner

from authz.cli import main
from authz.decision import ANONYMOUS
from authz.identity.why import Why
from authz.policy.exposure import unsafe_exposure
from authz.settings import SETTINGS
from tests.adapters.deployments.places import ADAPTERS, demo_policy

ROOT = ADAPTERS.parent
SERVE = ("serve-caddy", "serve-nginx", "serve-traefik", "serve-envoy")
GUIDES = ("docker", "traefik", "authentik", "demo-server", *SERVE)
#: In this order, whatever stands between them.
PARTS = [
    "What is it",
    "Preparation",
    r"Provider|Accounts",
    r"Service|Start it",
    r"Configuration verification|Does it work\?",
    "Troubleshooting",
    "Security notes",
    "Undo",
]
PAGES = [
    *(ADAPTERS / name / "README.md" for name in (*GUIDES, "audiomuse")),
    ROOT / "docs" / "how-to" / "audiomuse.md",
    ROOT / "docs" / "how-to" / "which-setup.md",
]


@pytest.mark.parametrize("name", GUIDES)
def test_it_has_the_form_of_a_guide(name: str):
    """From what it is to how to undo it, with a table of what goes wrong."""
    text = (ADAPTERS / name / "README.md").read_text("utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert len(headings) == len(PARTS)
    for heading, part in zip(headings, PARTS, strict=True):
        assert re.fullmatch(part, heading), (heading, part)
    trouble = text.partition("## Troubleshooting")[2].partition("\n## ")[0]
    rows = [line for line in trouble.splitlines() if line.startswith("|")]
    assert rows[0] == "| What you see | Why | What to do |"
    assert len(rows) > 6
    for row in rows:
        assert len(re.split(r"(?<!\\)\|", row)) == 5, row


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_that_it_names_is_one(page: Path):
    """No `AUTHZ_...` in a guide is misspelt."""
    known = {setting.name for setting in (*SETTINGS, *ADAPTER_SETTINGS)}
    known |= {f"{name}_FILE" for name in known}
    named = set(re.findall(r"\bAUTHZ_[A-Z_]+[A-Z]\b", page.read_text("utf-8")))

    assert named - known == set()


@pytest.mark.parametrize("name", GUIDES)
def test_every_file_of_the_folder_is_explained(name: str):
    """What lies there without a word is found by nobody."""
    folder = ADAPTERS / name
    text = (folder / "README.md").read_text("utf-8")
    files = {path.name for path in folder.iterdir() if path.is_file()}
    by_themselves = {"README.md", "supervisord.conf", "namespace.yaml"}

    for file in files - by_themselves:
        assert file in text or file == "kustomization.yaml", file


def test_reasons_are_called_by_their_names():
    """The audit log's words in a guide are those of the audit log."""
    text = (ADAPTERS / "authentik" / "README.md").read_text("utf-8")
    named = set(re.findall(r"reason `([a-z-]+)`", text))

    assert named
    assert named <= set(Why)


def test_what_authz_check_says_is_what_one_sees(monkeypatch: pytest.MonkeyPatch):
    """The transcript of the end to end guide."""
    text = (ROOT / "docs" / "how-to" / "audiomuse.md").read_text("utf-8")
    block = next(b for b in re.findall(r"```text\n(.*?)```", text, re.DOTALL)
                 if "authz check" in b)  # fmt: skip
    monkeypatch.chdir(ROOT)
    commands = 0
    for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = shown.partition("\n")
        if command.startswith("export "):
            for assignment in shlex.split(command)[1:]:
                monkeypatch.setenv(*assignment.split("=", 1))
            monkeypatch.setenv("AUTHZ_USER_PASSWORD", "paper boat harbour")
            monkeypatch.setenv("AUTHZ_ADMIN_GROUPS", "")
            continue
        result = CliRunner().invoke(main, shlex.split(command)[1:])
        assert result.output.startswith(output.rstrip()), result.output
        commands += 1

    assert commands == 2


def test_the_demo_says_what_its_log_will_say():
    """The number of openings, and the line that the first of them is on."""
    text = (ADAPTERS / "demo-server" / "README.md").read_text("utf-8")
    openings = unsafe_exposure(demo_policy(), ANONYMOUS)

    assert f"it opens {len(openings)} unsafe methods" in text
    shown = re.search(r"may POST (\S+) \((policy\.csv:\d+)\)", text)
    assert shown
    assert (shown[1], shown[2]) in {(r.path, str(r.origin)) for r in openings}


def test_the_picture_can_be_read_aloud():
    """The choice is drawn, and stands in words below it."""
    text = (ROOT / "docs" / "how-to" / "which-setup.md").read_text("utf-8")
    drawing = text.split("```")[1]
    words = text.split("```")[2]

    for choice in ("Accounts here", "Authentik in front", "Public demo"):
        assert choice in drawing
        assert choice.split()[0].lower() in words.lower()
    assert "The same in words:" in words
