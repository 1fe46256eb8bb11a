"""`authz routes`: every route of the app, and who may use it."""

from collections.abc import Iterator, Mapping, Sequence

import click

from authz.cli.app import app_if_any
from authz.cli.check import policy_of
from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, with_output
from authz.cli.sources import (
    known_routes,
    model_option,
    policy_option,
    routes_option,
)
from authz.policy.analysis.coverage import Route, coverage
from authz.policy.analysis.documents import route_document
from authz.policy.route_tables import is_ours


@click.command("routes")
@policy_option
@model_option
@routes_option
@click.option("--all", "all_routes", is_flag=True, help="List those of authz too.")
@with_output
def routes(
    *,
    policy: str | None,
    model: str | None,
    routes_file: str | None,
    all_routes: bool,
    out: Output,
) -> None:
    """List every route and method of the app with who may use it.

    Those of authz itself are one line unless --all is given. Without an app, the routes
    of the table that --routes names.

    With a policy that has scopes also what requests to each are about.

    Exit code 4: a route is covered by no rule, so nobody may use it; or a rule holds
    there in some scopes only, and nothing declares where a request names its scope.
    """
    with problems_in_words():
        patterns = known_routes(routes_file)
        app = app_if_any()
        if app is None and routes_file is None:
            raise click.UsageError(
                "authz does not guard this app: call `Authz(app)`; without an app, "
                "give its routes with --routes"
            )
        found = coverage(policy_of(app, policy, model), patterns)
    about = {
        (route.method, route.route): app.scopes(
            route.endpoint, route.method, route.path
        )
        for route in (found if app is not None and routes_file is None else ())
        if app is not None
    }
    undeclared = [
        route
        for route in found
        if about.get((route.method, route.route)) == ()
        and route.scoped_rules
        and not is_ours(route.endpoint)
    ]
    uncovered = sum(not route.is_covered for route in found)
    public = sum(route.declared_public for route in found)
    out.document(
        {
            "routes": [
                {
                    **route_document(r),
                    "scopes": list(about.get((r.method, r.route), ())),
                }
                for r in found
            ],
            "uncovered": uncovered,
            "undeclared": len(undeclared),
        }
    )
    ours = [] if all_routes else [r for r in found if is_ours(r.endpoint)]
    out.lines(_table([route for route in found if route not in ours], about))
    if ours:
        out.line(f"and {len(ours)} of authz itself: list them with --all")
    out.line(
        f"{len(found)} routes: {len(found) - public - uncovered} ruled, "
        f"{public} declared public, {uncovered} uncovered"
    )
    for route in undeclared:
        out.line(
            f"{route.method} {route.route}: {route.scoped_rules[0].origin} holds in "
            f"`{route.scoped_rules[0].scope}` only, and nothing declares where a "
            "request names its scope: declare it with `@authz.scoped`, or in "
            "AUTHZ_SCOPES_FILE",
            fg="red",
        )
    end(Exit.FAILED if uncovered or undeclared else Exit.OK)


def _table(
    found: Sequence[Route], about: Mapping[tuple[str, str], tuple[str, ...]]
) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("METHOD", "ROUTE", "ENDPOINT", "ACCESS")]
    rows += [(r.method, r.route, r.endpoint, r.access) for r in found]
    if any(about.values()) or any(route.scoped_rules for route in found):
        scopes = [
            "SCOPE",
            *(", ".join(about.get((r.method, r.route), ())) or "-" for r in found),
        ]
        rows = [
            (*row[:3], scope, row[3]) for row, scope in zip(rows, scopes, strict=True)
        ]
    last = len(rows[0]) - 1
    widths = [max(len(row[column]) for row in rows) for column in range(last)]
    origins = ["", *(", ".join(r.origins) for r in found)]
    for row, origin in zip(rows, origins, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        line = "  ".join([*cells, row[last]])
        yield f"{line}  ({origin})" if origin else line
