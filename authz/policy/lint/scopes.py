"""Scopes that are most likely not what was meant.

Pure, as the rest: it is told which scopes the app names, and what its routes declare.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from authz.decision import Grant, Policy, Rule
from authz.policy.lint.findings import Code, Finding
from authz.policy.patterns import speaks_of
from authz.policy.route_tables import RoutePattern, is_ours
from authz.scope import ANY_SCOPE, common

#: How alike two scopes are when one is likely a slip (`difflib`, 0 to 1).
_ALIKE: Final = 0.85

#: What requests to a method and a route are about: the kinds of scopes.
Declared = Mapping[tuple[str, str], Sequence[str]]


def scope_findings(
    policy: Policy,
    *,
    routes: Sequence[RoutePattern] = (),
    declared: Declared | None = None,
    known: Iterable[str] = (),
) -> Iterator[Finding]:
    """Yield the lines of *policy*, which has scopes, where these look like slips.

    What is told of the app, `lint` describes; *known* are the scopes that it names.
    """
    lines: list[Rule | Grant] = [*policy.rules, *policy.grants]
    yield from _twins(lines)
    names = frozenset(known)
    if names:
        yield from _unknown(lines, names)
    yield from _never_met(policy)
    if declared is not None:
        yield from _undeclared(policy, routes, declared)


def _twins(lines: Sequence[Rule | Grant]) -> Iterator[Finding]:
    """Yield scopes that differ from another in upper and lower case only."""
    first: dict[str, str] = {}
    reported: set[str] = set()
    for line in lines:
        usual = first.setdefault(line.scope.casefold(), line.scope)
        if usual != line.scope and line.scope not in reported:
            reported.add(line.scope)
            yield Finding.on(
                line,
                Code.SCOPE_NEAR_TWIN,
                f"`{line.scope}` differs from `{usual}` in case only, and is another "
                "scope",
                f"did you mean `{usual}`?",
            )


def _unknown(lines: Sequence[Rule | Grant], known: frozenset[str]) -> Iterator[Finding]:
    """Yield lines for scopes that the app does not name."""
    told = {scope: unknown_scope(scope, known) for scope in {e.scope for e in lines}}
    for line in lines:
        found = told[line.scope]
        if found is not None:
            yield Finding.on(line, Code.SCOPE_UNKNOWN, *found)


def unknown_scope(scope: str, known: frozenset[str]) -> tuple[str, str] | None:
    """Return what to say of the pattern *scope*, if an app with *known* ones has none.

    That it is unknown, and what to do about it.
    """
    kinds = {each.partition(":")[0] for each in known}
    kind = scope.partition(":")[0]
    if scope in known or scope == ANY_SCOPE:
        return None
    if scope == f"{kind}:*" and kind in kinds:
        return None
    near = near_scope(scope, known)
    wide = get_close_matches(kind, sorted(kinds), n=1)
    hint = (
        f"did you mean `{near}`?"
        if near
        else f"did you mean `{wide[0]}:*`?"
        if wide and scope.endswith(":*")
        else "check how the app calls it, or remove the line"
    )
    return f"the app has no scope `{scope}`", hint


def near_scope(scope: str, known: Iterable[str]) -> str:
    """Return which of the *known* ones *scope* is likely a slip for, or nothing."""
    return next(iter(get_close_matches(scope, sorted(known), n=1, cutoff=_ALIKE)), "")


def _never_met(policy: Policy) -> Iterator[Finding]:
    """Yield grants of a role whose rules all hold in other scopes."""
    where: dict[str, set[str]] = {}
    for rule in policy.deciding:
        where.setdefault(rule.subject, set()).add(rule.scope)
    for grant in policy.grants:
        if grant.origin.line == 0 or any(g.member == grant.role for g in policy.grants):
            continue
        rules = where.get(grant.role)
        if rules and not common(frozenset(rules), frozenset((grant.scope,))):
            yield Finding.on(
                grant,
                Code.SCOPE_NEVER_MET,
                f"no rule for `{grant.role}` holds in `{grant.scope}`, so it gives "
                "nothing",
                f"its rules hold in {_listed(rules)}: give it there, or add a rule",
            )


def _undeclared(
    policy: Policy, routes: Sequence[RoutePattern], declared: Declared
) -> Iterator[Finding]:
    """Yield rules that hold in some scopes only, where no request names such a one."""
    for rule in policy.rules:
        if rule.scope == ANY_SCOPE:
            continue
        served = [r for r in routes if speaks_of(rule, r.method, r.path)]
        served = [r for r in served if not is_ours(r.endpoint)]
        kind = rule.scope.partition(":")[0]
        kinds = {k for r in served for k in declared.get((r.method, r.route), ())}
        if not served or kind in kinds:
            continue
        asked = f"{served[0].method} {served[0].route}"
        yield Finding.on(
            rule,
            Code.SCOPE_UNDECLARED,
            f"it holds in `{rule.scope}` only, and requests to {asked} are about "
            + (f"a {' and a '.join(sorted(kinds))}" if kinds else "no scope")
            + ", so it is enough to have it somewhere",
            "declare where they name it with `@authz.scoped`, or in "
            "AUTHZ_SCOPES_FILE, or narrow what is shown and allow it here",
        )


def _listed(scopes: Iterable[str]) -> str:
    every = sorted(scopes)
    more = f" and {len(every) - 3} more" if len(every) > 3 else ""  # noqa: PLR2004
    return ", ".join(f"`{scope}`" for scope in every[:3]) + more
