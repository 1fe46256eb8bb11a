"""`flask authz routes`: every route of the app, and who may use it."""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any, Final

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from authz.cli.outcome import Exit, end, print_json
from authz.decision import (
    ANONYMOUS,
    AUTHENTICATED,
    EVERYONE,
    AccessRequest,
    Decision,
    PolicyInForce,
    Reason,
    Subject,
)

#: Values that no policy is likely to name, for the parameters of a route.
_SAMPLES: Final = {
    "int": "987654321",
    "float": "98765.4321",
    "path": "~sample/~sample",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_PARAMETER: Final = re.compile(r"<(?:(\w+)(?:\((.*?)\))?:)?\w+>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one route, and who may use it."""

    method: str
    route: str
    endpoint: str
    #: Names of the policy, `role:everyone` among them; empty if nobody may.
    who: tuple[str, ...]
    declared_public: bool
    #: The origins of the rules that open it.
    origins: tuple[str, ...]

    @property
    def is_covered(self) -> bool:
        """Whether anybody may use it."""
        return bool(self.who) or self.declared_public

    @property
    def access(self) -> str:
        """Who may use it, in words."""
        if self.declared_public:
            return "public (declared)"
        if not self.who:
            return "UNCOVERED: nobody may"
        return ", ".join("everyone" if w == EVERYONE else w for w in self.who)


@click.command("routes")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_appcontext
def routes(*, as_json: bool) -> None:
    """List every route and method of the app with who may use it.

    Exit code 4: a route is covered by no rule, so nobody may use it.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    guarded = app.extensions.get("authz")
    if guarded is None:
        raise click.UsageError("authz does not guard this app: call `Authz(app)`")
    found = sorted(
        app_routes(app, guarded.runtime.policy, guarded.views.public_endpoints),
        key=lambda route: (route.route, route.method),
    )
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


def app_routes(
    app: Flask, policy: PolicyInForce, public_endpoints: Container[str]
) -> Iterator[Route]:
    """Yield every route and method of *app* with who may use it under *policy*."""
    names = _names(policy)
    for rule in app.url_map.iter_rules():
        path = sample_path(rule.rule)
        methods = set(rule.methods or ()) - {"HEAD"}
        if getattr(rule, "provide_automatic_options", False):
            methods.discard("OPTIONS")
        for method in sorted(methods):
            decisions = {
                name: policy.decide(
                    AccessRequest(subject=_holder(name), path=path, method=method)
                )
                for name in names
            }
            allowed = {name: d for name, d in decisions.items() if d}
            who = (EVERYONE,) if EVERYONE in allowed else tuple(allowed)
            public = rule.endpoint in public_endpoints and not _denied(
                decisions[EVERYONE]
            )
            yield Route(
                method=method,
                route=rule.rule,
                endpoint=rule.endpoint,
                who=who,
                declared_public=public,
                origins=tuple(
                    dict.fromkeys(
                        str(opened.origin)
                        for name in who
                        for opened in allowed[name].rules
                    )
                ),
            )


def sample_path(rule: str) -> str:
    """Return a path that the route *rule* matches, with unlikely values in it."""

    def sample(match: re.Match[str]) -> str:
        converter, arguments = match.groups()
        if converter == "any" and arguments:
            return arguments.split(",")[0].strip(" '\"")
        return _SAMPLES.get(converter, "~sample")

    return _PARAMETER.sub(sample, rule)


def _names(policy: PolicyInForce) -> list[str]:
    """Return the names worth asking about: everyone, then all the policy speaks of."""
    rules = getattr(getattr(policy, "policy", None), "rules", ())
    grants = getattr(getattr(policy, "policy", None), "grants", ())
    spoken = {rule.subject for rule in rules} | {grant.role for grant in grants}
    return [EVERYONE, *sorted(spoken - {EVERYONE})]


def _holder(name: str) -> Subject:
    """Return somebody who has *name* and what everybody, or everybody known, has."""
    if name in ANONYMOUS.names:
        return ANONYMOUS
    return Subject(
        name=name,
        names=frozenset({name, EVERYONE, AUTHENTICATED}),
        source="",
        display_name=name,
    )


def _denied(decision: Decision) -> bool:
    return decision.reason is Reason.DENIED_BY_RULE


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
