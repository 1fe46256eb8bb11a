"""What the docs show in a console is what one sees: every `authz` command is run.

Each page has a folder of its own with the shipped policy in a Git repository, two
accounts, and an audit log in which something happened. What a reader would do between
two commands, a page says in a comment that is not shown:

    <!--- shell
    sed -i 's/GET/POST/' policy.csv
    -->

and what is set, beside the accounts, in another:

    <!--- settings
    AUTHZ_STORE=sqlite:///authz.db
    -->

In an output `...` stands for anything. A command without an output must run.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import ScriptInfo

from authz.audit import AuditEvent, EventTag
from authz.cli import flask_group, main
from authz.extension import get_authz
from authz.stores.file.audit import AuditFile
from examples.demo.app import create_app

ROOT = Path(__file__).parents[1]
#: These have tests of their own, with servers that they need.
ELSEWHERE = {
    "docs/how-to/troubleshoot-sign-in.md",
    "adapters/caddy/README.md",
    "adapters/nginx/README.md",
}
PAGES = sorted(
    str(page.relative_to(ROOT))
    for page in (
        ROOT / "README.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("adapters/**/*.md"),
    )
    if "```console" in page.read_text(encoding="utf-8")
)
_STEP = re.compile(
    r"^```console\n(?P<console>.*?)^```|"
    r"^<!--- (?P<kind>shell|settings)\n(?P<text>.*?)^-->",
    re.DOTALL | re.MULTILINE,
)
#: A command whose exit code is none of these cannot be run as it is shown.
RUNS = {0, 4, 5, 6}
#: A moment and the beginning of a hash, which are other ones each time.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00|[0-9a-f]+…")
#: It asks for a password, and its output is another one each time.
RANDOM = {"hash-password"}
NOW = datetime.now(UTC)


class Step(NamedTuple):
    """One command of a page, or what happens unseen between two."""

    kind: str
    text: str
    expected: str = ""


def steps(page: str) -> Iterator[Step]:
    """Yield what happens on *page*, in order."""
    for found in _STEP.finditer((ROOT / page).read_text(encoding="utf-8")):
        if found["kind"] is not None:
            yield Step(found["kind"], found["text"])
            continue
        for shown in re.split(r"^\$ ", found["console"], flags=re.MULTILINE)[1:]:
            command, _, output = shown.partition("\n")
            yield Step("command", command, output.rstrip())


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {
        "AUTHZ_ADMIN": "alice",
        "AUTHZ_ADMIN_PASSWORD": "correct horse battery",
        "AUTHZ_USER": "bob",
        "AUTHZ_USER_PASSWORD": "paper boat harbour",
        "AUTHZ_AUDIT_FILE": str(tmp_path / "audit.jsonl"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    shell(f"cp {ROOT}/policy.csv . && git init -qb main && {commit()}")
    write_log(tmp_path / "audit.jsonl")
    return tmp_path


def shell(script: str) -> None:
    """Run *script* here."""
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True)


def commit() -> str:
    """Return what commits everything here."""
    return "git add -A && git -c user.name=a -c user.email=a@b.c commit -qm x"


def write_log(path: Path) -> None:
    """Write what happened within the last hour."""
    sink = AuditFile(path, max_bytes=1 << 20, kept=1)
    for tag, path_, reason in (
        (EventTag.DECISION_DENY, "/api/analysis", "no-rule"),
        (EventTag.DECISION_WOULD_DENY, "/config", "no-rule"),
    ):
        sink.record(
            AuditEvent(
                tag=tag,
                at=NOW - timedelta(minutes=3),
                subject="user:bob",
                names=("role:authenticated", "role:everyone", "role:user", "user:bob"),
                method="POST",
                path=path_,
                reason=reason,
                request_id="5a3f0c9e12ab",
            )
        )
    sink.close()


class Output(NamedTuple):
    """What another program answered."""

    exit_code: int
    output: str


def run(command: str, app: list[Flask]) -> Result | Output:
    """Run *command*; `> file` is understood."""
    command, _, target = command.partition(" > ")
    words = shlex.split(command)
    if words[0] == "flask":
        assert words[1:4] == ["--app", "app", "authz"], command
        app += [create_app()] if not app else []
        info = ScriptInfo(create_app=lambda *_: app[0])
        result = CliRunner().invoke(flask_group, words[4:], obj=info)
    elif words[0] == "sqlite3":
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        return Output(done.returncode, done.stdout + done.stderr)
    else:
        assert words[0] == "authz", command
        result = CliRunner().invoke(main, words[1:])
    if target:
        Path(target.strip()).write_text(result.stdout)
    return result


def is_random(command: str) -> bool:
    """Whether nobody can tell the output before."""
    return not RANDOM.isdisjoint(shlex.split(command))


@pytest.mark.parametrize("page", sorted(set(PAGES) - ELSEWHERE))
def test_what_a_page_shows(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Each command prints what the page shows, in the order of the page."""
    app: list[Flask] = []
    text = (ROOT / page).read_text(encoding="utf-8")
    if page == "docs/tutorial.md":
        write_block(text, r"```\n(p, .*?)```", folder / "policy.csv")
    write_block(text, r"```yaml\n(people:.*?)```", folder / "policy_test.yaml")
    ran = 0
    try:
        for step in steps(page):
            if step.kind == "shell":
                shell(step.text)
            elif step.kind == "settings":
                for line in step.text.splitlines():
                    monkeypatch.setenv(*line.split("=", 1))
            elif not is_random(step.text):
                result = run(step.text, app)
                ran += 1
                assert result.exit_code in RUNS, (step.text, result.output)
                assert re.match(pattern(step.expected), result.output), (
                    f"$ {step.text}\n{result.output}\n--- but {page} shows\n"
                    f"{step.expected}"
                )
    finally:
        for each in app:
            get_authz(each).runtime.close()
    assert ran or any(is_random(s.text) for s in steps(page))


def write_block(text: str, block: str, target: Path) -> None:
    """Write to *target* the first *block* of a page that says what is in that file."""
    found = re.search(block, text, re.DOTALL)
    if found:
        target.write_text(found[1], encoding="utf-8")


def pattern(expected: str) -> str:
    """Return what an output must begin with that is shown as *expected*."""
    text = re.escape(_MOMENT.sub("...", expected))
    text = text.replace(r"\.\.\.", "(?s:.*?)")
    return text + r"(?:\Z|\n)" if expected else ""


def test_pages_are_found():
    """The list is not empty, and what is tested elsewhere is there."""
    assert "README.md" in PAGES
    assert set(PAGES) >= ELSEWHERE
