"""Processes that share a database, and what they do to its rules and people."""

from pathlib import Path

from authz.policy.records import Add
from authz.runtime import Runtime, start
from authz.settings import read_settings
from tests.contracts.policy_records import apply, row
from tests.web.apps import POLICY, RecordingSink


def process(
    url: str,
    folder: Path,
    *,
    sink: RecordingSink | None = None,
    serves: bool = True,
    **config: str,
) -> Runtime:
    """Return what a process has that uses the database at *url*.

    It looks once an hour, unless *config* says otherwise.
    """
    seed = folder / "seed.csv"
    seed.write_text(POLICY + "g, user:root, role:admin\n")
    settings = {
        "AUTHZ_STORE": url,
        "AUTHZ_POLICY_SEED": str(seed),
        "AUTHZ_POLL_SECONDS": "3600",
        **config,
    }
    return start(
        read_settings(settings, {}),
        audit=sink or RecordingSink(),
        serves=serves,
    )


def give(runtime: Runtime, name: str) -> None:
    """Give somebody a role, as an administrator does."""
    apply(runtime.records, Add(row=row("g", f"user:{name}", "role:user")))
