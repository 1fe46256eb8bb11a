"""Pages followed as a reader would: from an empty folder, nothing hidden.

The first line of a block names its file. A program grows at its end; any other file is
what the page showed last. Programs
called `try...` are run as soon as they are shown, and print nothing.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_transcripts import pattern

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[1] / "docs"
#: Each page, and how many of its programs and commands are run.
PAGES = {"tutorial.md": 6, "how-to/customise-pages.md": 1, "reference/python.md": 4}
BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
#: A comment of Python, CSV, CSS or a template that names the file.
NAMED = re.compile(r"(?:# |/\* |\{# )(?P<name>[\w/]+\.\w+)(?: \*/| #\})?\n")


@pytest.mark.parametrize("page", PAGES)
def test_followed(page: str, tmp_path: Path):
    """Each piece goes where its first line says, and each program and command runs."""
    environ = {name: value for name, value in os.environ.items() if "AUTH" not in name}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    ran = 0

    def run(*command: str) -> str:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    for block in BLOCK.finditer((DOCS / page).read_text(encoding="utf-8")):
        text = block["text"]
        named = NAMED.match(text)
        if named:
            file = tmp_path / named["name"]
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open(
                "a" if file.suffix == ".py" else "w", encoding="utf-8"
            ) as it:
                it.write(text)
            if file.name.startswith("try"):
                assert run("python", file.name) == ""
                ran += 1
        elif block["kind"] == "sh" and "export" in text:
            words = shlex.split(text)
            environ |= dict(word.split("=", 1) for word in words if "=" in word)
        elif block["kind"] == "console":
            _, command, shown = re.split(r"^\$ (.*)\n", text, maxsplit=1)
            assert re.fullmatch(pattern(shown.rstrip()), run(*command.split()))
            ran += 1
        else:
            assert block["kind"] != "python", text
    assert ran == PAGES[page]
