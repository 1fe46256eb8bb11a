"""simulate and shadow: a draft held against what really happened."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from authz.audit import AuditEvent, EventTag
from authz.stores.file.audit import AuditFile
from tests.cli.commands import document, flask_run, run

BOB = ("auth:local", "role:authenticated", "role:everyone", "user:bob")


def event(tag: EventTag, path: str, *, hours: int = 0, **fields: object) -> AuditEvent:
    """Return an event about bob."""
    return AuditEvent(
        tag=tag,
        at=datetime.now(UTC) - timedelta(hours=hours),
        subject="user:bob",
        names=BOB,
        method="GET",
        path=path,
        **fields,  # type: ignore[arg-type]
    )


@pytest.fixture(name="log")
def _log(policy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = policy.with_name("audit.jsonl")
    monkeypatch.setenv("AUTHZ_AUDIT_FILE", str(path))
    write(
        path,
        event(EventTag.DECISION_DENY, "/map", hours=30, reason="no-rule"),
        event(EventTag.DECISION_DENY, "/map", reason="no-rule"),
        event(EventTag.DECISION_DENY, "/map", reason="no-rule"),
        event(EventTag.DECISION_DENY, "/x\x1b[31m\u202e", reason="no-rule"),
        event(EventTag.DECISION_WOULD_DENY, "/would", reason="no-rule"),
        event(EventTag.DECISION_DENY, "/health", reason="cross-origin"),
    )
    policy.with_name("draft.csv").write_text(
        policy.read_text() + "g, user:bob, role:user\n"
    )
    return path


def write(path: Path, *events: AuditEvent) -> None:
    """Append *events* to the log at *path*."""
    sink = AuditFile(path, max_bytes=1 << 20, kept=1)
    for each in events:
        sink.record(each)
    sink.close()


@pytest.mark.usefixtures("log")
class TestSimulate:
    def test_what_would_change(self):
        """How many, for whom, and what the log cannot tell."""
        result = run("simulate", "draft.csv", "--since", "1d")

        assert result.exit_code == 0
        first, second, last = result.output.splitlines()
        assert first == (
            "replayed 4 decisions: 2 same, 2 newly allowed, 0 newly denied, "
            "1 could not be decided again"
        )
        assert second == "  newly allowed  user:bob  GET /map  x2"
        assert last.endswith("set AUTHZ_AUDIT_ALLOWS to record them")

    def test_exit_code(self):
        """6, if that is asked for and something would change."""
        assert run("simulate", "draft.csv", "--exit-code").exit_code == 6
        assert run("simulate", "policy.csv", "--exit-code").exit_code == 0

    def test_since(self):
        """A time, or so long ago; nonsense is a usage error."""
        assert "x3" in run("simulate", "draft.csv", "--since", "31h").output
        assert run("simulate", "draft.csv", "--since", "yesterday").exit_code == 2

    def test_json(self, log: Path):
        """With a schema; allowed requests that would be denied are counted."""
        write(log, event(EventTag.DECISION_ALLOW, "/old", reason="allowed-by-rule"))
        printed = document(run("simulate", "draft.csv", "--json"), "simulate")

        assert printed["newly_denied"] == 1
        assert printed["allows_recorded"] is True

    def test_the_log_speaks_to_no_terminal(self, policy: Path):
        """What strangers sent is printed without its control characters."""
        policy.with_name("draft.csv").write_text("p, role:everyone, /*, *\n")
        output = run("simulate", "draft.csv").output

        assert "/x\\x1b[31m\\u202e" in output
        assert "\x1b" not in output

    @pytest.mark.parametrize("draft", ["missing.csv", "git:x:y", "bad.csv"])
    def test_a_draft_that_cannot_be_used(self, policy: Path, draft: str):
        """3, and never a report that nothing would change."""
        policy.with_name("bad.csv").write_text("p, x\n")
        result = run("simulate", draft)

        assert (result.exit_code, result.stdout) == (3, "")

    def test_with_an_app(self, app: Flask, log: Path):
        """The log of the app, or the one that is named."""
        result = flask_run(app, "simulate", "draft.csv", "--file", str(log))

        assert result.exit_code == 0
        assert "newly allowed" in result.output


@pytest.mark.usefixtures("policy")
def test_without_a_log(monkeypatch: pytest.MonkeyPatch):
    """One line that says which setting to use."""
    monkeypatch.delenv("AUTHZ_AUDIT_FILE", raising=False)
    result = run("simulate", "policy.csv")

    assert result.exit_code == 2
    assert "AUTHZ_AUDIT_FILE" in result.stderr


class TestShadow:
    def test_where_it_differs(self, log: Path):
        """Each difference once, with how often it came."""
        detail = {"candidate": "allow", "route": "/map", "times": "4"}
        write(
            log,
            event(EventTag.SHADOW_DIFFERS, "/map", revision="abc", detail=detail),
            event(EventTag.SHADOW_DIFFERS, "/map", revision="abc", detail=detail),
        )
        result = run("shadow")

        assert result.exit_code == 6
        assert result.output.splitlines() == [
            "allow  user:bob  GET /map  x8  (candidate abc)",
            "1 difference",
        ]
        (row,) = document(run("shadow", "--json"), "shadow")["differences"]
        assert row["times"] == 8

    @pytest.mark.usefixtures("log")
    def test_nowhere(self):
        """0."""
        result = run("shadow")

        assert (result.exit_code, result.output) == (0, "no differences\n")
