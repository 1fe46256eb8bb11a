"""The page about sign-in that fails shows what one sees."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from tests.cli.commands import run
from tests.e2e.outpost import Outpost, claims

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "troubleshoot-sign-in.md"
SECRET = "0123456789abcdef" * 8
POLICY = """\
p, role:everyone, /health, GET
p, role:user, /map, GET
p, role:admin, /*, *
g, group:admins, role:admin
"""


def transcripts() -> list[tuple[str, str]]:
    """Return the commands that the page shows, each with its output."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL):
        for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = shown.partition("\n")
            found.append((command, output))
    return found


def matches(shown: str, seen: str) -> bool:
    """Whether *shown* is what was *seen*, with `...` for whatever stands there."""
    lines = [
        "(?:.*\n)*"
        if line == "..."
        else re.escape(line).replace(re.escape("..."), ".+") + "\n"
        for line in shown.splitlines()
    ]
    return re.fullmatch("".join(lines), seen) is not None


@pytest.fixture(name="outpost", autouse=True)
def _outpost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outpost]:
    outpost = Outpost()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.csv").write_text(POLICY)
    (tmp_path / "client-secret").write_text(f"{SECRET}\n")
    made = claims(outpost.issuer.rstrip("/"), "music-client", "alice", ["admins"])
    (tmp_path / "token.txt").write_text(jwt.encode(made, SECRET, "HS256"))
    monkeypatch.setenv("AUTHZ_PROXY_PRESET", "authentik")
    yield outpost
    outpost.close()


@pytest.mark.parametrize(("command", "shown"), transcripts())
def test_a_command_prints_what_the_page_shows(
    command: str, shown: str, outpost: Outpost, monkeypatch: pytest.MonkeyPatch
):
    """Each with the settings that the page names before it."""
    words = shlex.split(command)
    while "=" in words[0]:
        monkeypatch.setenv(*words.pop(0).split("=", 1))
    if "whoami" in words:
        monkeypatch.setenv("AUTHZ_TRUSTED_PROXIES", "172.18.0.2")
    else:
        monkeypatch.setenv("AUTHZ_JWT_ISSUER", outpost.issuer)
        monkeypatch.setenv("AUTHZ_JWT_AUDIENCE", "music-client")
    assert words.pop(0) == "authz"

    output = run(*words).output

    seen = output.replace(f"http://127.0.0.1:{outpost.port}", "https://auth.example")
    assert matches(shown, seen), seen


def test_the_comparison_would_notice():
    """A word that differs is a difference; an ellipsis is not."""
    assert matches("a\n...\nc ...\n", "a\nb\nb\nc d\n")
    assert not matches("a\n...\nc ...\n", "a\nb\nx d\n")
    assert not matches("a\n", "a\nb\n")
    assert len(transcripts()) == 7
