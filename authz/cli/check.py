"""`authz check` and `authz explain`: may somebody do something, and why."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from authz.cli.app import app_if_any
from authz.cli.known_names import whom_here
from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, output_options, with_output
from authz.cli.sources import (
    build,
    known_routes,
    model_option,
    policy_option,
    read_policy,
    routes_option,
    settings_here,
)
from authz.decision import (
    AccessRequest,
    Decision,
    Explanation,
    PolicyInForce,
    Reason,
    RulePath,
    outcome,
)
from authz.errors import InvalidValue, PolicyError
from authz.policy.analysis.documents import explanation_document
from authz.policy.patterns import METHODS
from authz.scope import AskedScope, asked_scope

if TYPE_CHECKING:
    from authz.policy.route_tables import RoutePattern

group_option = click.option(
    "--group", multiple=True, help="A group the subject is in; repeatable."
)


def _as_method(_context: click.Context, _param: click.Parameter, value: str) -> str:
    method = value.upper()
    if not method.isascii() or not method.isalpha():
        raise click.BadParameter(f"`{value}` is not a method: write for example GET")
    return method


def _as_path(_context: click.Context, _param: click.Parameter, value: str) -> str:
    if not value.startswith("/"):
        raise click.BadParameter(f"`{value}` is not a path: a path begins with `/`")
    return value


def _as_scope(
    _context: click.Context, _param: click.Parameter, value: tuple[str, ...]
) -> AskedScope:
    try:
        return asked_scope(value)
    except InvalidValue as error:
        raise click.BadParameter(str(error.problem)) from error


scope_option = click.option(
    "--scope",
    multiple=True,
    callback=_as_scope,
    help="The scope it is about, such as library:kids; repeatable: it must be allowed "
    "in each.",
)


def _methods(
    _context: click.Context, _param: click.Parameter, incomplete: str
) -> list[str]:
    return [name for name in sorted(METHODS) if name.startswith(incomplete.upper())]


method_argument = click.argument("method", callback=_as_method, shell_complete=_methods)
path_argument = click.argument("path", callback=_as_path)


@click.command("check")
@click.argument("subject")
@method_argument
@path_argument
@group_option
@policy_option
@model_option
@routes_option
@scope_option
@click.option("--explain", is_flag=True, help="Say which rules decide, and why.")
@with_output
def check(  # noqa: PLR0913 - one parameter for each option
    subject: str,
    method: str,
    path: str,
    *,
    group: tuple[str, ...],
    policy: str | None,
    model: str | None,
    routes_file: str | None,
    scope: AskedScope,
    explain: bool,
    out: Output,
) -> None:
    """Say whether SUBJECT may use METHOD on PATH.

    SUBJECT is a name such as user:bob, bob (a local account), role:user, or anonymous.
    With an app, or the table of its routes, a PATH that no route serves is an error,
    and what the app declared public is allowed unless a rule denies it.

    Exit code 0: allowed; 5: denied; 3: the policy or the settings are invalid, or no
    route serves PATH.
    """
    with problems_in_words():
        in_force = policy_of(policy, model)
        meant = whom_here(subject, group, in_force)
        if scope is not None and not _is_scoped(in_force):
            raise click.UsageError("the policy has no scopes: leave out --scope")
        asked = AccessRequest(
            subject=meant.subject, path=path, method=method, scope=scope
        )
        answer = in_force.explain(asked)
        route = _route(known_routes(routes_file), asked)
    decision = meant.outcome(
        outcome(answer.decision, declared_public=route is not None and route.public)
    )
    allowed = bool(decision)
    public = decision.reason is Reason.DECLARED_PUBLIC
    out.document(
        {
            **_document(asked, answer, decision),
            "standing": str(meant.standing),
            "remark": meant.remark,
        }
    )
    out.line(
        f"{'allowed' if allowed else 'denied'}  "
        f"{asked.subject} {asked.method} {asked.path}"
        + asked.in_words
        + (" in some scope" if not asked.scope and _is_scoped(in_force) else ""),
        fg="green" if allowed else "red",
    )
    if meant.remark:
        out.line(f"  {meant.remark}", fg="yellow")
    if explain:
        if public:
            out.line("  the app declared it public, and no rule denies it")
        elif decision.reason is Reason.DISABLED:
            would = "allow" if answer.decision else "deny"
            out.line(f"  if they were enabled, the policy would {would} it:")
        for line in _lines(answer, public=public):
            out.line(f"  {line}")
    end(Exit.OK if allowed else Exit.DENIED)


@click.command("explain")
@click.argument("subject")
@method_argument
@path_argument
@group_option
@policy_option
@model_option
@routes_option
@scope_option
@output_options
@click.pass_context
def explain(context: click.Context, /, **options: Any) -> None:
    """Say why SUBJECT may, or may not, use METHOD on PATH.

    The same as `check --explain`, exit codes included.
    """
    context.invoke(check, **options, explain=True)


def _is_scoped(policy: PolicyInForce) -> bool:
    return policy.written is not None and policy.written.scoped


def policy_of(place: str | None, model: str | None) -> PolicyInForce:
    """Return the policy of the app, or the one that settings or options name."""
    app = app_if_any()
    if app is not None and place is None and model is None:
        return app.policy
    settings = settings_here(model)
    return build(read_policy(place, settings), settings, partial=place is not None)


def _route(
    routes: "tuple[RoutePattern, ...]", asked: AccessRequest
) -> "RoutePattern | None":
    """Return the route that serves what was asked; None if none are known.

    Raises:
        PolicyError: if there are routes and none serves it.
    """
    if not routes:
        return None
    from authz.policy.route_tables import no_route, route_of

    route = route_of(routes, asked.method, asked.path)
    if route is None:
        raise PolicyError(
            [no_route(routes, f"{asked.method} {asked.path}", asked.path)]
        )
    return route


def _lines(answer: Explanation, *, public: bool) -> Iterator[str]:
    if answer.decision.reason is Reason.NO_RULE and not public:
        yield "no rule allows it, and what no rule allows is denied"
    for found in answer.because:
        yield f"{found.rule.origin}  {found.rule}"
        yield f"    {_chain(found)}"
    for found in answer.overruled:
        yield f"{found.rule.origin}  {found.rule}  (overruled by a deny)"
    for rule in () if public else answer.nearest:
        yield f"nearest: {rule.origin}  {rule}"
    yield f"policy revision {answer.decision.revision}"


def _chain(found: RulePath) -> str:
    if not found.grants:
        return f"{found.rule.subject} is a name of the subject itself"
    steps = [found.grants[0].member]
    steps += [f"{grant.role} ({grant.origin})" for grant in found.grants]
    return " -> ".join(steps)


def _document(
    asked: AccessRequest, answer: Explanation, decision: Decision
) -> Mapping[str, Any]:
    return {
        "subject": asked.subject.name,
        "method": asked.method,
        "path": asked.path,
        **asked.document,
        "allowed": bool(decision),
        "reason": str(decision.reason),
        "revision": answer.decision.revision,
        **explanation_document(answer),
    }
