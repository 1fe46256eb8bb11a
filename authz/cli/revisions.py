"""`apply`, `history` and `rollback`: changes of the policy that a store holds."""

from collections.abc import Iterator
from typing import Any, Final

import click

from authz.admin.changes import Draft, Preview, preview
from authz.admin.changes import apply as make
from authz.admin.effect import effect_of
from authz.admin.history import revisions, way_back
from authz.admin.office import Office
from authz.admin.transfer import Form, Mode, imported
from authz.cli.app import office_here, shell
from authz.cli.diff import effect_document, effect_lines
from authz.cli.outcome import Exit, complain, end, problems_in_words
from authz.cli.output import Output, plain, with_output
from authz.cli.policy_tests import read_test_file
from authz.cli.sources import read_policy, same_text
from authz.errors import PolicyError, StoreReadOnly
from authz.policy.records import Revision, Snapshot
from authz.policy.tests_run import run_tests

_SHOWN: Final = 50

note_option = click.option(
    "--note", required=True, help="Why, in a sentence; it stands in the history."
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Change nothing; say what would change, for whom."
)
expect_option = click.option(
    "--expect-rev",
    help="Only if the store is at this revision: its number or its etag.",
)
tests_option = click.option(
    "--tests", help="Policy tests that must hold, or nothing is changed."
)


@click.command("apply")
@click.argument("policy")
@note_option
@expect_option
@tests_option
@dry_run_option
@with_output
def apply(  # noqa: PLR0913 - one parameter for each option
    policy: str,
    *,
    note: str,
    expect_rev: str | None,
    tests: str | None,
    dry_run: bool,
    out: Output,
) -> None:
    """Make the store hold what POLICY says: a file, `-`, or git:REV:PATH.

    All of it or nothing; notes and disabled lines come along. Each process takes it
    within two seconds. Where the policy is a file that is kept in Git, nothing is
    changed and the patch is printed.

    Exit code 0: applied, or nothing to change; 3: it cannot be; 4: a test does not
    hold; 7: the store cannot be reached.
    """
    with problems_in_words(), office_here() as office:
        text = same_text(read_policy(policy, office.settings))
        draft = imported(office, text, Form.CSV, Mode.REPLACE)
        carry_out(
            office,
            draft,
            note=note,
            expect_rev=expect_rev,
            tests=tests,
            dry_run=dry_run,
            out=out,
        )


@click.command("history")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500))
@click.option("--before", type=int, help="Only revisions below this number.")
@with_output
def history(*, limit: int, before: int | None, out: Output) -> None:
    """List what was changed in the store, by whom and why; the newest first.

    `authz diff store:41 store:` shows what lies between two of them.
    """
    with problems_in_words(), office_here() as office:
        found = revisions(office, limit=limit, before=before)
    out.document({"revisions": [_as_json(revision) for revision in found]})
    for revision in found:
        out.lines(_history_lines(revision))
    if not found:
        out.line("nothing was changed yet, or this store keeps no history")


@click.command("rollback")
@click.argument("number", type=int)
@note_option
@expect_option
@tests_option
@dry_run_option
@with_output
def rollback(  # noqa: PLR0913 - one parameter for each option
    number: int,
    *,
    note: str,
    expect_rev: str | None,
    tests: str | None,
    dry_run: bool,
    out: Output,
) -> None:
    """Make the store hold what revision NUMBER left; the history goes on.

    Exit codes as for `apply`.
    """
    with problems_in_words(), office_here() as office:
        carry_out(
            office,
            way_back(office, number),
            note=note,
            expect_rev=expect_rev,
            tests=tests,
            dry_run=dry_run,
            out=out,
        )


def carry_out(  # noqa: PLR0913 - what every change is asked about
    office: Office,
    draft: Draft,
    *,
    note: str,
    expect_rev: str | None,
    tests: str | None,
    dry_run: bool,
    out: Output,
) -> None:
    """Look at *draft*, test it, make it, and say so; end the command if it fails."""
    _expect(office.records.snapshot(), expect_rev)
    actor = shell()
    if office.records.read_only and not dry_run:
        _print_patch(office, draft)
    seen = preview(office, actor, draft)
    if seen.after is None:
        raise PolicyError(seen.problems)
    if tests is not None:
        _test(office, seen, tests, out)
    unchanged = not draft.changes
    revision = None
    if not dry_run and not unchanged:
        revision = make(office, actor, draft, note=note)
    out.document(_document(office, seen, revision))
    if dry_run:
        out.lines(_preview_lines(office, seen))
    elif revision is None:
        out.line("nothing to change: the store holds just that")
    else:
        out.line(
            f"revision {revision.number} applied "
            f"(+{len(revision.added)} -{len(revision.removed)})"
        )


def _expect(now: Snapshot, wanted: str | None) -> None:
    if wanted is None or wanted in {str(now.number), now.etag}:
        return
    at = f"revision {now.number}" if now.number else f"etag {now.etag}"
    complain(
        f"the store is at {at}, not at {plain(wanted)}: somebody else changed it; look "
        "with `authz history`, and repeat the change"
    )
    end(Exit.INVALID)


def _print_patch(office: Office, draft: Draft) -> None:
    """Print what would have to be committed, and end the command."""
    try:
        make(office, shell(), draft, note="")
    except StoreReadOnly as error:
        if error.patch:
            click.echo(error.patch, nl=False)
        complain(str(error))
        end(Exit.INVALID)


def _test(office: Office, seen: Preview, tests: str, out: Output) -> None:
    assert seen.after is not None  # noqa: S101 - the caller has looked
    file = read_test_file(tests)
    failed = passed = 0
    for result, _ in run_tests(file, seen.after, office.routes()):
        for outcome in result.outcomes:
            passed += outcome.passed
            if outcome.passed:
                continue
            failed += 1
            for surprise in outcome.surprises[:1]:
                complain(
                    f"{file.source}:{outcome.expectation.line}: "
                    f"{outcome.expectation}: {surprise.place}: {surprise.why}"
                )
    if failed:
        complain(f"{failed} of {failed + passed} tests do not hold: nothing is changed")
        end(Exit.FAILED)
    out.line(f"{passed} tests hold")


def _preview_lines(office: Office, seen: Preview) -> Iterator[str]:
    if not seen.draft.changes:
        yield "nothing to change: the store holds just that"
        return
    yield from (f"+ {line}" for line in seen.added)
    yield from (f"- {line}" for line in seen.removed)
    if not (seen.added or seen.removed):
        yield "only notes and disabled lines change"
    comparison = effect_of(office, seen)
    if comparison is not None:
        yield from effect_lines(comparison, shown=_SHOWN)
    yield "nothing was changed (--dry-run)"


def _document(
    office: Office, seen: Preview, revision: Revision | None
) -> dict[str, Any]:
    comparison = effect_of(office, seen)
    return {
        "applied": revision is not None,
        "number": revision.number if revision else None,
        "etag": revision.etag if revision else seen.etag,
        "added": list(seen.added),
        "removed": list(seen.removed),
        "effect": None if comparison is None else effect_document(comparison),
    }


def _history_lines(revision: Revision) -> Iterator[str]:
    at = revision.at.astimezone().isoformat(" ", "minutes")
    yield plain(
        f"{revision.number:>5}  {at}  {revision.author}  "
        f"+{len(revision.added)} -{len(revision.removed)}  {revision.note}"
    ).rstrip()


def _as_json(revision: Revision) -> dict[str, Any]:
    return {
        "number": revision.number,
        "etag": revision.etag,
        "at": revision.at.isoformat(),
        "author": revision.author,
        "note": revision.note,
        "added": list(revision.added),
        "removed": list(revision.removed),
    }
