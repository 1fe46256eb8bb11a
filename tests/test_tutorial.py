"""The tutorial, followed as a reader would: from an empty folder, nothing hidden."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[1] / "docs/tutorial.md"
BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_tutorial(tmp_path: Path):
    """Each piece of code goes where its first line says, and each program runs."""
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

    assert "invisible" not in PAGE.read_text(encoding="utf-8")
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        text = block["text"]
        if block["kind"] == "python":
            name = text.partition("\n")[0].removeprefix("# ")
            with (tmp_path / name).open("a") as file:
                file.write(text)
            if name == "try_it.py":
                assert run("python", name) == ""
                ran += 1
        elif block["kind"] == "sh" and "export" in text:
            words = shlex.split(text)
            environ |= dict(word.split("=", 1) for word in words if "=" in word)
        elif block["kind"] == "console":
            _, command, shown = re.split(r"^\$ (.*)\n", text, maxsplit=1)
            assert run(*command.split()) == shown
            ran += 1
        elif text.startswith("p, "):
            (tmp_path / "policy.csv").write_text(text)
    assert ran == 6
