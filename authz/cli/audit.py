"""`authz audit`: look through the audit log, and see that nobody touched it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from flask.cli import ScriptInfo

from authz.audit.log import AuditLog, Record, Wanted
from authz.cli.dates import moment
from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, with_output
from authz.settings import read_settings
from authz.stores.factory import stored_audit
from authz.stores.file.audit_reader import AuditFiles

_AT_ONCE: Final = 500


@click.group("audit", invoke_without_command=True)
@click.option("--file", type=click.Path(), help="Instead of AUTHZ_AUDIT_FILE.")
@click.option("--denied", is_flag=True, help="Only what was refused.")
@click.option("--changes", is_flag=True, help="Only what administrators changed.")
@click.option(
    "--event", default="", help="Only events that begin with this: policy, session."
)
@click.option("--subject", default="", help="Only what this name did: user:alice.")
@click.option("--path", default="", help="Only paths that begin with this.")
@click.option("--request-id", default="", help="The number on a refusal page.")
@click.option("--since", help="From this time on: 1h or 7d ago, or 2026-01-02.")
@click.option("--until", help="Up to a time, as for --since.")
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 100_000)
)
@click.pass_context
@with_output
def audit(  # noqa: PLR0913 - one parameter for each option
    context: click.Context,
    *,
    file: str | None,
    denied: bool,
    changes: bool,
    event: str,
    subject: str,
    path: str,
    request_id: str,
    since: str | None,
    until: str | None,
    limit: int,
    out: Output,
) -> None:
    """Show the newest records of the audit log, the oldest of them first."""
    context.obj = file
    if context.invoked_subcommand:
        return
    wanted = Wanted(
        denied=denied,
        changes=changes,
        event=event,
        subject=subject,
        path=path,
        request_id=request_id,
        since=moment(since, "--since"),
        until=moment(until, "--until"),
    )
    with problems_in_words():
        records = list(newest(log_here(file), wanted, limit))
    records.reverse()
    out.document({"records": records})
    out.lines(map(_line, records))
    end(Exit.OK)


@audit.command("verify")
@click.option("--head", default="", help="A hash that must be in the log.")
@click.pass_obj
@with_output
def verify(file: str | None, *, head: str, out: Output) -> None:
    """Follow the chain of the audit log from its first record to its last.

    Note the hash that is printed somewhere else: with --HEAD it shows later that the
    log still holds that record. Exit code 4: the chain is broken.
    """
    with problems_in_words():
        found = log_here(file).verify(head=head)
    out.document(
        {
            "sound": not found.problems,
            "records": found.count,
            "first": found.first,
            "last": found.link.number,
            "head": found.link.head,
            "problems": list(found.problems),
        }
    )
    out.lines(f"broken  {problem}" for problem in found.problems)
    out.line(
        f"{'sound' if not found.problems else 'BROKEN'}  {found.count} records, "
        f"{found.first} to {found.link.number}"
    )
    out.line(f"head    {found.link.head}")
    end(Exit.FAILED if found.problems else Exit.OK)


def log_here(file: str | None) -> AuditLog:
    """Return the log that the option, the app or the settings name."""
    if file:
        if not Path(file).exists():
            raise click.BadParameter(f"there is no file `{file}`", param_hint="--file")
        return AuditFiles(Path(file))
    info = click.get_current_context().find_object(ScriptInfo)
    guarded: Any = info.load_app().extensions.get("authz") if info else None
    log: AuditLog | None
    if guarded is not None:
        log = guarded.runtime.audit_log
    else:
        log = stored_audit(read_settings({}, os.environ))
    if log is None:
        raise click.UsageError(
            "there is no audit log to look through: set AUTHZ_STORE or "
            "AUTHZ_AUDIT_FILE, or name a file with --file"
        )
    return log


def newest(log: AuditLog, wanted: Wanted, limit: int) -> Iterator[Record]:
    """Yield the newest records of *log* that are *wanted*, at most *limit*."""
    before = None
    while limit > 0:
        found = log.find(wanted, limit=min(limit, _AT_ONCE), before=before)
        yield from found.records
        limit -= len(found.records)
        before = found.next_before
        if before is None:
            return


def _line(record: Record) -> str:
    """Return *record* as one line; its texts come from strangers."""
    parts = [
        _shown(record, key)
        for key in ("at", "event", "subject", "method", "path", "reason", "about")
    ]
    line = "  ".join(part for part in parts if part)
    for mark, key in (("+", "after"), ("-", "before")):
        rows: Any = record.get(key, [])
        for row in rows:
            line += f"\n    {mark} {json.dumps(row)[1:-1]}"
    if record.get("note"):
        line += f"\n    {json.dumps(record['note'])}"
    return line


def _shown(record: Record, key: str) -> str:
    # As ASCII: nothing in it can speak to a terminal.
    return json.dumps(str(record.get(key, "")))[1:-1]
