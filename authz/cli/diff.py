"""`authz diff`: what differs between two policies, and for whom."""

from collections.abc import Iterator
from typing import Any, Final, NoReturn

import click

from authz.cli.app import app_if_any
from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, with_output
from authz.cli.prove import answer_lines, policy_options
from authz.cli.sources import (
    build,
    known_routes,
    model_option,
    read_policy,
    routes_option,
    settings_here,
)
from authz.decision import PolicyInForce
from authz.policy.analysis.by_meaning import Meaning, by_meaning, in_words, says_more
from authz.policy.analysis.documents import (
    answer_document,
    difference_document,
    meaning_document,
    verdict_of,
)
from authz.policy.analysis.impact import Difference, Impact, impact
from authz.policy.analysis.promises import Answer
from authz.policy.analysis.prove import compare
from authz.policy.csv_rows import Rows, read_rows, spell
from authz.policy.patterns import methods_in_words

_SHOWN: Final = 50
#: As many names as are told of those for whom one thing changes.
_NAMED: Final = 20


@click.command("diff")
@click.argument("before")
@click.argument("after")
@click.option("--effect", is_flag=True, help="Say who gains or loses what.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Show all of the effect, not only the first lines.",
)
@click.option(
    "--takes-away",
    is_flag=True,
    help="Fail unless it is proven that AFTER allows nobody anything new.",
)
@routes_option
@model_option
@with_output
def diff(  # noqa: PLR0913 - one parameter for each option
    before: str,
    after: str,
    *,
    effect: bool,
    everything: bool,
    takes_away: bool,
    routes_file: str | None,
    model: str | None,
    out: Output,
) -> None:
    """Say what differs between the policies BEFORE and AFTER.

    Each is a file, `-`, git:REV:PATH, or, with an app, `store:` for what its store
    holds now and store:41 for an earlier revision. With --effect, also say what that
    means for each name in either policy: at each route of the app or, without known
    routes, at each kind of path that the change touches.

    Exit code 0: they are the same; 6: they differ. With --takes-away 0: it is proven
    that nobody gains anything, whatever is asked; 4: somebody does, or it is not
    proven.
    """
    with problems_in_words():
        settings = settings_here(model)
        old, new = (read_policy(place, settings) for place in (before, after))
        added, removed = _rows(
            read_rows(old.data, source=old.source),
            read_rows(new.data, source=new.source),
        )
        comparison = proof = None
        if effect or takes_away:
            policies = build(old, settings), build(new, settings)
            comparison = _compare(*policies, routes_file) if effect else None
            proof = compare(*policies) if takes_away else None
    out.document(_document(added, removed, comparison, proof))
    for row in added:
        out.line(f"+ {row}", fg="green")
    for row in removed:
        out.line(f"- {row}", fg="red")
    if comparison is not None:
        out.lines(effect_lines(comparison, shown=None if everything else _SHOWN))
    if proof is not None:
        _end_with(proof, after, model, out)
    differs = bool(added or removed or (comparison and comparison.differences))
    if not differs:
        out.line("the same rules and grants")
    end(Exit.DIFFERS if differs else Exit.OK)


def _end_with(proof: Answer, after: str, model: str | None, out: Output) -> NoReturn:
    out.line(f"{proof.verdict}  nobody gains anything", fg="green" if proof else "red")
    for text in answer_lines(proof, *policy_options(after, model)):
        out.line(f"  {text}")
    end(Exit.OK if proof else Exit.FAILED)


def _compare(
    before: PolicyInForce, after: PolicyInForce, routes_file: str | None
) -> Impact:
    app = app_if_any() if routes_file is None else None
    routes = known_routes(routes_file) if app is None else app.context.served()
    if not routes and (before.written is None or after.written is None):
        raise click.UsageError(
            "the effect of a policy with a model of your own shows only on known "
            "routes: give --routes, or ask the app with `flask authz diff`"
        )
    return impact(before, after, routes_in=lambda _: routes)


def _rows(before: Rows, after: Rows) -> tuple[list[str], list[str]]:
    """Return the lines that came and those that went, in their order."""
    old = {spell(row.kind, *row.fields): None for row in before.rows}
    new = {spell(row.kind, *row.fields): None for row in after.rows}
    return [row for row in new if row not in old], [
        row for row in old if row not in new
    ]


def effect_lines(comparison: Impact, *, shown: int | None) -> Iterator[str]:
    """Yield what a comparison says, for people; at most *shown* places."""
    opened, closed = len(comparison.opened), len(comparison.closed)
    public = len(comparison.public)
    yield (
        f"looked at {comparison.places} place{'' if comparison.places == 1 else 's'} "
        f"for {comparison.people} name{'' if comparison.people == 1 else 's'}: "
        f"+{opened} allowed, -{closed} denied, "
        + (f"{public} opened to everyone" if public else "none opened to everyone")
    )
    if comparison.unseen_scopes:
        yield (
            f"not looked at: {comparison.unseen_scopes} more scopes; "
            "what changes in them is not shown"
        )
    yield from _proof_lines(comparison)
    said = [line for each in by_meaning(comparison.differences) for line in _said(each)]
    yield from said[:shown]
    if shown is not None and len(said) > shown:
        yield f"  and {len(said) - shown} more; --all shows them"


def _proof_lines(comparison: Impact) -> Iterator[str]:
    """Yield what is proven of a change; where it opens nothing that is served."""
    gains, loses = comparison.nobody_gains, comparison.nobody_loses
    if gains and loses:
        yield "nothing changes for anybody: proven for every request there can be"
    elif gains:
        yield "nobody gains anything: proven for every request there can be"
    elif loses:
        yield "nobody loses anything: proven for every request there can be"
    for answer, verb, here in (
        (gains, "gains", comparison.opened),
        (loses, "loses", comparison.closed),
    ):
        example = answer.example if answer is not None else None
        if example is not None and not here:
            about = f" in {example.scope}" if example.scope else ""
            yield (
                f"beyond that, {example.who} {verb} something: "
                f"{example.method} {example.path}{about}"
            )


def _said(meaning: Meaning) -> Iterator[str]:
    """Yield what changes for whom, and then who that is."""
    for methods, each in meaning.changes:
        change = "denied -> allowed" if each.opens else "allowed -> denied"
        where = f"{methods_in_words(methods)} {_where(each)}"
        yield f"  {change}  {in_words(meaning.name)}  {where}"
    if says_more(meaning):
        shown = ", ".join(meaning.members[:_NAMED])
        more = len(meaning.members) - _NAMED
        yield f"      that is: {shown}" + (f" and {more} more" if more > 0 else "")


def _where(difference: Difference) -> str:
    """Return where *difference* is: what of it is not meant, and of which route."""
    place = difference.place
    text = place.shown
    if difference.exceptions:
        text += f" but not {', '.join(difference.exceptions)}"
    if place.route is not None and place.route.route != place.shown:
        text += f" (part of {place.route.route})"
    if difference.where:
        text += f" in {difference.where}"
    return text


def _document(
    added: list[str],
    removed: list[str],
    comparison: Impact | None,
    proof: Answer | None,
) -> dict[str, Any]:
    document: dict[str, Any] = {"added": added, "removed": removed}
    if comparison is not None:
        document["effect"] = effect_document(comparison)
    if proof is not None:
        document["proof"] = answer_document(proof)
    return document


def effect_document(comparison: Impact) -> dict[str, Any]:
    """Return a comparison for programs."""
    return {
        "people": comparison.people,
        "places": comparison.places,
        "allowed": len(comparison.opened),
        "denied": len(comparison.closed),
        "opened_to_everyone": len(comparison.public),
        "unseen_scopes": comparison.unseen_scopes,
        "nobody_gains": verdict_of(comparison.nobody_gains),
        "nobody_loses": verdict_of(comparison.nobody_loses),
        "differences": [difference_document(each) for each in comparison.differences],
        "meanings": [
            meaning_document(each) for each in by_meaning(comparison.differences)
        ],
    }
