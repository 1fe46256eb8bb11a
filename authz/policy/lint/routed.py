"""What only shows when the routes of the app are known."""

from collections.abc import Iterator, Sequence

from authz.decision import Effect, Policy
from authz.policy.analysis.probes import places
from authz.policy.lint.findings import Code, Finding
from authz.policy.path_index import RuleIndex
from authz.policy.patterns import pattern_of, speaks_of
from authz.policy.route_tables import RoutePattern, no_route
from authz.policy.rules import ADMIN


def route_findings(policy: Policy, routes: Sequence[RoutePattern]) -> Iterator[Finding]:
    """Yield the rules of *policy* that do not fit the *routes* of the app."""
    index = RuleIndex(policy.rules)
    matching = {
        rule.origin
        for place in places(policy.rules, routes)
        for rule in index.speaking_of(place.method, place.path)
    }
    for rule in policy.rules:
        if rule.origin not in matching:
            asked = f"{rule.method_field} {rule.path}"
            yield Finding.on(
                rule,
                Code.RULE_WITHOUT_ROUTE,
                f"no route of the app is {asked}",
                no_route(routes, asked, rule.path).hint,
            )
    yield from _mixed(policy, routes)


def _mixed(policy: Policy, routes: Sequence[RoutePattern]) -> Iterator[Finding]:
    """Yield wide rules that cover what a narrower line gives to administrators."""
    narrow = [
        r for r in policy.rules if r.subject == ADMIN and r.effect is Effect.ALLOW
    ]
    for rule in policy.rules:
        if rule.effect is Effect.DENY or not pattern_of(rule).is_wide:
            continue
        if ADMIN in policy.reached_from([rule.subject]):
            continue
        covered = [r for r in routes if speaks_of(rule, r.method, r.path)]
        meant = {
            route: line
            for route in covered
            for line in narrow
            if speaks_of(line, route.method, route.path)
            and not pattern_of(line).covers(pattern_of(rule))
        }
        if not meant:
            continue
        route, line = next(iter(meant.items()))
        yield Finding.on(
            rule,
            Code.ROUTES_OF_DIFFERENT_CLASS,
            f"it covers {len(covered)} routes for `{rule.subject}`, and "
            f"{len(meant)} of them are meant for `{ADMIN}`, such as "
            f"{route.method} {route.route} (line {line.origin.line})",
            "name the paths that are meant",
        )
