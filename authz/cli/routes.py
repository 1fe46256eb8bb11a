"""`authz routes`: every route of the app, and who may use it."""

from collections.abc import Iterator, Mapping, Sequence

import click

from authz.cli.app import app_if_any
from authz.cli.check import policy_of
from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, columns, with_output
from authz.cli.sources import (
    known_routes,
    model_option,
    policy_option,
    routes_option,
    settings_here,
)
from authz.decision import Grant, Rule
from authz.policy.analysis.coverage import Route, coverage
from authz.policy.analysis.documents import route_document
from authz.policy.route_tables import is_ours
from authz.policy.scope_table import APP_SAYS


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
    there, or somebody has its role, in some scopes only, and nothing declares where a
    request names its scope; or a scope is declared for a route that the app has not.
    """
    with problems_in_words():
        patterns = known_routes(routes_file)
        app = app_if_any()
        if app is None and routes_file is None:
            raise click.UsageError(
                "authz does not guard this app: call `Authz(app)`; without an app, "
                "give its routes with --routes"
            )
        found = coverage(
            policy_of(policy, model),
            patterns,
            grants=[each.every for each in settings_here(model).proxy.scoped_groups],
        )
    own = app if routes_file is None else None
    misfits = list(own.scope_misfits()) if own is not None else []
    about = {
        (route.method, route.route): own.scopes(
            route.endpoint, route.method, route.path
        )
        for route in found
        if own is not None
    }
    undeclared = list(_undeclared(found, about))
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
            "misfits": [
                {"where": each.where, "message": each.message, "mend": each.hint}
                for each in misfits
            ],
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
    for route, line in undeclared:
        kind = line.scope.partition(":")[0]
        holds = (
            f"holds in `{line.scope}` only"
            if isinstance(line, Rule)
            else f"gives `{line.role}` in `{line.scope}` only"
        )
        out.line(
            f"{route.method} {route.route}: {line.origin} {holds}, and nothing "
            f"declares where a request names its {kind}: declare it with "
            "`@authz.scoped`, or in AUTHZ_SCOPES_FILE; as `narrowed`, if it shows and "
            "changes only what is the visitor's",
            fg="red",
        )
    for problem in misfits:
        out.line(str(problem), fg="red")
    failed = uncovered or undeclared or misfits
    end(Exit.FAILED if failed else Exit.OK)


def _undeclared(
    found: Sequence[Route], about: Mapping[tuple[str, str], tuple[str, ...]]
) -> Iterator[tuple[Route, Rule | Grant]]:
    """Yield routes with the line that limits them to scopes no request names."""
    for route in found:
        told = about.get((route.method, route.route))
        if told is None or APP_SAYS in told or is_ours(route.endpoint):
            continue
        kinds = {each.partition(" ")[0] for each in told}
        for line in route.limited_by:
            if line.scope.partition(":")[0] not in kinds:
                yield route, line
                break


def _table(
    found: Sequence[Route], about: Mapping[tuple[str, str], tuple[str, ...]]
) -> Iterator[str]:
    scoped = any(about.values()) or any(route.limited_by for route in found)
    rows = [("METHOD", "ROUTE", "ENDPOINT", *(["SCOPE"] if scoped else ()), "ACCESS")]
    for r in found:
        scopes = ", ".join(about.get((r.method, r.route), ())) or "-"
        access = f"{r.access}  ({', '.join(r.origins)})" if r.origins else r.access
        cells = (r.method, r.route, r.endpoint, *([scopes] if scoped else ()))
        rows.append((*cells, access))
    yield from columns(rows)
