"""The files that others copy or refer to: CI, and hooks for pre-commit."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from authz.cli import main
from tests.cli.commands import run

ROOT = Path(__file__).parents[2]
CI = ROOT / "docs" / "how-to" / "ci"


@pytest.fixture(name="repository")
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a policy to begin with."""
    monkeypatch.chdir(tmp_path)
    run("init")
    for args in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "x"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        subprocess.run(["git", *args], check=True)
    return tmp_path


def shell(line: str, base: str) -> subprocess.CompletedProcess[str]:
    """Run *line* as the shell of a CI server would; *base* is merged into."""
    here = Path(sys.executable).parent
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": f"{here}:/usr/bin:/bin", "BASE": base, "HOME": "/"},
    )


def github_steps() -> list[dict[str, Any]]:
    """Return the steps of the worked GitHub file."""
    document = yaml.safe_load((CI / "github-actions.yml").read_text())
    assert document["permissions"] == {"contents": "read"}
    steps: list[dict[str, Any]] = document["jobs"]["policy"]["steps"]
    return steps


def gitlab_lines() -> list[str]:
    """Return the lines of the worked GitLab file that run authz."""
    document = yaml.safe_load((CI / "gitlab-ci.yml").read_text())
    lines: list[str] = document["policy"]["script"]
    return [line for line in lines if "FETCH_HEAD" not in line]


@pytest.mark.slow
@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    "line",
    sorted(
        {
            s["run"]
            for s in github_steps()
            if "run" in s and not s["run"].startswith("pip ")
        }
        | set(gitlab_lines())
    ),
)
def test_a_line_of_ci_runs(line: str):
    """As the shell of the CI server would run it, on a policy to begin with."""
    done = shell(line, "origin/main")

    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_difference_fails_no_job(repository: Path):
    """6 says that there is one; anything else that is not 0 fails."""
    (line,) = [s["run"] for s in github_steps() if "diff" in s.get("run", "")]
    (repository / "policy.csv").write_text("p, role:user, /x, GET\n")
    for base, code in (("origin/main", 0), ("origin/gone", 1)):
        assert shell(line, base).returncode == code


def test_no_branch_name_becomes_a_command():
    """What a stranger may name reaches the shell as a variable only."""
    for step in github_steps():
        assert "${{" not in step.get("run", "")


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    "hook", yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
)
def test_a_hook_runs(hook: dict[str, Any]):
    """Its command is one, takes the files that it is given, and passes."""
    program, *words = shlex.split(hook["entry"])
    files = ["policy.csv"] if hook.get("pass_filenames", True) else []

    assert program == "authz"
    assert words[0] in main.commands
    assert hook["language"] == "python"
    assert run(*words, *files).exit_code == 0
    assert re.search(hook["files"], "policy.csv")
    assert re.search(hook["files"], "apps/music/policy.csv")
    assert not re.search(hook["files"], "my-policy.csv.bak")
