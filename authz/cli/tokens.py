"""`authz token`: API tokens for scripts and plug-ins, from the shell of the host."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from authz.admin.context import AdminContext
from authz.admin.known_names import remark_on
from authz.admin.tokens import kept_tokens, list_tokens, make_token, revoke_token
from authz.cli.app import context_here, shell
from authz.cli.outcome import problems_in_words, warn
from authz.cli.output import Output, columns, plain, with_output
from authz.errors import NotFound, StoreReadOnly
from authz.identity.tokens import ApiToken

_SPAN: Final = re.compile(r"(\d{1,5})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


@click.group("token")
def token() -> None:
    """Make, list and revoke API tokens.

    A program sends its token in `Authorization: Bearer`. A token holds one role. Exit
    codes: 0 done; 3 it cannot be done, and why; 7 the store cannot be reached.
    """


@token.command("create")
@click.argument("name")
@click.option("--role", required=True, help="The role it holds.")
@click.option(
    "--expires", help="When it ends: 30m, 12h or 90d from now; by default never."
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="A scope that it is limited to: library:kids, library:*; repeatable.",
)
@with_output
def create(
    name: str, *, role: str, expires: str | None, scopes: Sequence[str], out: Output
) -> None:
    """Make the token NAME, and print it. It is shown once, and kept hashed."""
    role = role if role.startswith("role:") else f"role:{role}"
    until = None if expires is None else datetime.now(UTC) + span(expires, "--expires")
    with problems_in_words(), context_here(creates=True) as context:
        _need_store(context)
        remark = remark_on(role, people=context.people, policy=context.policy.written)
        if remark and context.runtime.live.problem is None:
            warn(remark)
        secret, made = make_token(
            context, shell(), name=name, role=role, scopes=scopes, expires=until
        )
    out.document({"secret": secret, "token": _document(made)})
    out.wanted(secret)
    out.line(f"it holds {_holds(made)}, {_until(made)}; it is not shown again")


@token.command("list")
@click.option("--all", "everything", is_flag=True, help="Revoked ones too.")
@with_output
def list_(*, everything: bool, out: Output) -> None:
    """List the tokens: what each holds, until when, and when it was used last."""
    with problems_in_words(), context_here() as context:
        found = list_tokens(context, revoked=everything)
    out.document({"tokens": [_document(each) for each in found]})
    out.lines(map(plain, columns(map(_cells, found))))
    if not found:
        out.line("no tokens")


@token.command("revoke")
@click.argument("name")
@with_output
def revoke(name: str, *, out: Output) -> None:
    """Revoke the token NAME at once; its id works too."""
    with problems_in_words(), context_here() as context:
        named = [t for t in kept_tokens(context) if name in {t.name, t.id}]
        if not named:
            raise NotFound(f"there is no token `{name}`, or it is revoked already")
        ended = revoke_token(context, shell(), named[0].id)
    out.document({"token": _document(ended)})
    out.line(f"revoked {ended.subject_name}")


def _need_store(context: AdminContext) -> None:
    """Refuse to make a token that would be gone with this command."""
    if context.runtime.stores.tokens is None:
        raise StoreReadOnly(
            "there is no store to keep tokens in",
            "set AUTHZ_STORE, or put one token into AUTHZ_API_TOKEN",
        )


def span(text: str, option: str) -> timedelta:
    """Return how long *text*, given for *option*, is: `15m`, `12h`, `90d`."""
    found = _SPAN.fullmatch(text)
    if not found or not int(found[1]):
        raise click.BadParameter("write 15m, 12h or 90d", param_hint=option)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _holds(made: ApiToken) -> str:
    return f"{made.role} in {', '.join(made.scopes)}" if made.scopes else made.role


def _until(made: ApiToken) -> str:
    if made.expires is None:
        return "until it is revoked"
    return f"until {made.expires.astimezone().isoformat(' ', 'minutes')}"


def _cells(each: ApiToken) -> tuple[str, ...]:
    until = "revoked" if each.revoked else _until(each)
    return each.subject_name, _holds(each), until, _used(each)


def _used(each: ApiToken) -> str:
    if each.fixed:
        return "held by AUTHZ_API_TOKEN"
    if each.last_used is None:
        return "never used"
    return f"used {each.last_used.astimezone().isoformat(' ', 'minutes')}"


def _document(made: ApiToken) -> dict[str, Any]:
    return {
        "id": made.id,
        "name": made.name,
        "role": made.role,
        "scopes": list(made.scopes),
        "author": made.author,
        "fixed": made.fixed,
        "created": _time(made.created),
        "expires": _time(made.expires),
        "last_used": _time(made.last_used),
        "revoked": _time(made.revoked),
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
