"""`authz who-can` and `authz what-can`: the policy looked at from either end."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from authz.cli.check import (
    group_option,
    method_argument,
    path_argument,
    policy_of,
)
from authz.cli.known_names import disabled_here, whom_here
from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, columns, with_output
from authz.cli.sources import (
    known_routes,
    model_option,
    policy_option,
    routes_option,
    settings_here,
)
from authz.decision import (
    ANONYMOUS_METHOD,
    AUTHENTICATED,
    EVERYONE,
    Decision,
    PolicyInForce,
    Reason,
)
from authz.errors import InvalidValue, PolicyError
from authz.identity.scoped_groups import ScopedGroup
from authz.policy.analysis.coverage import Route, coverage
from authz.policy.analysis.documents import rule_document
from authz.policy.analysis.probes import (
    Place,
    outcome_at,
    places,
)
from authz.policy.compiled import CompiledPolicy
from authz.policy.parse_subject import parse_subject
from authz.policy.patterns import methods_in_words
from authz.policy.route_tables import RoutePattern, no_route, route_of
from authz.scope import Scope

if TYPE_CHECKING:
    from authz.admin.known_names import Meant

_IN_WORDS = {
    EVERYONE: "everyone, signed in or not",
    AUTHENTICATED: "everyone who is signed in",
    ANONYMOUS_METHOD: "everyone who has not signed in",
}

#: Why it came out so where no rule says it.
_WITHOUT_A_RULE = {
    Reason.DECLARED_PUBLIC: "declared public",
    Reason.DISABLED: "disabled",
}

_scope_option = click.option(
    "--scope", help="In which scope, such as library:kids; by default in some scope."
)


@click.command("who-can")
@method_argument
@path_argument
@policy_option
@model_option
@routes_option
@_scope_option
@with_output
def who_can(  # noqa: PLR0913 - one parameter for each option
    method: str,
    path: str,
    *,
    policy: str | None,
    model: str | None,
    routes_file: str | None,
    scope: str | None,
    out: Output,
) -> None:
    """List the names that may use METHOD on PATH, and who holds them.

    Exit code 0: somebody may; 5: nobody may; 3: the policy or the settings are
    invalid, or no route serves PATH.
    """
    with problems_in_words():
        asked = _within(policy_of(policy, model), scope)
        routes = known_routes(routes_file)
        pattern = RoutePattern(method=method, route=path, path=path, endpoint="")
        if routes:
            served = route_of(routes, method, path)
            if served is None:
                raise PolicyError([no_route(routes, f"{method} {path}", path)])
            pattern = replace(pattern, endpoint=served.endpoint, public=served.public)
        (found,) = coverage(asked, [pattern])
        groups = settings_here(model).proxy.scoped_groups
        disabled = disabled_here()
    holders = {name: _holders(asked, name, scope, groups) for name in found.who}
    left_out = sorted(disabled & set().union(holders, *holders.values()))
    holders = {
        name: tuple(member for member in members if member not in disabled)
        for name, members in holders.items()
        if name not in disabled
    }
    found = replace(found, who=tuple(holders))
    out.document({**_who_document(found, holders), "scope": scope})
    if found.declared_public:
        out.line("everyone  the app declared it public")
    for name, members in holders.items():
        out.line(f"{name}  {', '.join(members) or _IN_WORDS.get(name, '')}".rstrip())
    if not found.is_covered:
        why = "" if left_out else ": no rule allows it, or a rule denies it"
        out.line(f"nobody may {method} {path}{why}")
    if left_out:
        out.line(f"left out, because they are disabled: {', '.join(left_out)}")
    end(Exit.OK if found.is_covered else Exit.DENIED)


@click.command("what-can")
@click.argument("subject")
@group_option
@policy_option
@model_option
@routes_option
@_scope_option
@click.option("--denied", is_flag=True, help="List what they may not, too.")
@with_output
def what_can(  # noqa: PLR0913 - one parameter for each option
    subject: str,
    *,
    group: tuple[str, ...],
    policy: str | None,
    model: str | None,
    routes_file: str | None,
    scope: str | None,
    denied: bool,
    out: Output,
) -> None:
    """List what SUBJECT may do.

    At each route of the app; without known routes, at each kind of path that the rules
    tell apart.

    Exit code 0: something; 5: nothing; 3: the policy or the settings are invalid.
    """
    with problems_in_words():
        asked = policy_of(policy, model)
        meant = whom_here(subject, group, asked)
        who = meant.subject
        asked = _within(asked, scope)
        who = who if scope is None else who.within(scope)
        routes = known_routes(routes_file)
    rules = asked.written.rules if asked.written else ()
    if not rules and not routes:
        raise click.UsageError(
            "a policy with a model of your own can only be asked about known routes: "
            "give --routes, or ask the app with `flask authz what-can`"
        )
    where = sorted(places(rules, routes), key=lambda place: (place.shown, place.method))
    decided = [(place, meant.outcome(outcome_at(asked, who, place))) for place in where]
    allowed = [pair for pair in decided if pair[1]]
    out.document(
        {
            "subject": who.name,
            "scope": scope,
            "standing": str(meant.standing),
            "remark": meant.remark,
            "allowed": [_what_document(*pair) for pair in allowed],
            "denied": [
                _what_document(*pair) for pair in decided if pair not in allowed
            ],
        }
    )
    if meant.remark:
        out.line(meant.remark, fg="yellow")
    out.lines(_what_lines(decided if denied else allowed, meant))
    end(Exit.OK if allowed else Exit.DENIED)


def _within(policy: PolicyInForce, scope: str | None) -> PolicyInForce:
    """Return what *policy* says in *scope*, or *policy* if none is named."""
    if scope is None:
        return policy
    if policy.written is None or not policy.written.scoped:
        raise click.UsageError(
            "it cannot be asked within a scope: the policy has none, or uses a model "
            "of your own; leave out --scope"
        )
    try:
        return CompiledPolicy(policy.written.within(Scope(scope).text))
    except InvalidValue as error:
        raise click.UsageError(f"--scope: {error.problem}") from error


def _holders(
    policy: PolicyInForce,
    name: str,
    scope: str | None,
    patterns: Iterable[ScopedGroup],
) -> tuple[str, ...]:
    """Return the people, groups and tokens that hold the role *name*.

    Groups that give it by *patterns* too: the one for *scope*, or the pattern itself.
    """
    if not name.startswith("role:") or policy.written is None:
        return ()
    roles = {name, *policy.written.members_of(name)}
    members = {
        member
        for member in roles
        if not member.startswith("role:")
        # In a policy with scopes a chain may lead nowhere.
        and name in policy.held_by(parse_subject(member))
    }
    for pattern in patterns:
        group = (
            pattern.every.member if scope is None else pattern.group_of(Scope(scope))
        )
        if pattern.role in roles and group:
            members.add(group)
    return tuple(sorted(members))


def _who_document(found: Route, holders: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    return {
        "method": found.method,
        "path": found.path,
        "covered": found.is_covered,
        "declared_public": found.declared_public,
        "who": [
            {"name": name, "holders": list(members)}
            for name, members in holders.items()
        ],
        "rules": list(map(rule_document, found.rules)),
    }


def _what_lines(
    decided: Iterable[tuple[Place, Decision]], meant: "Meant"
) -> Iterator[str]:
    groups: dict[tuple[str, bool, str], dict[str, None]] = {}
    for place, decision in decided:
        allowed = bool(decision)
        by = ", ".join(dict.fromkeys(str(rule.origin) for rule in decision.rules))
        if not by:
            by = _WITHOUT_A_RULE.get(decision.reason, "no rule")
        groups.setdefault((place.shown, allowed, by), {})[place.method] = None
    if not groups:
        # Of who is disabled, the remark has said why.
        disabled = meant.standing == "disabled"
        why = "" if disabled else ": no rule allows them anything"
        yield f"{meant.subject} may do nothing{why}"
    yield from columns(
        ("allowed" if allowed else "denied", methods_in_words(methods), path, f"({by})")
        for (path, allowed, by), methods in groups.items()
    )


def _what_document(place: Place, decision: Decision) -> dict[str, Any]:
    return {
        "method": place.method,
        "path": place.path,
        "route": place.route.route if place.route else None,
        "rules": [str(rule.origin) for rule in decision.rules],
    }
