"""What the adapters' pages show is what one sees."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.e2e.rig import Rig

pytestmark = pytest.mark.slow

ADAPTERS = Path(__file__).parents[2] / "adapters"


def transcripts(page: str) -> list[tuple[str, str]]:
    """Return the `curl` commands that *page* shows, each with its output."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = shown.partition("\n")
            assert command.startswith("curl ")
            found.append((command, output.strip()))
    return found


@pytest.mark.parametrize("name", ["caddy", "nginx"])
def test_verification_shows_what_one_sees(name: str, rig: Rig):
    """The commands under "Does it work?", against the real chain."""
    page = (ADAPTERS / name / "README.md").read_text(encoding="utf-8")
    shown = transcripts(page)
    assert len(shown) == 3

    for command, expected in shown:
        here = command.replace("https://music.example", rig.proxy(name))
        here = here.replace("http://127.0.0.1:8000", rig.app)
        done = subprocess.run(
            shlex.split(here), check=True, capture_output=True, text=True
        )
        seen = done.stdout.replace(rig.proxy(name), "https://music.example")
        assert seen.strip() == expected
