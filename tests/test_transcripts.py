"""What the docs show in a console is what one sees: every command is run.

A how-to begins in an empty folder, without any setting; nothing that a reader needs is
hidden. What is written into a file has the name of the file in its first line. What a
reader brings is there: `app`, which is the demo, and, once `AUTHZ_AUDIT_FILE` is
set, a log in which something happened.

The README begins in a clone: with the shipped policy, in a Git repository.

In an output `...` stands for anything. A command without an output must run.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
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
    "docs/reference/python.md",
    "docs/tutorial.md",
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
    r"^```\w*\n(?P<text># (?P<file>[\w/.]+\.(?:csv|yaml))\n.*?)^```",
    re.DOTALL | re.MULTILINE,
)
#: A command whose exit code is none of these cannot be run as it is shown.
RUNS = {0, 4, 5, 6}
#: A moment, a time it takes and the beginning of a hash are other ones each time.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00|[0-9a-f]+…|(?<=passed in )[\d.]+")
#: It asks for a password, and its output is another one each time.
RANDOM = {"hash-password"}
NOW = datetime.now(UTC)


class Step(NamedTuple):
    """One command of a page, or what it says is in a file."""

    text: str
    expected: str = ""
    file: str = ""


def steps(page: str) -> Iterator[Step]:
    """Yield what happens on *page*, in order."""
    for found in _STEP.finditer((ROOT / page).read_text(encoding="utf-8")):
        if found["file"] is not None:
            yield Step(found["text"], file=found["file"])
            continue
        for shown in re.split(r"^\$ ", found["console"], flags=re.MULTILINE)[1:]:
            command, _, output = shown.partition("\n")
            yield Step(command, output.rstrip())


ACCOUNTS = {
    "AUTHZ_ADMIN": "alice",
    "AUTHZ_ADMIN_PASSWORD": "correct horse battery",
    "AUTHZ_USER": "bob",
    "AUTHZ_USER_PASSWORD": "paper boat harbour",
}


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, no settings, and a Git that knows its user."""
    for name in [name for name in os.environ if name.startswith("AUTHZ")]:
        monkeypatch.delenv(name)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ann@example.org")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def furnish(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the shipped policy into *folder*, under Git, with a log."""
    log = folder / "audit.jsonl"
    monkeypatch.setenv("AUTHZ_AUDIT_FILE", str(log))
    shell(f"cp {ROOT}/policy.csv . && git init -qb main && {commit()}")
    write_log(log)


def shell(script: str) -> None:
    """Run *script* here."""
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True)


def commit() -> str:
    """Return what commits everything here."""
    return "git add -A && git commit -qm x"


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


def run(command: str, app: list[Flask], set_: Callable[[str, str], None]) -> Output:
    """Run *command*; `> file` and `export` are understood."""
    line, _, target = command.partition(" > ")
    words = shlex.split(line)
    result: Result | None = None
    if words[0] == "export":
        for name, _, value in (word.partition("=") for word in words[1:]):
            set_(name, value)
            if name == "AUTHZ_AUDIT_FILE":
                set_(name, Path(value).name)  # what is in /var is not a test's
                write_log(Path(Path(value).name))
    elif words[0] == "flask":
        assert words[1:4] == ["--app", "app", "authz"], command
        app += [demo()] if not app else []
        info = ScriptInfo(create_app=lambda *_: app[0])
        result = CliRunner().invoke(flask_group, words[4:], obj=info)
    elif words[0] == "authz":
        result = CliRunner().invoke(main, words[1:])
    else:
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        return Output(done.returncode, done.stdout + done.stderr)
    if result is None:
        return Output(0, "")
    if target:
        Path(target.strip()).write_text(result.stdout)
    return Output(result.exit_code, result.output)


def demo() -> Flask:
    """Return the reader's app, with its own accounts."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ACCOUNTS.items():
            patch.setenv(name, value)
        return create_app()


def is_random(command: str) -> bool:
    """Whether nobody can tell the output before."""
    return not RANDOM.isdisjoint(shlex.split(command))


@pytest.mark.parametrize("page", sorted(set(PAGES) - ELSEWHERE))
def test_what_a_page_shows(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Each command prints what the page shows, in the order of the page."""
    app: list[Flask] = []
    if page == "README.md":
        furnish(folder, monkeypatch)
    ran = 0
    try:
        for step in steps(page):
            if step.file and page != "README.md":  # it speaks of the shipped one
                Path(step.file).write_text(step.text, encoding="utf-8")
            elif not step.file and not is_random(step.text):
                result = run(step.text, app, monkeypatch.setenv)
                ran += 1
                assert result.exit_code in RUNS, (step.text, result.output)
                assert re.fullmatch(pattern(step.expected), result.output), (
                    f"$ {step.text}\n{result.output}\n--- but {page} shows\n"
                    f"{step.expected}"
                )
    finally:
        for each in app:
            get_authz(each).runtime.close()
    assert ran or any(is_random(s.text) for s in steps(page))


def pattern(expected: str) -> str:
    """Return what an output must be that is shown as *expected*; all, if nothing is."""
    text = re.escape(_MOMENT.sub("...", expected))
    text = text.replace(r"\.\.\.", "(?s:.*?)")
    return text + r"\n?" if expected else "(?s:.*)"


def test_no_page_hides_what_a_reader_needs():
    """What a reader does not see, no test does either."""
    pages = [
        ROOT / "README.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("adapters/**/*.md"),
    ]
    hidden = re.compile(r"<!--(?! Made from the code| soak: )")

    assert [page.name for page in pages if hidden.search(page.read_text("utf-8"))] == []


def test_pages_are_found():
    """The list is not empty, and what is tested elsewhere is there."""
    assert "README.md" in PAGES
    assert set(PAGES) >= ELSEWHERE
