"""`authz test`: does a policy keep what its tests promise?"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import click

from authz.bounded_read import read_file
from authz.cli.app import app_if_any
from authz.cli.junit import Case, junit
from authz.cli.outcome import Exit, complain, end, print_json, problems_in_words
from authz.cli.output import Output, with_output
from authz.cli.sources import (
    build,
    known_routes,
    model_option,
    policy_option,
    read_policy,
    routes_option,
    settings_here,
)
from authz.decision import PolicyInForce, Rule
from authz.errors import StoreError
from authz.policy.analysis.tests_file import TestFile, read_tests
from authz.policy.analysis.tests_run import (
    Outcome,
    RuleCoverage,
    TestResult,
    covered,
    run_tests,
)
from authz.policy.csv_rows import MAX_BYTES

#: More surprises than these say nothing new.
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _FileResult:
    file: TestFile
    results: tuple[TestResult, ...]


@click.command("test")
@click.argument("tests", nargs=-1, metavar="[TESTS]...")
@policy_option
@routes_option
@model_option
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    help="How the results are printed; text by default.",
)
@click.option("--coverage", is_flag=True, help="List the rules that no test covers.")
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    help="Fail if less than this percentage of the rules is covered.",
)
@with_output
def test_policy(  # noqa: PLR0913 - one parameter for each option
    tests: tuple[str, ...],
    *,
    policy: str | None,
    routes_file: str | None,
    model: str | None,
    style: str,
    coverage: bool,
    fail_under: float | None,
    out: Output,
) -> None:
    """Run the policy tests in TESTS, files in YAML; policy_test.yaml by default.

    Without --policy, the file `policy.csv` beside the tests is asked, or the policy of
    the settings; `flask authz test` asks the policy in force. With the routes of an
    app, a test may only name routes that exist.

    Exit code 0: all hold; 3: tests or policy cannot be read; 4: one does not hold, or
    too few rules are covered.
    """
    began = time.perf_counter()
    done: list[_FileResult] = []
    decided: set[Rule] = set()
    with problems_in_words():
        asked = _policy(policy, model, tests)
        routes = known_routes(routes_file)
        for file in [read_test_file(name) for name in tests or ("policy_test.yaml",)]:
            results = []
            ran = run_tests(file, asked, routes)
            with out.progress(file.tests, label=file.source) as progress:
                for _, (result, rules) in zip(progress, ran, strict=True):
                    results.append(result)
                    decided |= rules
            done.append(_FileResult(file=file, results=tuple(results)))
    report = covered(asked, decided)
    failed = sum(not o.passed for o in _outcomes(done))
    enough = fail_under is None or report.share * 100 >= Fraction(str(fail_under))
    style = "json" if out.as_json else style
    if style == "json" and not out.quiet:
        print_json(_document(done, report))
    elif style == "junit" and not out.quiet:
        click.echo(junit(_cases(done), name="authz test"))
    else:
        seconds = time.perf_counter() - began
        out.lines(_lines(done, seconds))
        if coverage or fail_under is not None:
            out.lines(_coverage_lines(report))
    if not enough:
        complain(
            f"{report.percent} % of the rules are covered, fewer than {fail_under:g} %"
        )
    end(Exit.FAILED if failed or not enough else Exit.OK)


def _policy(
    place: str | None, model: str | None, tests: Sequence[str]
) -> PolicyInForce:
    app = app_if_any()
    if app is not None and place is None and model is None:
        return app.policy
    settings = settings_here(model)
    if place is None and tests:
        beside = Path(tests[0]).with_name("policy.csv")
        place = str(beside) if beside.exists() else None
    return build(read_policy(place, settings), settings)


def read_test_file(name: str) -> TestFile:
    """Return the tests in the file *name*. Raises `StoreError`, `PolicyError`."""
    try:
        data = read_file(name, most=MAX_BYTES, pipes=True)
    except OSError as error:
        raise StoreError(
            f"{name}: the tests cannot be read ({error.strerror}): check the path, or "
            "begin with `authz init`"
        ) from error
    return read_tests(data, source=name)


def _outcomes(done: Sequence[_FileResult]) -> Iterator[Outcome]:
    for file in done:
        for result in file.results:
            yield from result.outcomes


def _lines(done: Sequence[_FileResult], seconds: float) -> Iterator[str]:
    for file in done:
        yield click.style(file.file.source, bold=True)
        width = max(len(result.test.name) for result in file.results)
        dots = max(len(result.outcomes) for result in file.results)
        for result in file.results:
            marks = "".join("." if o.passed else "F" for o in result.outcomes)
            failures = [o for o in result.outcomes if not o.passed]
            count = (
                click.style(f"{len(failures)} failed", fg="red")
                if failures
                else click.style(f"{len(result.outcomes)} passed", fg="green")
            )
            yield f"  {result.test.name:<{width}}  {marks:<{dots}}  {count}"
            for outcome in failures:
                yield from _failure(outcome)
    outcomes = list(_outcomes(done))
    failed = sum(not outcome.passed for outcome in outcomes)
    failures_text = f", {failed} failed" if failed else ""
    yield f"{len(outcomes) - failed} passed{failures_text} in {seconds:.2f} s"


def _failure(outcome: Outcome) -> Iterator[str]:
    expectation = outcome.expectation
    wanted = "allow" if expectation.allowed else "deny"
    for surprise in outcome.surprises[:_SHOWN]:
        yield (
            f"    line {expectation.line}  {expectation.person}  {surprise.where}"
            f"{expectation.in_words}  expected {wanted}, {surprise.why}"
        )
    if outcome.unproven:
        yield (
            f"    line {expectation.line}  {expectation}  not proven: "
            f"{outcome.unproven}"
        )
    more = len(outcome.surprises) - _SHOWN
    if more > 0:
        yield f"    line {expectation.line}  and {more} more places like these"


def _coverage_lines(report: RuleCoverage) -> Iterator[str]:
    total = len(report.rules)
    yield (
        f"{total - len(report.uncovered)} of {total} rules covered ({report.percent} %)"
    )
    for rule in report.uncovered:
        yield f"  not covered: {rule.origin}  {rule}"


def _cases(done: Sequence[_FileResult]) -> Iterator[Case]:
    for file in done:
        for result in file.results:
            for outcome in result.outcomes:
                yield Case(
                    suite=f"{file.file.source}: {result.test.name}",
                    name=f"{outcome.expectation.person} "
                    f"{'may' if outcome.expectation.allowed else 'may not'} "
                    f"{outcome.expectation.request}" + outcome.expectation.in_words,
                    failure="\n".join(line.strip() for line in _failure(outcome)),
                    file=file.file.source,
                    line=outcome.expectation.line,
                )


def _document(done: Sequence[_FileResult], report: RuleCoverage) -> dict[str, Any]:
    outcomes = list(_outcomes(done))
    failed = sum(not outcome.passed for outcome in outcomes)
    return {
        "passed": len(outcomes) - failed,
        "failed": failed,
        "files": [
            {
                "file": file.file.source,
                "tests": [
                    {
                        "name": result.test.name,
                        "line": result.test.line,
                        "passed": result.passed,
                        "expectations": [_expectation(o) for o in result.outcomes],
                    }
                    for result in file.results
                ],
            }
            for file in done
        ],
        "coverage": {
            "rules": len(report.rules),
            "covered": len(report.rules) - len(report.uncovered),
            "percent": float(report.percent),
            "uncovered": [
                {"rule": str(rule), "origin": str(rule.origin)}
                for rule in report.uncovered
            ],
        },
    }


def _expectation(outcome: Outcome) -> dict[str, Any]:
    expectation = outcome.expectation
    return {
        "person": expectation.person,
        "request": expectation.request,
        **expectation.document,
        "expected": "allow" if expectation.allowed else "deny",
        "line": expectation.line,
        "passed": outcome.passed,
        "places": outcome.places,
        "surprises": [
            {
                "method": surprise.place.method,
                "path": surprise.place.path,
                "got": str(surprise.decision.effect),
                "reason": str(surprise.decision.reason),
                "rules": [str(rule.origin) for rule in surprise.decision.rules],
            }
            for surprise in outcome.surprises
        ],
    }
