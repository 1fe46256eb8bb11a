"""`authz routes`: every route of the app, and who may use it."""

from collections.abc import Iterator, Sequence

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

    Exit code 4: a route is covered by no rule, so nobody may use it.
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
    uncovered = sum(not route.is_covered for route in found)
    public = sum(route.declared_public for route in found)
    out.document({"routes": [route_document(r) for r in found], "uncovered": uncovered})
    ours = [] if all_routes else [r for r in found if is_ours(r.endpoint)]
    out.lines(_table([route for route in found if route not in ours]))
    if ours:
        out.line(f"and {len(ours)} of authz itself: list them with --all")
    out.line(
        f"{len(found)} routes: {len(found) - public - uncovered} ruled, "
        f"{public} declared public, {uncovered} uncovered"
    )
    end(Exit.FAILED if uncovered else Exit.OK)


def _table(found: Sequence[Route]) -> Iterator[str]:
    rows = [("METHOD", "ROUTE", "ENDPOINT", "ACCESS")]
    rows += [(r.method, r.route, r.endpoint, r.access) for r in found]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    origins = ["", *(", ".join(r.origins) for r in found)]
    for row, origin in zip(rows, origins, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        line = "  ".join([*cells, row[3]])
        yield f"{line}  ({origin})" if origin else line
