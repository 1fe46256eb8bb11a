"""`flask authz routes`: every route of the app, and who may use it."""

from collections.abc import Iterator
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from authz.cli.outcome import Exit, end, print_json
from authz.policy.coverage import Route, coverage, route_patterns


@click.command("routes")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_appcontext
def routes(*, as_json: bool) -> None:
    """List every route and method of the app with who may use it.

    Exit code 4: a route is covered by no rule, so nobody may use it.
    """
    guarded = current_app.extensions.get("authz")
    if guarded is None:
        raise click.UsageError("authz does not guard this app: call `Authz(app)`")
    patterns = route_patterns(
        current_app.url_map.iter_rules(), guarded.views.public_endpoints
    )
    found = coverage(guarded.runtime.policy, patterns)
    uncovered = sum(not route.is_covered for route in found)
    public = sum(route.declared_public for route in found)
    if as_json:
        print_json({"routes": [_document(r) for r in found], "uncovered": uncovered})
    else:
        for line in _table(found):
            click.echo(line)
        click.echo(
            f"{len(found)} routes: {len(found) - public - uncovered} ruled, "
            f"{public} declared public, {uncovered} uncovered"
        )
    end(Exit.NOT_COVERED if uncovered else Exit.OK)


def _table(found: list[Route]) -> Iterator[str]:
    rows = [("METHOD", "ROUTE", "ENDPOINT", "ACCESS")]
    rows += [(r.method, r.route, r.endpoint, r.access) for r in found]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    origins = ["", *(", ".join(r.origins) for r in found)]
    for row, origin in zip(rows, origins, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        line = "  ".join([*cells, row[3]])
        yield f"{line}  ({origin})" if origin else line


def _document(route: Route) -> dict[str, Any]:
    return {
        "method": route.method,
        "route": route.route,
        "endpoint": route.endpoint,
        "who": list(route.who),
        "declared_public": route.declared_public,
        "covered": route.is_covered,
        "origins": list(route.origins),
    }
