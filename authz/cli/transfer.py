"""`import`, `export` and `sync`: the policy of a store as a file, and back."""

from pathlib import Path
from typing import Any

import click

from authz.admin.transfer import Form, Mode, exported, imported, read
from authz.bounded_read import read_file
from authz.cli.app import context_here
from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, with_output
from authz.cli.revisions import (
    carry_out,
    change_options,
    dry_run_option,
    tests_option,
    wait_option,
)
from authz.cli.sources import read_policy, same_text
from authz.errors import StoreError
from authz.policy.csv_rows import MAX_BYTES
from authz.stores.file.policy import led_to, write_whole

_NEW_FILE_MODE = 0o644

_form_option = click.option(
    "--form",
    type=click.Choice([str(form) for form in Form]),
    help="A policy file (csv), JSON with authors and times, or the table of Casbin's "
    "SQL adapters (casbin_rule). By default the file's ending decides.",
)


@click.command("export")
@_form_option
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False), help="A file to write."
)
def export(*, form: str | None, output: str | None) -> None:
    """Print the policy that the store holds.

    Exit code 0: printed; 3: the store cannot be read; 7: it cannot be reached.
    """
    with problems_in_words(), context_here() as context:
        text = exported(context.records.snapshot(), _form(form, output))
        if output is None:
            click.echo(text, nl=False)
        else:
            _write(Path(output), text)


@click.command("import")
@click.argument("policy")
@_form_option
@click.option(
    "--replace/--merge",
    "replacing",
    default=None,
    help="Whether the lines that are there go or stay.",
)
@change_options
@with_output
def import_(
    policy: str, *, form: str | None, replacing: bool | None, out: Output, **asked: Any
) -> None:
    """Import POLICY into the store: a file, `-`, or git:REV:PATH.

    All of it or nothing. Exit codes as for `apply`.
    """
    if replacing is None:
        raise click.UsageError(
            "say what happens to the lines that are there: --replace or --merge"
        )
    with problems_in_words(), context_here(creates=True) as context:
        text = same_text(read_policy(policy, context.settings))
        draft = imported(
            context,
            text,
            _form(form, policy),
            Mode.REPLACE if replacing else Mode.MERGE,
        )
        carry_out(context, draft, out=out, **asked)


@click.command("sync")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--pull",
    is_flag=True,
    help="The other way round: write what the store holds into FILE.",
)
@click.option("--note", help="Why; by default `sync` and the file's name.")
@tests_option
@dry_run_option
@wait_option
@with_output
def sync(
    file: Path, *, pull: bool, note: str | None, out: Output, **asked: Any
) -> None:
    """Replace the policy in the store with FILE, if they differ.

    For a job that runs again and again: where Git has the policy and the store follows
    it; or, with --pull, where the store has it and Git keeps a copy. Do not change
    both: one of them wins.

    Exit codes as for `apply`; with --pull and --dry-run, 6 says that the file differs.
    """
    with problems_in_words(), context_here(creates=True) as context:
        if pull:
            text = exported(context.records.snapshot(), Form.CSV)
            _pull(text, file, asked["dry_run"], out)
        text = same_text(read_policy(str(file), context.settings))
        carry_out(
            context,
            imported(context, text, Form.CSV, Mode.REPLACE),
            note=note or f"sync {file.name}",
            expect_rev=None,
            out=out,
            **asked,
        )


def _pull(text: str, file: Path, dry_run: bool, out: Output) -> None:  # noqa: FBT001 - one of the options
    """Write *text* into *file* unless it says so already, and end the command."""
    there = _there(file)
    # Comments of the file are not the store's to lose: what counts is what it says.
    differs = not there or _said(there) != _said(text)
    if differs and not dry_run:
        _write(file, text)
    out.document({"written": differs and not dry_run, "differs": differs})
    if not differs:
        out.line(f"{file} says this already")
    elif dry_run:
        out.line(f"{file} would be written (--dry-run)")
    else:
        out.line(f"{file} written")
    end(Exit.DIFFERS if differs and dry_run else Exit.OK)


def _there(file: Path) -> str:
    """Return what stands in *file*; nothing if it is not there."""
    try:
        return read_file(file, most=MAX_BYTES).decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise StoreError(
            f"{file}: the file cannot be read ({why}): check the path"
        ) from error


def _said(text: str) -> list[tuple[Any, ...]]:
    entries = read(text, Form.CSV)
    return sorted(
        (e.row.kind, *e.row.fields, "\0", e.note, e.disabled) for e in entries
    )


def _form(named: str | None, place: str | None) -> Form:
    if named is not None:
        return Form(named)
    return Form.JSON if place is not None and place.endswith(".json") else Form.CSV


def _write(file: Path, text: str) -> None:
    target = led_to(file)
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else _NEW_FILE_MODE
        write_whole(target, text.encode(), mode=mode)
    except OSError as error:
        raise StoreError(
            f"{file}: the file cannot be written ({error.strerror}): check who may "
            f"write in {target.parent}"
        ) from error
