"""`authz lint`: what is odd about a policy."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from authz.cli.app import GuardedApp, app_if_any
from authz.cli.junit import junit
from authz.cli.outcome import Exit, end, print_json, problems_in_words
from authz.cli.output import Output, with_output
from authz.cli.reports import finding_cases, github, sarif
from authz.cli.sources import (
    known_routes,
    model_option,
    read_policy,
    routes_option,
    settings_here,
)
from authz.policy.lint import MEANINGS, Finding, Severity, lint
from authz.policy.model import read_model, why_not_compiled
from authz.policy.route_tables import RoutePattern
from authz.policy.scope_table import APP_SAYS
from authz.stores.model_file import read_model_text

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


@click.command("lint")
@click.argument("policies", nargs=-1, metavar="[POLICY]...")
@routes_option
@model_option
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "github", "sarif", "junit"]),
    default="text",
    help="How the findings are printed; text by default.",
)
@click.option(
    "--fail-on",
    type=click.Choice([str(severity) for severity in Severity]),
    default=str(Severity.ERROR),
    help="The mildest finding that ends with exit code 3; error by default.",
)
@with_output
def lint_policies(  # noqa: PLR0913 - one parameter for each option
    policies: tuple[str, ...],
    *,
    routes_file: str | None,
    model: str | None,
    style: str,
    fail_on: str,
    out: Output,
) -> None:
    """Say what is odd about each POLICY: a file, or git:REV:PATH.

    Without one, the policy of the settings. With the routes of an app, rules that fit
    none of them are found too. `# lint: allow KIND` above a line allows a finding.

    Exit code 0: nothing as severe as --fail-on; 3: something is.
    """
    findings: list[Finding] = []
    sources: list[str] = []
    with problems_in_words():
        settings = settings_here(model)
        definition = read_model(read_model_text(settings)[1])
        why = why_not_compiled(definition)
        if why is not None:
            raise click.UsageError(
                f"only the shipped model can be looked through: {why}"
            )
        given = [each.every for each in settings.proxy.scoped_groups]
        routes = known_routes(routes_file)
        app = app_if_any() if routes_file is None else None
        with out.progress(policies or (None,), label="lint") as places:
            for place in places:
                text = read_policy(place, settings)
                sources.append(text.source)
                findings += lint(
                    text.data,
                    source=text.source,
                    grants=(*settings.grants, *given),
                    routes=routes,
                    prefix=settings.url_prefix,
                    columns=definition.columns,
                    declared=_declared(app, routes),
                    scopes=app.context.named_scopes() if app is not None else (),
                )
    _print(findings, sources, style="json" if out.as_json else style, out=out)
    worst = min((finding.severity.rank for finding in findings), default=len(Severity))
    end(Exit.INVALID if worst <= Severity(fail_on).rank else Exit.OK)


def _declared(
    app: GuardedApp | None, routes: Sequence[RoutePattern]
) -> dict[tuple[str, str], list[str]] | None:
    """Return the kinds of scopes that requests are about; None if that is not known."""
    if app is None:
        return None
    told = {
        (r.method, r.route): app.scopes(r.endpoint, r.method, r.path) for r in routes
    }
    if any(APP_SAYS in each for each in told.values()):
        return None
    return {
        route: [text.partition(" ")[0] for text in each] for route, each in told.items()
    }


def _print(
    findings: Sequence[Finding], sources: Sequence[str], *, style: str, out: Output
) -> None:
    if out.quiet:
        return
    if style == "json":
        print_json({"findings": [_document(finding) for finding in findings]})
    elif style == "github":
        for text in github(findings):
            click.echo(text)
    elif style == "sarif":
        click.echo(json.dumps(sarif(findings, MEANINGS), indent=2))
    elif style == "junit":
        click.echo(junit(finding_cases(findings, sources), name="authz lint"))
    else:
        for finding in findings:
            severity = click.style(
                f"{finding.severity:<7}", fg=_COLOURS.get(finding.severity)
            )
            click.echo(f"{severity}  {finding}  [{finding.code}]")
        click.echo(_summary(findings, sources))


def _summary(findings: Sequence[Finding], sources: Sequence[str]) -> str:
    counts = Counter(finding.severity for finding in findings)
    found = [
        f"{counts[severity]} {severity}{'' if counts[severity] == 1 else 's'}"
        for severity in Severity
        if counts[severity]
    ]
    return f"{', '.join(sources)}: {', '.join(found) or 'nothing odd'}"


def _document(finding: Finding) -> dict[str, Any]:
    return {
        "code": str(finding.code),
        "severity": str(finding.severity),
        "file": finding.where.source,
        "line": finding.where.line,
        "message": finding.message,
        "mend": finding.hint,
        "text": finding.text,
    }
