"""`authz db`: how far the schema of the database is, and bringing it there."""

import click

from authz.admin.after_restore import after_restore
from authz.cli.app import context_here, shell
from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, plain, with_output
from authz.cli.sources import settings_here
from authz.stores.schema import Schema, schema_of


@click.group("db")
def db() -> None:
    """Show the schema of the database, and upgrade it for a new version."""


@db.command("current")
@with_output
def current(*, out: Output) -> None:
    """Say which schema the database of AUTHZ_STORE has. Nothing is changed.

    Exit code 0: the newest; 6: an older one, or none yet; 3: a newer version's, or it
    cannot be used; 7: it cannot be reached.
    """
    with problems_in_words():
        found = schema_of(_url())
    out.document({"schema_version": found.current, "newest": found.newest})
    out.line(f"{found.database}: {_words(found)}")
    end(Exit.OK if found.is_newest else Exit.DIFFERS)


@db.command("upgrade")
@with_output
def upgrade(*, out: Output) -> None:
    """Bring the database of AUTHZ_STORE to the schema that this version needs.

    Every process does this when it starts, one at a time. Use this command to do it
    beforehand, or as a database user with more rights. Back up the database first.

    Exit code 0: done, or nothing to do; 3: it cannot be changed; 7: it cannot be
    reached.
    """
    with problems_in_words():
        before = schema_of(_url(), upgrade=True)
    out.document(
        {
            "before": before.current,
            "schema_version": before.newest,
            "changed": not before.is_newest,
        }
    )
    if before.is_newest:
        out.line(f"{before.database}: {_words(before)}, nothing to do")
    else:
        was = before.current or "nothing"
        out.line(f"{before.database}: schema {was} -> {before.newest}")


@db.command("after-restore")
@click.option(
    "--revoke-tokens",
    is_flag=True,
    help="Revoke the API tokens that had been revoked before; all, if nobody noticed.",
)
@with_output
def after_restore_(*, revoke_tokens: bool, out: Output) -> None:
    """Clean up after the database was restored from a backup.

    All sessions end, every process reads everything again, and what running processes
    saw come back is listed: people who had been removed, disabled or given another
    password, and API tokens that had been revoked.

    Exit codes: 0 done; 3 it cannot be done, and why; 7 the database cannot be reached.
    """
    _url()
    with problems_in_words(), context_here() as context:
        done = after_restore(context, shell(), revoke=revoke_tokens)
    restored = done.restored
    back = set(restored.tokens) if restored else set()
    revoked = {token.id for token in done.revoked}
    out.document(
        {
            "sessions_ended": done.sessions,
            "noticed": restored.at.isoformat() if restored else None,
            "people_back": list(restored.people) if restored else [],
            "tokens": [
                {
                    "name": token.name,
                    "role": token.role,
                    "came_back": token.name in back,
                    "revoked": token.id in revoked,
                }
                for token in done.tokens
            ],
        }
    )
    out.line(f"sessions ended: {done.sessions}")
    if restored is None:
        out.line(
            "no running process noticed a restore: see who may sign in with "
            "`authz user list`"
        )
    else:
        out.lines(f"came back: person {plain(id_)}" for id_ in restored.people)
    for token in done.tokens:
        what = "came back" if token.name in back else "holds"
        after = ", revoked now" if token.id in revoked else ""
        out.line(f"{what}: token {plain(token.name)} ({token.role}){after}")


def _words(found: Schema) -> str:
    if found.current is None:
        return f"nothing of authz is in it yet; schema {found.newest} is the newest"
    if found.is_newest:
        return f"schema {found.current}, the newest"
    return f"schema {found.current}; {found.newest} is the newest"


def _url() -> str:
    url = settings_here().store.url
    if url is None:
        raise click.UsageError("there is no database: AUTHZ_STORE is not set")
    return url
