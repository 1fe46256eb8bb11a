"""`authz simulate` and `authz shadow`: a draft held against what really happened."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import click

from authz.audit.log import Record, Wanted
from authz.cli.audit import log_here, newest
from authz.cli.dates import moment
from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, plain, with_output
from authz.cli.sources import build, model_option, read_policy, settings_here
from authz.errors import StoreError
from authz.policy.analysis.simulate import ALLOWED, Replay, read_recorded, replay

_EVERYTHING: Final = 10**9
_SHOWN: Final = 50

_file_option = click.option(
    "--file", type=click.Path(), help="The audit log, instead of AUTHZ_AUDIT_FILE."
)
_since_option = click.option(
    "--since",
    default="7d",
    show_default=True,
    help="From this time on: 1h or 7d ago, or 2026-01-02.",
)


@click.command("simulate")
@click.argument("draft")
@_file_option
@_since_option
@model_option
@click.option("--exit-code", is_flag=True, help="End with 6 if anything would change.")
@with_output
def simulate(  # noqa: PLR0913 - one parameter for each option
    draft: str,
    *,
    file: str | None,
    since: str,
    model: str | None,
    exit_code: bool,
    out: Output,
) -> None:
    """Decide the requests in the audit log again, under the policy DRAFT.

    DRAFT is a file, `-`, git:REV:PATH or store:N. Denied requests are always in the
    log, allowed ones only with AUTHZ_AUDIT_ALLOWS.

    Exit code 0: replayed; 6 with --exit-code: something would change.
    """
    begin = moment(since, "--since")
    with problems_in_words():
        settings = settings_here(model)
        policy = build(read_policy(draft, settings), settings)
        log = log_here(file)
        wanted = Wanted(event="decision", since=begin)
        records = list(newest(log, wanted, _EVERYTHING))
        try:
            with out.progress(records, label="simulate") as progress:
                result = replay(map(read_recorded, progress), policy)
        except ValueError as error:
            raise StoreError(f"{error}: check it with `authz audit verify`") from error
    with_allows = any(record["event"] == ALLOWED for record in records)
    out.document(_document(result, with_allows=with_allows))
    out.lines(_lines(result, with_allows=with_allows))
    end(Exit.DIFFERS if exit_code and result.shifts else Exit.OK)


@click.command("shadow")
@_file_option
@_since_option
@with_output
def shadow(*, file: str | None, since: str, out: Output) -> None:
    """List where the candidate of AUTHZ_SHADOW_POLICY would answer differently.

    As the audit log tells; with an app, also whether the candidate can be used.

    Exit code 0: nowhere; 6: somewhere; 3: the candidate cannot be used.
    """
    begin = moment(since, "--since")
    with problems_in_words():
        log = log_here(file)
        records = list(newest(log, Wanted(event="shadow", since=begin), _EVERYTHING))
    found: Counter[tuple[str, str, str, str, str]] = Counter()
    for record in records:
        detail = record.get("detail", {})
        key = (
            str(record.get("revision", "")),
            str(detail.get("candidate", "")),
            str(record.get("subject", "")),
            str(record.get("method", "")),
            str(detail.get("route", "")),
        )
        found[key] += _times(record)
    rows = [
        {
            "revision": revision,
            "candidate": candidate,
            "subject": subject,
            "method": method,
            "route": route,
            "times": times,
        }
        for (revision, candidate, subject, method, route), times in found.most_common()
    ]
    out.document({"differences": rows})
    for row in rows:
        out.line(
            plain(
                f"{row['candidate']:<5}  {row['subject']}  {row['method']} "
                f"{row['route']}  x{row['times']}  (candidate {row['revision']})"
            )
        )
    out.line(f"{len(rows) or 'no'} difference{'' if len(rows) == 1 else 's'}")
    end(Exit.DIFFERS if rows else Exit.OK)


def _times(record: Record) -> int:
    times = str(record.get("detail", {}).get("times", ""))
    return int(times) if times.isascii() and times.isdigit() else 1


def _lines(result: Replay, *, with_allows: bool) -> Iterator[str]:
    yield (
        f"replayed {result.total} decisions: {result.same} same, "
        f"{result.opened} newly allowed, {result.closed} newly denied"
        + (f", {result.skipped} could not be decided again" if result.skipped else "")
    )
    for shift in result.shifts[:_SHOWN]:
        word = "allowed" if shift.opens else "denied"
        yield plain(
            f"  newly {word}  {shift.subject}  {shift.method} {shift.path}  "
            f"x{shift.times}"
        )
    if len(result.shifts) > _SHOWN:
        yield f"  and {len(result.shifts) - _SHOWN} more; --json lists them"
    if not with_allows:
        yield (
            "no allowed request is in the log, so nothing can be newly denied: set "
            "AUTHZ_AUDIT_ALLOWS to record them"
        )


def _document(result: Replay, *, with_allows: bool) -> dict[str, Any]:
    return {
        "decisions": result.total,
        "same": result.same,
        "newly_allowed": result.opened,
        "newly_denied": result.closed,
        "skipped": result.skipped,
        "allows_recorded": with_allows,
        "shifts": [
            {
                "subject": shift.subject,
                "method": shift.method,
                "path": shift.path,
                "opens": shift.opens,
                "times": shift.times,
            }
            for shift in result.shifts
        ],
    }
