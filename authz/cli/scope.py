"""`authz scope`: from a policy without scopes to one with, and back."""

from collections.abc import Callable
from pathlib import Path

import click

from authz.cli.diff import effect_lines
from authz.cli.new_files import write_new
from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, with_output
from authz.cli.sources import read_policy, settings_here
from authz.decision import Policy
from authz.errors import PolicyError
from authz.policy.analysis.impact import impact
from authz.policy.build import build_policy
from authz.policy.compiled import CompiledPolicy
from authz.policy.csv_edit import edited, read_entries
from authz.policy.csv_rows import Row
from authz.policy.records import Entry, Replace
from authz.scope import ANY_SCOPE
from authz.stores.model_file import shipped_model

_into = click.option(
    "--into",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder for the new policy.csv and its model.conf.",
)


@click.group("scope")
def scope() -> None:
    """Turn a policy into one with scopes, and back."""


@scope.command("add")
@click.argument("policy", required=False)
@_into
@with_output
def add(policy: str | None, into: Path, out: Output) -> None:
    """Write POLICY as one with scopes: each rule and grant in every scope, `*`.

    It answers every question as before, which is checked before anything is written.
    Notes, comments and disabled lines stay. Then narrow what is meant for one library:
    `g, user:bob, role:user, library:kids`.
    """
    _turn(policy, into, _with_scope, scoped=True, out=out)


@scope.command("remove")
@click.argument("policy", required=False)
@_into
@with_output
def remove(policy: str | None, into: Path, out: Output) -> None:
    """Write POLICY, a policy with scopes, as one without.

    It is refused while a rule or a grant holds in some scopes only: without scopes it
    would hold in all.
    """
    _turn(policy, into, _without_scope, scoped=False, out=out)


def _turn(
    place: str | None,
    into: Path,
    change: Callable[[Entry], Row],
    *,
    scoped: bool,
    out: Output,
) -> None:
    with problems_in_words():
        text = read_policy(place, settings_here())
        models = shipped_model(scoped=not scoped), shipped_model(scoped=scoped)
        before = build_policy(
            models[0], text.data, policy_source=text.source, partial=True
        ).policy
        entries = read_entries(text.data, source=text.source)
        data = edited(
            text.data,
            [Replace(id=e.id, row=change(e), note=e.note) for e in entries],
            source=text.source,
        )
        after = build_policy(models[1], data, partial=True).policy
        effect = impact(_whole(before.written), _whole(after.written))
        if effect.differences:
            raise PolicyError.at(
                text.source, "it would not answer as before", "nothing was written"
            )
        target, model = write_new(
            into,
            {"policy.csv": data, "model.conf": models[1].encode()},
            there="name another folder",
        )
    out.document({"written": [str(target), str(model)], "lines": len(entries)})
    out.line(
        f"{target}: {len(entries)} {'line' if len(entries) == 1 else 'lines'}"
        + (", each in every scope" if scoped else "")
    )
    out.line(f"{model}: the model that goes with it; set AUTHZ_MODEL to it")
    out.lines(effect_lines(effect, shown=None))
    end(Exit.OK)


def _with_scope(entry: Entry) -> Row:
    row = entry.row
    at = 1 if row.kind == "p" else len(row.fields)
    fields = (*row.fields[:at], ANY_SCOPE, *row.fields[at:])
    return row._replace(fields=fields)


def _without_scope(entry: Entry) -> Row:
    row = entry.row
    at = 1 if row.kind == "p" else 2
    if row.fields[at] != ANY_SCOPE:
        raise PolicyError.at(
            str(row.origin),
            f"it holds in `{row.fields[at]}` only",
            "without scopes it would hold in all: remove the line, or write `*`",
        )
    return row._replace(fields=(*row.fields[:at], *row.fields[at + 1 :]))


def _whole(policy: Policy | None) -> CompiledPolicy:
    """Return what *policy* says in every scope, to compare."""
    assert policy is not None  # noqa: S101 - both models are the shipped ones
    return CompiledPolicy(policy.within(ANY_SCOPE))
