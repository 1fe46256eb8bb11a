"""`authz audit` shows what happened and whether the log is whole."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from authz.audit import AuditEvent, EventTag
from authz.extension import get_authz
from authz.stores.file.audit import AuditFile
from tests.cli.commands import flask_run, run

NOW = datetime.now(UTC)


@pytest.fixture(name="log")
def _log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "audit.jsonl"
    sink = AuditFile(path, max_bytes=1 << 20, kept=1)
    for hours, name in ((30, "user:old"), (0, "user:\x1b[31mbob")):
        sink.record(
            AuditEvent(
                tag=EventTag.DECISION_DENY,
                at=NOW - timedelta(hours=hours),
                subject=name,
                method="GET",
                path="/map",
                reason="no-rule",
            )
        )
    sink.record(
        AuditEvent(
            tag=EventTag.POLICY_CHANGED,
            at=NOW,
            subject="user:alice",
            about="policy",
            before=("p, role:user, /map, GET",),
            after=("p, role:user, /map, *",),
            note="maps for all",
        )
    )
    sink.close()
    monkeypatch.setenv("AUTHZ_AUDIT_FILE", str(path))
    return path


def test_what_happened(log: Path):
    """The oldest first; nothing in a line speaks to the terminal."""
    result = run("audit")

    assert result.exit_code == 0
    assert "\x1b" not in result.output
    lines = result.output.splitlines()
    assert [line.split()[1] for line in lines if line[0] == "2"] == [
        "decision:deny",
        "decision:deny",
        "policy:changed",
    ]
    assert lines[-3:] == [
        "    + p, role:user, /map, *",
        "    - p, role:user, /map, GET",
        '    "maps for all"',
    ]


def test_only_what_is_asked_for(log: Path):
    """Filters go together, and times may be written as an age."""
    document = json.loads(run("audit", "--denied", "--since", "1h", "--json").output)

    assert document["schema"] == "authz/v1"
    assert [r["subject"] for r in document["records"]] == ["user:\x1b[31mbob"]
    assert len(run("audit", "--until", "2h").output.splitlines()) == 1
    assert run("audit", "--changes").output.count("policy:changed") == 1
    assert (
        len(json.loads(run("audit", "--limit", "1", "--json").output)["records"]) == 1
    )
    since = (NOW - timedelta(days=2)).isoformat()
    assert (
        len(json.loads(run("audit", "--since", since, "--json").output)["records"]) == 3
    )
    assert run("audit", "--since", "yesterday").exit_code == 2


def test_the_log_is_whole(log: Path):
    """The head is printed, to be noted elsewhere, and can be asked for later."""
    result = run("audit", "verify")
    assert result.exit_code == 0
    assert result.output.startswith("sound  3 records, 1 to 3\nhead    ")
    head = result.output.split()[-1]

    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))

    assert run("audit", "verify").exit_code == 0
    cut = run("audit", "verify", "--head", head)
    assert cut.exit_code == 4
    assert "cut off" in cut.output


def test_the_log_was_touched(log: Path):
    """The place is named; programs get JSON."""
    log.write_text(log.read_text().replace("role:user", "role:demo", 1))

    result = run("audit", "verify", "--json")

    assert result.exit_code == 4
    document = json.loads(result.output)
    assert document["sound"] is False
    assert document["problems"] == [
        "audit.jsonl:3: it was changed after it was written"
    ]
    assert run("audit", "verify").output.startswith("broken  audit.jsonl:3")


def test_which_log(log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """An option names one; without any there is none."""
    monkeypatch.delenv("AUTHZ_AUDIT_FILE")

    assert run("audit", "--file", str(log), "verify").exit_code == 0
    assert run("audit", "--file", str(tmp_path / "none")).exit_code == 2
    assert run("audit").exit_code == 2
    (tmp_path / "folder").mkdir()
    assert run("audit", "--file", str(tmp_path / "folder")).exit_code == 3


@pytest.mark.usefixtures("log")
def test_the_log_of_the_app(app: Flask, monkeypatch: pytest.MonkeyPatch):
    """`flask authz audit` looks through the log that the app writes."""
    monkeypatch.delenv("AUTHZ_AUDIT_FILE")
    app.test_client().get("/map")
    get_authz(app).runtime.audit.sinks[0].close()

    result = flask_run(app, "audit", "--denied")

    assert result.exit_code == 0
    assert result.output.splitlines()[-1].endswith("GET  /map  no-rule")


@pytest.mark.usefixtures("log")
def test_it_can_be_quiet():
    """A job that only asks for the exit code prints nothing."""
    assert run("audit", "--quiet", "--no-color").output == ""
    quiet = run("audit", "verify", "--quiet")
    assert (quiet.exit_code, quiet.output) == (0, "")
