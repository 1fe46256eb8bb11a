"""`authz music ...`: connect, list, test and forget music accounts; change keys.

Passwords and keys are asked for, or read from standard input: on a command line anybody
on the machine could read them.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import click
from flask import current_app, has_app_context

from authz.integration.commands import (
    Exit,
    Output,
    audit_here,
    complain,
    end,
    plain,
    problems_in_words,
    shell,
    with_output,
)
from authz.integration.sql import Database
from authz_audiomuse.music.accounts import By, MusicAccounts
from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.links import Link, Mode
from authz_audiomuse.music.opening import open_accounts
from authz_audiomuse.music.port import Entered, MusicServer, Proof
from authz_audiomuse.music.sealing import SealError
from authz_audiomuse.music.secret import Secret
from authz_audiomuse.music.settings import read_music_settings

#: Faults that are not the account's: the server cannot be used.
_SERVERS: Final = frozenset(Fault) - {
    Fault.WRONG_PASSWORD,
    Fault.OTHER_PROOF,
    Fault.NO_ACCOUNTS,
}


@click.group("music", context_settings={"help_option_names": ["-h", "--help"]})
def music() -> None:
    """Connect people's music accounts, and check them."""


@music.command("link")
@click.argument("person")
@click.argument("server")
@click.option("--account", default="", help="Their name on the music server.")
@click.option("--api-key", is_flag=True, help="Enter an API key, not a password.")
@click.option(
    "--shared",
    is_flag=True,
    help="Let them use the account of AudioMuse-AI instead of one of their own.",
)
@click.option(
    "--private",
    is_flag=True,
    help="Hide playlists made in the account from others on the server.",
)
@with_output
def link(  # noqa: PLR0913 - one parameter for each option
    person: str,
    server: str,
    *,
    account: str,
    api_key: bool,
    shared: bool,
    private: bool,
    out: Output,
) -> None:
    """Connect the account of PERSON on SERVER, an id of AUTHZ_MUSIC_SERVERS.

    PERSON is `alice`, or `authentik/bob` for somebody an identity provider vouches
    for. The password or key is asked for, or read as one line from standard input. It
    is tried at once; nothing is kept if it does not work.

    Exit code 3: there is no key, or it cannot be kept; 4: the server does not accept
    it; 7: the server cannot be reached.
    """
    with _opened() as accounts, _in_words():
        found = accounts.server(server)
        if shared:
            kept = accounts.share(_person(person), server, by=_by())
        else:
            entered = _entered(found, account, api_key=api_key)
            kept = accounts.link(
                _person(person), server, entered, by=_by(), private=private
            )
    out.document({"linked": _document(kept)})
    where = kept.account if kept.mode is Mode.OWN else "the shared account"
    out.line(f"linked  {kept.person} to {plain(where)} on {kept.server}")


@music.command("unlink")
@click.argument("person")
@click.argument("server", required=False)
@with_output
def unlink(person: str, server: str | None, *, out: Output) -> None:
    """Forget the account of PERSON on SERVER, or on every server.

    The account itself stays as it is; what is kept here goes, and a token that the
    server gave for it is given back. While the server does not answer that is tried
    again for a week, by the running app.
    """
    with _opened() as accounts, _in_words():
        if server is None:
            count = accounts.forget(_person(person), by=_by())
        else:
            count = int(accounts.unlink(_person(person), server, by=_by()))
    out.document({"forgotten": count})
    out.line(f"forgotten  {count} account{'' if count == 1 else 's'}")


@music.command("list")
@click.option("--search", default="", help="Only persons or accounts that hold this.")
@with_output
def list_links(*, search: str, out: Output) -> None:
    """List who has which account where. No secret is shown."""
    with _opened() as accounts, _in_words():
        links = list(accounts.every(search))
    out.document({"accounts": [_document(link) for link in links]})
    for found in links:
        state = str(found.fault or "works") if found.mode is Mode.OWN else ""
        when = found.checked.isoformat(timespec="minutes") if found.checked else ""
        cells = (found.person, found.server, str(found.mode), found.account)
        out.line("  ".join(plain(cell) for cell in (*cells, state, when) if cell))
    out.line(f"{len(links)} account{'' if len(links) == 1 else 's'}")


@music.command("test")
@click.argument("server", required=False)
@click.option("--person", help="Sign in to this person's accounts too.")
@click.option("--everybody", is_flag=True, help="Sign in to everybody's accounts too.")
@with_output
def test(
    server: str | None, *, person: str | None, everybody: bool, out: Output
) -> None:
    """Ask every music server, or SERVER, what it is.

    Exit code 4: an account does not work; 7: a server does not answer, or something
    else does.
    """
    with _opened() as accounts, _in_words():
        names = [server] if server else list(accounts.servers)
        servers = {name: _about(accounts.server(name)) for name in names}
        wanted = _person(person) if person else ""
        links = [
            accounts.check(link)
            for link in (accounts.every() if everybody or wanted else ())
            if link.server in servers
            and link.mode is Mode.OWN
            and (everybody or link.person == wanted)
        ]
    out.document(
        {
            "servers": [{"server": n, **about} for n, about in servers.items()],
            "accounts": [_document(link) for link in links],
        }
    )
    for name, about in servers.items():
        shown = f"{about['product']} {about['version']}" if about["ok"] else ""
        word = "ok    " if about["ok"] else "FAIL  "
        out.line(f"{word}{name}  {plain(shown or str(about['problem']))}")
    for found in links:
        word = "FAIL  " if found.fault else "ok    "
        state = str(found.fault or "works")
        out.line(
            f"{word}{found.server}  {found.person} as {plain(found.account)}: {state}"
        )
    if not all(about["ok"] for about in servers.values()):
        end(Exit.UNREACHABLE)
    end(Exit.FAILED if any(link.fault for link in links) else Exit.OK)


@music.command("rotate")
@with_output
def rotate(*, out: Output) -> None:
    """Seal every stored credential with the newest key of AUTHZ_ENCRYPTION_KEY.

    Put a new key in front of the old one, restart the app, run this, and then take the
    old key away.

    Exit code 3: there is no key; 4: some credentials open with none of the keys; they
    have to be entered again.
    """
    with _opened() as accounts, _in_words():
        done = accounts.rotate()
    out.document(
        {
            "resealed": done.resealed,
            "current": done.current,
            "lost": [[link.person, link.server] for link in done.lost],
        }
    )
    out.line(f"sealed again  {done.resealed}, already so {done.current}")
    for found in done.lost:
        out.line(f"LOST  {found.person} on {found.server}: to be entered again")
    end(Exit.FAILED if done.lost else Exit.OK)


@contextmanager
def _opened() -> Iterator[MusicAccounts]:
    """Give the accounts that the app's settings, or the environment's, describe."""
    config = current_app.config if has_app_context() else {}
    with problems_in_words():
        settings = read_music_settings(config, os.environ)
        if not settings.servers:
            raise click.UsageError(
                "there are no music servers: list them in AUTHZ_MUSIC_SERVERS"
            )
    with problems_in_words(), audit_here() as audit:
        database = Database(settings.store_url)
        try:
            yield open_accounts(
                replace(settings, store=None), audit=audit, database=database
            )
        finally:
            database.close()


@contextmanager
def _in_words() -> Iterator[None]:
    """End with the exit code of whatever a server or the store does."""
    with problems_in_words():
        try:
            yield
        except LookupError as error:
            raise click.UsageError(str(error.args[0])) from error
        except MusicFault as error:
            complain(str(error))
            end(Exit.UNREACHABLE if error.fault in _SERVERS else Exit.FAILED)
        except SealError as error:
            complain(str(error))
            end(Exit.INVALID)


def _about(server: MusicServer) -> dict[str, Any]:
    try:
        about = server.about()
    except MusicFault as error:
        return {"ok": False, "problem": str(error), "fault": str(error.fault)}
    return {"ok": True, "product": about.product, "version": about.version}


def _entered(server: MusicServer, account: str, *, api_key: bool) -> Entered:
    proofs = server.capabilities.proofs
    proof = Proof.API_KEY if api_key or proofs == (Proof.API_KEY,) else Proof.PASSWORD
    needs_name = proof is Proof.PASSWORD or server.capabilities.key_needs_name
    if needs_name and proofs and not account:
        raise click.UsageError("name their account on the music server with --account")
    what = "API key" if proof is Proof.API_KEY else "Password"
    if not proofs:
        secret = Secret("none")  # nobody is asked; the server has no accounts
    elif sys.stdin.isatty():
        secret = Secret(click.prompt(f"{what} on {server.listed.id}", hide_input=True))
    else:
        line = sys.stdin.readline()
        secret = Secret(line.removesuffix("\n").removesuffix("\r"))
        del line
    return Entered(proof=proof, account=account, secret=secret)


def _person(text: str) -> str:
    return text if ":" in text else f"user:{text}"


def _by() -> By:
    return By(name=shell().subject.name)


def _document(found: Link) -> dict[str, Any]:
    return {
        "person": found.person,
        "server": found.server,
        "mode": str(found.mode),
        "account": found.account,
        "fault": str(found.fault) if found.fault else None,
        "checked": found.checked.isoformat() if found.checked else None,
        "linked": found.linked.isoformat(),
        "linked_by": found.linked_by,
        "private": found.private,
    }
