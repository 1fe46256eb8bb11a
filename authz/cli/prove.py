"""`authz prove`: a promise about every request there can be, in the shell."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import click

from authz.cli.check import policy_of
from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, with_output
from authz.cli.sources import model_option, policy_option
from authz.decision import PolicyInForce, Rule
from authz.errors import InvalidValue
from authz.policy.analysis.documents import answer_document
from authz.policy.analysis.promises import (
    ANYONE,
    BETWEEN_NAMES,
    Answer,
    Party,
    Promise,
    Question,
    Verdict,
    Watch,
    parse_promised,
)
from authz.policy.analysis.prove import prove as prove_promise

_QUESTIONS: Final = (
    Question.NEVER,
    Question.ALWAYS,
    Question.IMPLIES,
    Question.EQUIVALENT,
    Question.DISJOINT,
    Question.SEPARATE,
    Question.REACHABLE,
)
_COLOURS: Final = {
    Verdict.PROVEN: "green",
    Verdict.REFUTED: "red",
    Verdict.NOT_PROVEN: "yellow",
}
_EVERYTHING: Final = "* /**"
SECONDS: Final = 60.0

seconds_option = click.option(
    "--seconds",
    type=click.FloatRange(min=0),
    default=SECONDS,
    show_default=True,
    help="How long to try; then it is not proven.",
)


@click.command("prove")
@click.argument("question", type=click.Choice([str(each) for each in _QUESTIONS]))
@click.argument("words", nargs=-1, required=True, metavar="WHO... [REQUEST]")
@click.option("--but", multiple=True, help="Leave out whoever has this name.")
@click.option("--scope", default="", help="In which scope; by default in each.")
@click.option(
    "--any-groups",
    is_flag=True,
    help="With any groups of the policy that a provider may add.",
)
@policy_option
@model_option
@seconds_option
@with_output
def prove(  # noqa: PLR0913 - one parameter for each option
    question: str,
    words: tuple[str, ...],
    *,
    but: tuple[str, ...],
    scope: str,
    any_groups: bool,
    policy: str | None,
    model: str | None,
    seconds: float,
    out: Output,
) -> None:
    """Prove a promise for every request there can be, or show what breaks it.

    \b
    never WHO REQUEST       WHO may never: `never anyone "POST /api/**"`
    always WHO REQUEST      WHO always may
    implies A B [REQUEST]   what A may, B may
    equivalent A B [REQUEST]
    disjoint A B [REQUEST]  they share nothing, but what everybody may
    separate A B            nobody can hold both
    reachable LINE          some answer depends on the rule on that line

    WHO is a name such as role:user, `anonymous`, or `anyone`. A REQUEST is a method
    and a path as in a rule, `/**` at its end for everything below; `change /**` is
    every method but those that only look.

    Exit code 0: it is proven; 4: it is refuted, or not proven; 3: the policy cannot
    be read.
    """  # noqa: D301 - click reads the character
    with problems_in_words():
        in_force = policy_of(policy, model)
        asked = Question(question)
        try:
            promise = _promise(
                asked,
                words,
                in_force,
                {"but": but, "scope": scope, "any_groups": any_groups},
            )
            with watching(out, seconds) as watch:
                answer = prove_promise(in_force, promise, watch)
        except InvalidValue as error:
            raise click.UsageError(str(error.problem)) from error
    options = policy_options(policy, model)
    out.document(answer_document(answer, *options))
    out.line(f"{answer.verdict}  {promise}", fg=_COLOURS[answer.verdict])
    for text in answer_lines(answer, *options):
        out.line(f"  {text}")
    end(Exit.OK if answer else Exit.FAILED)


def answer_lines(answer: Answer, *options: str) -> Iterator[str]:
    """Yield why, and what shows it: command lines with *options*, to be pasted."""
    if answer.why:
        yield answer.why
    example = answer.example
    if example is None:
        return
    about = f" in {example.scope}" if example.scope else ""
    if not example.path:
        yield f"{example.who} holds both{about}"
        return
    yield f"{example.who}: {example.method} {example.path}{about}"
    yield f"see why:  {example.command(*options)}"
    if example.other is not None:
        yield f"and:      {example.command(*options, other=True)}"


def policy_options(policy: str | None, model: str | None) -> list[str]:
    """Return how a command line says which *policy* it asks, of which *model*."""
    named = (("--policy", policy), ("--model", model))
    return [word for option, value in named if value for word in (option, value)]


def _promise(
    question: Question,
    words: Sequence[str],
    policy: PolicyInForce,
    more: dict[str, Any],
) -> Promise:
    names = 2 if question in BETWEEN_NAMES else 1
    least = names + (question in {Question.NEVER, Question.ALWAYS})
    most = least + (
        question in {Question.IMPLIES, Question.EQUIVALENT, Question.DISJOINT}
    )
    if not least <= len(words) <= most:
        raise click.UsageError(
            f"`{question}` takes {_count(least, most)}, and was given {len(words)}: "
            'write for example `never anyone "POST /api/**"`; see --help'
        )
    text = " ".join([str(question), *words])
    text += "".join(f" but {name}" for name in more["but"])
    if more["scope"]:
        text += f" in {more['scope']}"
    if more["any_groups"]:
        text += ", with any groups"
    if question is Question.REACHABLE:
        return Promise(question=question, rule=_rule(words[0], policy), text=text)
    methods, region = parse_promised(
        words[names] if len(words) > names else _EVERYTHING
    )
    parties = tuple(Party.of(word) for word in words[:names])
    if len(parties) > 1 and any(party.text == ANYONE for party in parties):
        raise click.UsageError(f"`{question}` is between two names, not `{ANYONE}`")
    return Promise(
        question=question,
        parties=parties,
        methods=methods,
        region=region,
        text=text,
        **more,
    )


def _count(least: int, most: int) -> str:
    return f"{least} words" if least == most else f"{least} or {most} words"


def _rule(line: str, policy: PolicyInForce) -> Rule | None:
    if policy.written is None:
        return None
    for rule in policy.written.rules:
        if line in {str(rule.origin), str(rule.origin.line)}:
            return rule
    raise click.UsageError(f"there is no rule on line `{line}` of the policy")


@contextmanager
def watching(out: Output, seconds: float) -> Iterator[Watch]:
    """Give what stops after *seconds*, and shows people on a terminal how far it is."""
    end_at = time.monotonic() + seconds

    def stop() -> bool:
        return not time.monotonic() < end_at  # what is no number is no time

    if out.quiet or out.as_json or not sys.stderr.isatty():
        yield Watch(stop=stop)
        return
    with click.progressbar(length=1000, label="prove", file=sys.stderr) as bar:

        def tell(done: int, total: int) -> None:
            bar.update(1000 * done // max(total, 1) - bar.pos)

        yield Watch(stop=stop, tell=tell)
