"""`authz doctor`: what is wrong with an installation, and what to do about it."""

import os
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import click
from flask import Flask
from flask.cli import ScriptInfo

from authz.admin.doctor.finding import Finding, Status, from_problems
from authz.admin.doctor.installation import Installation
from authz.admin.doctor.run import diagnose
from authz.bounded_read import read_file
from authz.cli.outcome import Exit, end
from authz.cli.output import Output, with_output
from authz.errors import AuthzError, SettingsError
from authz.settings import read_settings

_LABELS: Final = {
    Status.OK: "ok",
    Status.WARN: "warn",
    Status.FAIL: "FAIL",
    Status.SKIP: "skip",
}
_COLOURS: Final = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red"}
_CHECK_WIDTH: Final = 15
_INDENT: Final = " " * (7 + _CHECK_WIDTH + 1)
#: No honest token is longer.
_MAX_TOKEN_FILE: Final = 64 * 1024

_token_file = click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False),
    help="A file with a token to explain. Only its kind, issuer, audience and times "
    "are printed.",
)
_forward_auth = click.option(
    "--forward-auth",
    "forward_url",
    metavar="URL",
    help="The address of `authz serve`, or of an app behind the proxy that asks it: "
    "send what a proxy or a stranger would send, and look at nothing else.",
)


@click.command("doctor")
@_token_file
@_forward_auth
@with_output
def doctor(*, token_file: str | None, forward_url: str | None, out: Output) -> None:
    """Look for what keeps people from signing in, or lets in too many.

    Looks at the packages, the settings, the policy, the sources of keys (which are
    asked), whom the app trusts, and the clock. Prints no token and no secret.

    Exit code 0: nothing is wrong; 3: something is; 7: only that a server did not
    answer. Warnings do not count.
    """
    if forward_url is not None:
        _say(_of_forward_auth(forward_url), out)
    installation = Installation(environ=os.environ, token=_read_token(token_file))
    _say(diagnose(installation), out)


@click.command("doctor", help=doctor.help)
@_token_file
@click.pass_context
@with_output
def doctor_of_app(
    context: click.Context, *, token_file: str | None, out: Output
) -> None:
    """Do the same with the settings of the app."""
    token = _read_token(token_file)
    try:
        app = context.ensure_object(ScriptInfo).load_app()
    except AuthzError as error:
        broken = Installation(environ=os.environ, broken=error, token=token)
        _say(diagnose(broken), out)
    _say(diagnose(_installation(app, token)), out)


def _installation(app: Flask, token: str | None) -> Installation:
    guarded = app.extensions.get("authz")
    if guarded is None:
        raise click.UsageError("authz does not guard this app: call `Authz(app)`")
    return Installation(
        config=app.config,
        environ=os.environ,
        runtime=guarded.runtime,
        misfits=guarded.hook.scopes.misfits(),
        token=token,
    )


def _read_token(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        data = read_file(path, most=_MAX_TOKEN_FILE, pipes=True)
    except OSError as error:
        raise click.BadParameter(
            f"this holds no token ({error.strerror})", param_hint="FILE"
        ) from error
    return data.decode("utf-8", "replace").strip()


def _of_forward_auth(url: str) -> Iterator[Finding]:
    from authz.admin.doctor import forward

    try:
        settings = read_settings({}, os.environ)
    except SettingsError as error:
        # They may be another machine's: what is asked is the one at the address.
        yield from from_problems("settings", error.problems, Status.WARN)
        yield from forward.check(url, None, "/authz")
        return
    yield from forward.check(url, settings.forward, settings.url_prefix)


def _say(findings: Iterator[Finding], out: Output) -> NoReturn:
    found: list[Finding] = []
    for finding in findings:
        found.append(finding)
        out.lines(_lines(finding))
    code = _exit(found)
    out.document({"exit": int(code), "findings": [_document(f) for f in found]})
    end(code)


def _exit(found: list[Finding]) -> Exit:
    failed = [finding for finding in found if finding.status is Status.FAIL]
    if not failed:
        return Exit.OK
    return Exit.UNREACHABLE if all(f.unreachable for f in failed) else Exit.INVALID


def _lines(finding: Finding) -> Iterator[str]:
    label = click.style(
        f"{_LABELS[finding.status]:<6}", fg=_COLOURS.get(finding.status)
    )
    yield f" {label}{finding.check:<{_CHECK_WIDTH}} {finding.message}"
    for step in finding.hint:
        yield f"{_INDENT}{step}"


def _document(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "status": str(finding.status),
        "message": finding.message,
        "mend": list(finding.hint),
        "unreachable": finding.unreachable,
    }
