"""`authz check`: may somebody do something, and why."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import click
from flask import current_app, has_app_context

from authz.cli.outcome import Exit, end, print_json, problems_in_words
from authz.decision import (
    AccessRequest,
    Explanation,
    PolicyInForce,
    Reason,
    RulePath,
    Subject,
)
from authz.policy.asking import asked_subject
from authz.runtime import load_policy, warn
from authz.settings import read_settings
from authz.stores.csv_file import CsvFile


@click.command("check")
@click.argument("subject")
@click.argument("method")
@click.argument("path")
@click.option("--group", multiple=True, help="A group the subject is in; repeatable.")
@click.option("--policy", type=click.Path(), help="Instead of AUTHZ_POLICY.")
@click.option("--model", type=click.Path(), help="Instead of AUTHZ_MODEL.")
@click.option("--explain", is_flag=True, help="Say which rules decide, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(  # noqa: PLR0913 - one parameter for each option
    subject: str,
    method: str,
    path: str,
    *,
    group: tuple[str, ...],
    policy: str | None,
    model: str | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Say whether SUBJECT may use METHOD on PATH.

    SUBJECT is a name such as user:bob, bob (a local account), role:user, or
    anonymous. Exit code 0: allowed; 5: denied; 3: the policy or the settings are
    invalid.
    """
    asked = AccessRequest(
        subject=_subject(subject, group), path=path, method=method.upper()
    )
    if not path.startswith("/"):
        raise click.BadParameter("a path begins with `/`", param_hint="PATH")
    with problems_in_words():
        answer = _policy(policy, model).explain(asked)
    if as_json:
        print_json(_document(asked, answer))
    else:
        verdict = "allowed" if answer.decision else "denied"
        click.echo(f"{verdict}  {asked.subject} {asked.method} {asked.path}")
        if explain:
            for line in _lines(answer):
                click.echo(f"  {line}")
    end(Exit.OK if answer.decision else Exit.DENIED)


def _subject(text: str, groups: tuple[str, ...]) -> Subject:
    try:
        return asked_subject(text, groups)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="SUBJECT") from error


def _policy(policy: str | None, model: str | None) -> PolicyInForce:
    """Return the policy of the app, or the one that the settings or options name."""
    if has_app_context() and "authz" in current_app.extensions and not policy:
        in_force: PolicyInForce = current_app.extensions["authz"].runtime.policy
        return in_force
    config: dict[str, Any] = {}
    if policy:
        config["AUTHZ_POLICY"] = policy
    if model:
        config["AUTHZ_MODEL"] = model
    settings = read_settings(config, os.environ)
    built = load_policy(settings, CsvFile(settings.policy).read())
    warn(built.warnings)
    return built.policy


def _lines(answer: Explanation) -> Iterator[str]:
    if answer.decision.reason is Reason.NO_RULE:
        yield "no rule allows it, and what no rule allows is denied"
    for found in answer.because:
        yield f"{found.rule.origin}  {found.rule}"
        yield f"    {_chain(found)}"
    for found in answer.overruled:
        yield f"{found.rule.origin}  {found.rule}  (overruled by a deny)"
    for rule in answer.nearest:
        yield f"nearest: {rule.origin}  {rule}"
    yield f"policy revision {answer.decision.revision}"


def _chain(found: RulePath) -> str:
    if not found.grants:
        return f"{found.rule.subject} is a name of the subject itself"
    steps = [found.grants[0].member]
    steps += [f"{grant.role} ({grant.origin})" for grant in found.grants]
    return " -> ".join(steps)


def _document(asked: AccessRequest, answer: Explanation) -> Mapping[str, Any]:
    return {
        "subject": asked.subject.name,
        "method": asked.method,
        "path": asked.path,
        "allowed": bool(answer.decision),
        "reason": str(answer.decision.reason),
        "revision": answer.decision.revision,
        "because": [_rule_path(found) for found in answer.because],
        "overruled": [_rule_path(found) for found in answer.overruled],
        "nearest": [
            {"rule": str(rule), "origin": str(rule.origin)} for rule in answer.nearest
        ],
    }


def _rule_path(found: RulePath) -> Mapping[str, Any]:
    return {
        "rule": str(found.rule),
        "origin": str(found.rule.origin),
        "names": list(found.names),
        "grants": [str(grant.origin) for grant in found.grants],
    }
