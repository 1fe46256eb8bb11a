"""Nothing is collected without a server to run against; what is seen is a table."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

collect_ignore_glob = (
    [] if any(name.startswith("AUTHZ_REAL_") for name in os.environ) else ["test_*"]
)

#: Each test with what became of it on each server.
_seen: dict[str, dict[str, str]] = {}
_WORDS = {"passed": "yes", "failed": "no"}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what became of a test."""
    server = dict(report.user_properties).get("server")
    if server is None or (report.when != "call" and report.outcome != "failed"):
        return
    name = report.nodeid.rpartition("::")[2].partition("[")[0]
    truth = name.removeprefix("test_").replace("_", " ")
    _seen.setdefault(truth, {})[str(server)] = _WORDS.get(report.outcome, "")


def pytest_sessionfinish() -> None:
    """Write the table, if a file is named for it."""
    path = os.environ.get("AUTHZ_REAL_REPORT")
    if not path:
        return
    servers = sorted({server for row in _seen.values() for server in row})
    today = datetime.now(UTC).date().isoformat()
    lines = [
        "| | " + " | ".join(f"{server}, {today}" for server in servers) + " |",
        "|---" * (len(servers) + 1) + "|",
        *(
            f"| {truth} | " + " | ".join(row.get(each, "") for each in servers) + " |"
            for truth, row in _seen.items()
        ),
    ]
    Path(path).write_text("\n".join(lines) + "\n")
