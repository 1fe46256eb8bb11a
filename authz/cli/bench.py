"""`authz bench`: how fast your own policy is, beside stock pycasbin."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Final

import click

from authz.cli.outcome import Exit, complain, end, problems_in_words
from authz.cli.output import Output, with_output
from authz.cli.sources import (
    build,
    known_routes,
    model_option,
    read_policy,
    routes_option,
    settings_here,
)
from authz.decision import AccessRequest
from authz.policy.analysis.impact import people_of
from authz.policy.analysis.probes import places
from authz.policy.compiled import CompiledPolicy
from authz.policy.oracle import oracle
from authz.stores.model_file import read_model_text

#: Seconds that each side may take; stock pycasbin slows down with the rules.
_SECONDS: Final = 3.0
#: Each set of names costs pycasbin an enforcer of its own.
_PEOPLE: Final = 8
_MILLI, _MICRO = 1e3, 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timing:
    load: float
    answers: tuple[bool, ...]
    #: Sorted, in seconds.
    each: tuple[float, ...]

    def at(self, share: float) -> float:
        return self.each[min(len(self.each) - 1, int(len(self.each) * share))]


@click.command("bench")
@click.argument("policy", required=False)
@click.option(
    "--questions",
    default=2000,
    show_default=True,
    type=click.IntRange(10, 100_000),
    help="How many questions are asked; fewer if pycasbin takes too long.",
)
@model_option
@routes_option
@with_output
def bench(
    policy: str | None,
    *,
    questions: int,
    model: str | None,
    routes_file: str | None,
    out: Output,
) -> None:
    """Ask POLICY, and stock pycasbin with the same rules, the same questions.

    About the people and paths that the rules tell apart. The figures are of this
    machine and this moment; what counts is how the two compare.

    Exit code 0: measured; 1: they gave different answers, which is a bug in authz.
    """
    with problems_in_words():
        settings = settings_here(model)
        text = read_policy(policy, settings)
        begun = time.perf_counter()
        compiled = build(text, settings)
        load = time.perf_counter() - begun
        routes = known_routes(routes_file)
        model_text = read_model_text(settings)[1]
    if not isinstance(compiled, CompiledPolicy):
        raise click.UsageError(
            "with this model pycasbin itself answers: there is nothing to compare"
        )
    asked = _questions(compiled, routes, questions)
    begun = time.perf_counter()
    stock = oracle(compiled.source, model_text)
    for first in {request.subject.names: request for request in asked}.values():
        stock(first)  # makes the enforcer, which is its load
    stock_load = time.perf_counter() - begun
    theirs = _timed(stock, asked, stock_load, out, label="pycasbin")
    ours = _timed(
        lambda request: bool(compiled.decide(request)), asked, load, out, label="authz"
    )
    same = ours.answers[: len(theirs.answers)] == theirs.answers
    out.document(
        {
            "policy": text.source,
            "rules": len(compiled.source.rules),
            "grants": len(compiled.source.grants),
            "same_answers": same,
            "authz": _document(ours),
            "pycasbin": _document(theirs),
        }
    )
    out.line(
        f"{text.source}: {len(compiled.source.rules)} rules, "
        f"{len(compiled.source.grants)} grants"
    )
    out.line(f"{'':<10}{'load':>12}{'p50':>12}{'p99':>12}{'questions':>12}")
    for name, timing in (("authz", ours), ("pycasbin", theirs)):
        out.line(
            f"{name:<10}{timing.load * _MILLI:>9.1f} ms"
            f"{timing.at(0.5) * _MICRO:>9.1f} us{timing.at(0.99) * _MICRO:>9.1f} us"
            f"{len(timing.each):>12}"
        )
    if not same:
        complain("the two gave different answers: please report it, with the policy")
        end(Exit.ERROR)
    out.line(f"the same answers; p50 {theirs.at(0.5) / ours.at(0.5):.0f} times as fast")


def _questions(
    policy: CompiledPolicy, routes: Sequence[Any], count: int
) -> list[AccessRequest]:
    people = list(islice(people_of(policy).values(), _PEOPLE))
    where = places(policy.source.rules, routes)
    every = (
        AccessRequest(subject=who, path=place.path, method=place.method)
        for place in cycle(where)
        for who in people
    )
    return list(islice(every, count))


def _timed(
    ask: Callable[[AccessRequest], bool],
    asked: Sequence[AccessRequest],
    load: float,
    out: Output,
    *,
    label: str,
) -> _Timing:
    answers: list[bool] = []
    each: list[float] = []
    end_by = time.perf_counter() + _SECONDS
    with out.progress(asked, label=label) as progress:
        for request in progress:
            begun = time.perf_counter()
            answers.append(ask(request))
            now = time.perf_counter()
            each.append(now - begun)
            if now > end_by:
                break
    return _Timing(load=load, answers=tuple(answers), each=tuple(sorted(each)))


def _document(timing: _Timing) -> dict[str, Any]:
    return {
        "load_ms": round(timing.load * _MILLI, 3),
        "p50_us": round(timing.at(0.5) * _MICRO, 2),
        "p99_us": round(timing.at(0.99) * _MICRO, 2),
        "questions": len(timing.each),
    }
