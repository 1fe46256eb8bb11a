"""`apply`, `history` and `rollback`: changes of the policy that a store holds."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import click

from authz.admin.changes import Draft, Preview, preview
from authz.admin.changes import apply as make
from authz.admin.context import AdminContext
from authz.admin.history import revisions, way_back
from authz.admin.impact import effect_of
from authz.admin.rollout import Rollout, wait_for_rollout
from authz.admin.transfer import Form, Mode, imported
from authz.cli.app import context_here, shell
from authz.cli.diff import effect_document, effect_lines
from authz.cli.outcome import Exit, complain, end, problems_in_words, warn
from authz.cli.output import Output, plain, with_output
from authz.cli.policy_tests import read_test_file
from authz.cli.sources import read_policy, same_text
from authz.errors import PolicyError, StoreReadOnly
from authz.policy.analysis.tests_run import run_tests
from authz.policy.records import Revision, Snapshot
from authz.stores.replicas import Replica

_SHOWN: Final = 50
#: Whose a revision is that nobody made here: a first policy, or an edit of the file.
_NO_AUTHOR: Final = "on the server"

note_option = click.option(
    "--note", required=True, help="Why, in a sentence; the history keeps it."
)
dry_run_option = click.option(
    "--dry-run",
    is_flag=True,
    help="Change nothing; show what would change, and for whom.",
)
expect_option = click.option(
    "--expect-rev",
    help="Only if the store is at this revision: its number or its etag.",
)
tests_option = click.option(
    "--tests", help="Policy tests that must hold, or nothing is changed."
)
wait_option = click.option(
    "--wait",
    type=click.FloatRange(0, 600),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until every process that shares the database serves it; 0: "
    "do not wait.",
)


def change_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give *command* what every change is asked: the options of `carry_out`."""
    first = note_option, expect_option, tests_option, dry_run_option, wait_option
    for option in reversed(first):
        command = option(command)
    return command


@click.command("apply")
@click.argument("policy")
@change_options
@with_output
def apply(policy: str, *, out: Output, **asked: Any) -> None:
    """Replace the policy in the store with POLICY: a file, `-`, or git:REV:PATH.

    All of it or nothing, with notes and disabled lines. Each process takes it up within
    two seconds; with a database, the command waits until all have. Where the policy is
    a file that is kept in Git, nothing is changed and the patch is printed.

    Exit code 0: applied, or nothing to change; 3: it cannot be applied; 4: a test does
    not hold; 7: the store cannot be reached, or it is applied and a process does not
    serve it yet.
    """
    with problems_in_words(), context_here(creates=True) as context:
        text = same_text(read_policy(policy, context.settings))
        draft = imported(context, text, Form.CSV, Mode.REPLACE)
        carry_out(context, draft, out=out, **asked)


@click.command("history")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500))
@click.option("--before", type=int, help="Only revisions below this number.")
@with_output
def history(*, limit: int, before: int | None, out: Output) -> None:
    """List what was changed in the store, by whom and why; the newest first.

    `authz diff store:41 store:` shows the difference between two of them.
    """
    with problems_in_words(), context_here() as context:
        found = revisions(context, limit=limit, before=before)
    out.document({"revisions": [_as_json(revision) for revision in found]})
    for revision in found:
        out.lines(_history_lines(revision))
    if not found:
        out.line("nothing was changed yet, or this store keeps no history")


@click.command("rollback")
@click.argument("number", type=int)
@change_options
@with_output
def rollback(number: int, *, out: Output, **asked: Any) -> None:
    """Go back to revision NUMBER, as a new revision.

    Exit codes as for `apply`.
    """
    with problems_in_words(), context_here() as context:
        carry_out(context, way_back(context, number), out=out, **asked)


def carry_out(  # noqa: PLR0913 - what every change is asked about
    context: AdminContext,
    draft: Draft,
    *,
    note: str,
    expect_rev: str | None,
    tests: str | None,
    dry_run: bool,
    wait: float,
    out: Output,
) -> None:
    """Look at *draft*, test it, make it, and say so; end the command if it fails.

    *wait* is how many seconds the processes that serve have to take it.
    """
    if expect_rev is not None:
        _expect(context.records.snapshot(), expect_rev)
    actor = shell()
    if context.records.read_only and not dry_run:
        _print_patch(context, draft)
    seen = preview(context, actor, draft)
    if seen.after is None:
        raise PolicyError(seen.problems)
    for remark in seen.remarks:
        warn(remark)
    said = [] if tests is None else [_test(context, seen, tests)]
    if dry_run or draft.is_empty:
        out.document(partial(_document, context, seen, None, None))
        out.lines(said)
        out.lines(_preview_lines(context, seen))
        return
    revision = make(context, actor, draft, note=note)
    step = wait_for_rollout(context, revision, within=wait) if wait else None
    out.document(partial(_document, context, seen, revision, step))
    said.insert(
        0,
        f"revision {revision.number} applied "
        f"(+{len(revision.added)} -{len(revision.removed)})",
    )
    out.line("; ".join([*said, *_step_words(step)]))
    if step is not None and step.behind:
        for replica in step.behind:
            complain(_behind(replica))
        end(Exit.UNREACHABLE)


def _expect(now: Snapshot, wanted: str) -> None:
    if wanted in {str(now.number), now.etag}:
        return
    at = f"revision {now.number}" if now.number else f"etag {now.etag}"
    complain(
        f"the store is at {at}, not at {plain(wanted)}: somebody else changed it; look "
        "with `authz history`, and repeat the change"
    )
    end(Exit.INVALID)


def _print_patch(context: AdminContext, draft: Draft) -> None:
    """Print what would have to be committed, and end the command."""
    try:
        make(context, shell(), draft, note="")
    except StoreReadOnly as error:
        if error.patch:
            click.echo(error.patch, nl=False)
        complain(str(error))
        end(Exit.INVALID)


def _test(context: AdminContext, seen: Preview, tests: str) -> str:
    """Return how many tests hold; end the command if one does not."""
    assert seen.after is not None  # noqa: S101 - the caller has looked
    file = read_test_file(tests)
    failed = passed = 0
    for result, _ in run_tests(file, seen.after, context.routes()):
        for outcome in result.outcomes:
            passed += outcome.passed
            if outcome.passed:
                continue
            failed += 1
            for surprise in outcome.surprises[:1]:
                complain(
                    f"{file.source}:{outcome.expectation.line}: "
                    f"{outcome.expectation}: {surprise.where}: {surprise.why}"
                )
    if failed:
        complain(f"{failed} of {failed + passed} tests do not hold: nothing is changed")
        end(Exit.FAILED)
    return f"{passed} test{'s hold' if passed != 1 else ' holds'}"


def _step_words(step: Rollout | None) -> Iterator[str]:
    if step is None or not (step.ready or step.behind):
        return
    ready, count = len(step.ready), len(step.ready) + len(step.behind)
    hosts = len({replica.host for replica in (*step.ready, *step.behind)})
    # A replica is a copy of the app, which may have several processes: gunicorn's
    # workers, and with --preload the one that they were forked from.
    what = _plural(hosts, "replica")
    if hosts != count:
        what = f"{count} processes of {what}"
    of = f"{ready} of " if step.behind else ""
    yield f"{of}{what} in step after {step.seconds:.1f} s"


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _behind(replica: Replica) -> str:
    at = f"revision {replica.number}" if replica.number else replica.revision[:12]
    why = f" ({plain(replica.problem)})" if replica.problem else ""
    return (
        f"{plain(replica.name)} serves {at}{why}: the change is made; look at this "
        "process"
    )


def _preview_lines(context: AdminContext, seen: Preview) -> Iterator[str]:
    if seen.draft.is_empty:
        yield "nothing to change: the store holds this already"
        return
    yield from (f"+ {line}" for line in seen.added)
    yield from (f"- {line}" for line in seen.removed)
    if not (seen.added or seen.removed):
        yield "only notes and disabled lines change"
    comparison = effect_of(context, seen)
    if comparison is not None:
        yield from effect_lines(comparison, shown=_SHOWN)
    yield "nothing was changed (--dry-run)"


def _document(
    context: AdminContext,
    seen: Preview,
    revision: Revision | None,
    step: Rollout | None,
) -> dict[str, Any]:
    comparison = effect_of(context, seen)
    return {
        "applied": revision is not None,
        "number": revision.number if revision else None,
        "etag": revision.etag if revision else seen.etag,
        "added": list(seen.added),
        "removed": list(seen.removed),
        "effect": None if comparison is None else effect_document(comparison),
        "replicas": None if step is None else _step_document(step),
    }


def _step_document(step: Rollout) -> dict[str, Any]:
    return {
        "in_step": [replica.name for replica in step.ready],
        "behind": [
            {
                "name": replica.name,
                "number": replica.number,
                "problem": replica.problem or None,
            }
            for replica in step.behind
        ],
        "seconds": round(step.seconds, 3),
    }


def _history_lines(revision: Revision) -> Iterator[str]:
    at = revision.at.astimezone().isoformat(" ", "minutes")
    yield plain(
        f"{revision.number:>5}  {at}  {revision.author or _NO_AUTHOR}  "
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
