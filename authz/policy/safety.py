"""What must hold for a policy as a whole, in whatever language it is written.

A Casbin model may say anything, also that what no rule covers is allowed. That
silence denies, and that the administration is closed to people who hold no role, is
therefore not believed but asked: of every policy, before it is in force.
"""

from collections.abc import Iterable, Iterator
from secrets import token_hex
from typing import Final

from authz.decision import (
    ANONYMOUS,
    AUTHENTICATED,
    EVERYONE,
    AccessRequest,
    Decision,
    Effect,
    Origin,
    PolicyInForce,
    Reason,
    Subject,
)
from authz.errors import Problem
from authz.policy.csv_rows import Row
from authz.policy.own_paths import AREAS, OPENAPI
from authz.policy.pacing import paced
from authz.policy.patterns import METHODS, PathPattern, in_order, pattern_of
from authz.policy.rules import ADMIN
from authz.scope import AskedScope

#: Asked about whatever the rules say, and so is what they say of paths in `AREAS`.
_ALWAYS: Final = (
    ("GET", "/admin/"),
    ("GET", "/admin/people"),
    ("GET", "/admin/rules"),
    ("HEAD", "/admin/rules"),
    ("GET", "/admin/audit"),
    ("POST", "/admin/changes/apply"),
    ("POST", "/admin/people/new"),
    ("POST", "/admin/tokens/new"),
    ("GET", "/api/v1/people"),
    ("GET", "/api/v1/rules"),
    ("GET", "/api/v1/audit"),
    ("POST", "/api/v1/changes"),
    ("POST", "/api/v1/rules"),
    ("POST", "/api/v1/people"),
    ("POST", "/api/v1/tokens"),
    ("PUT", "/api/v1/people/local/x/password"),
    ("DELETE", "/api/v1/rules/1"),
    ("PATCH", "/api/v1/rules/1"),
)
#: More than this many problems of one kind say nothing new.
_ENOUGH: Final = 10

_WIDE_HINT: Final = "name the paths, or give the rule to a role that is granted"
_SILENCE_HINT: Final = (
    "let silence deny: end the model's effect with "
    "`some(where (p.eft == allow)) && !some(where (p.eft == deny))`"
)


def safety_problems(  # noqa: PLR0913 - what a policy is made of
    policy: PolicyInForce,
    rows: Iterable[Row],
    *,
    prefix: str | None,
    model_source: str = "model.conf",
    scope: AskedScope = None,
    literals: Iterable[str] = (),
) -> tuple[Problem, ...]:
    """Return what *policy* lets people do who hold no role, and must not.

    Args:
        policy: The policy that is to be in force.
        rows: What it is made of.
        prefix: Where the administration is; None if the app has none.
        model_source: What a problem names when no rule is to blame.
        scope: What the pages of the administration are about, if that is one scope.
        literals: What the model itself speaks of, as `BuiltPolicy` has it.
    """
    # What the model speaks of is asked about as a rule of it would be.
    lines = (*rows, Row("p", tuple(literals), Origin(model_source)))
    return tuple(_problems(policy, lines, prefix, model_source, scope))


def open_to_a_method(
    policy: PolicyInForce,
    rows: Iterable[Row],
    *,
    prefix: str | None,
    scope: AskedScope = None,
) -> tuple[Problem, ...]:
    """Return the ways to sign in by which everybody may administer, with no role.

    Not wrong where everybody who signs in like that is an administrator, but seldom
    meant. The arguments are those of `safety_problems`.
    """
    if prefix is None:
        return ()
    lines = tuple(rows)
    last_first = paced(reversed(lines))
    named = {f: r for r in last_first for f in r.fields if f.startswith("auth:")}
    found: list[Problem] = []
    for method, row in named.items():
        subject = _nobody(method)
        if policy.written is not None and ADMIN in policy.roles_of(subject.names):
            continue  # which is told of the grants
        asked = [(m, prefix + p) for m, p in _ALWAYS]
        asked += _spoken_of(policy, lines, subject, prefix)
        may = next((a for a in asked if _ask(policy, subject, *a, scope)), None)
        if may is not None and method not in ANONYMOUS.names:
            found.append(
                Problem(
                    where=str(row.origin),
                    message=f"everybody who signs in with `{method}` may "
                    f"{' '.join(may)}",
                    hint="give it to people or groups, unless each of them is meant",
                )
            )
    return tuple(found)


def wide_rules(policy: PolicyInForce, scope: AskedScope = None) -> tuple[Problem, ...]:
    """Return the rules that open every path to people who hold no role.

    With a *scope*, what is about that. Not wrong where the administration is closed to
    them, but seldom meant.
    """
    found: dict[str, Problem] = {}
    for who, subject in people_without_a_role():
        for method, path in _of_every_path():
            decision = _ask(policy, subject, method, path, scope)
            for rule in decision.rules if decision else ():
                found.setdefault(
                    str(rule.origin),
                    Problem(
                        where=str(rule.origin),
                        message=f"{who} get every path: {rule.method_field} "
                        f"{rule.path}, including those added later",
                        hint=_WIDE_HINT,
                    ),
                )
    return tuple(found.values())


def _problems(
    policy: PolicyInForce,
    rows: tuple[Row, ...],
    prefix: str | None,
    model: str,
    scope: AskedScope,
) -> Iterator[Problem]:
    blamed: set[str] = set()
    for who, subject in people_without_a_role():
        asked = [] if prefix is None else [(m, prefix + p) for m, p in _ALWAYS]
        if prefix is not None:
            asked += _spoken_of(policy, rows, subject, prefix)
        # Where there is a source, silence denies by how it is built.
        if policy.source is None:
            asked = [*_invented(), *asked]
        for method, path in asked:
            decision = _ask(policy, subject, method, path, scope)
            if decision.reason is Reason.EVALUATION_FAILED:
                break  # for somebody like this, nothing is ever allowed
            if not decision:
                continue
            where, hint = model, _SILENCE_HINT  # no rule is to blame
            if decision.rules and decision.rules[0].effect is Effect.ALLOW:
                where, hint = str(decision.rules[0].origin), _WIDE_HINT
            if where in blamed:
                continue
            blamed.add(where)
            yield Problem(
                where=where,
                message=f"{who} may {method} {_shown(path)}",
                hint=hint,
            )
            if len(blamed) == _ENOUGH:
                return


def people_without_a_role() -> Iterator[tuple[str, Subject]]:
    """Yield how to call people who hold no role, and one of them."""
    yield "people who have not signed in", ANONYMOUS
    yield "people who signed in and hold no role", _nobody()


def _nobody(*names: str) -> Subject:
    """Return whom no rule could name, the name is another one each time, with *names*.

    Not `signed_in`: that adds a way of signing in.
    """
    name = f"user:nobody-{token_hex(8)}"
    return Subject(
        name=name,
        names=frozenset({name, EVERYONE, AUTHENTICATED, *names}),
        source="nobody",
        display_name="nobody",
    )


def _of_every_path() -> tuple[tuple[str, str], ...]:
    """Return questions that no rule speaks of, unless it speaks of every path."""
    name = _unheard_of()
    deep = f"/{name}" * 6
    return ("GET", deep), ("POST", deep), ("DELETE", f"{deep}/{name}.txt")


def _invented() -> tuple[tuple[str, str], ...]:
    """Return questions that no rule speaks of, unless it speaks of many paths."""
    name = _unheard_of()
    deep = f"/{name}" * 6
    return (
        *_of_every_path(),
        ("GET", f"/{name}"),
        ("GET", f"/{name}/{name}/"),
        ("HEAD", f"/{name}.html"),
        ("PUT", f"/{name}/{name}"),
        ("PATCH", deep),
        ("OPTIONS", deep),
    )


def _unheard_of() -> str:
    return f"z{token_hex(8)}"


def _spoken_of(
    policy: PolicyInForce, rows: tuple[Row, ...], subject: Subject, prefix: str
) -> list[tuple[str, str]]:
    """Return what rules say of the administration, as questions."""
    asked: dict[tuple[str, str], None] = {}
    if policy.source is not None:
        names = policy.source.reached_from(subject.names)
        areas = [PathPattern.of(f"{area}*") for area in _areas(prefix)]
        for rule in paced(policy.source.rules):
            if rule.subject in names and rule.effect is Effect.ALLOW:
                for common in map(pattern_of(rule).overlap, areas):
                    if common is not None:
                        for method in in_order(rule.methods or METHODS):
                            asked[method, common.sample("1")] = None
    else:
        for row in paced(rows):
            if not row.kind.startswith("p"):
                continue
            paths = [f for f in row.fields if f.startswith(tuple(_areas(prefix)))]
            methods = METHODS.intersection(row.fields) or METHODS
            for path in paths:
                plain = path.replace("*", "1").replace("{", "").replace("}", "")
                asked |= dict.fromkeys((method, plain) for method in methods)
    asked.pop(("GET", prefix + OPENAPI), None)
    asked.pop(("HEAD", prefix + OPENAPI), None)
    return list(asked)


def _areas(prefix: str) -> Iterator[str]:
    return (f"{prefix}{area}/" for area in AREAS)


def _ask(
    policy: PolicyInForce, subject: Subject, method: str, path: str, scope: AskedScope
) -> Decision:
    return policy.decide(
        AccessRequest(subject=subject, path=path, method=method, scope=scope)
    )


def _shown(path: str) -> str:
    return "what no rule covers" if len(path) > 100 else path  # noqa: PLR2004
