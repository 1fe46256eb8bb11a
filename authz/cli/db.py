"""`authz db`: how far the schema of the database is, and bringing it there."""

import os

import click

from authz.cli.app import app_if_any
from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, with_output
from authz.settings import read_settings
from authz.stores.schema import Schema, read_schema, upgrade_schema


@click.group("db")
def db() -> None:
    """Look at the schema of the database, and change it as a new version needs."""


@db.command("current")
@with_output
def current(*, out: Output) -> None:
    """Say which schema the database of AUTHZ_STORE has. Nothing is changed.

    Exit code 0: the newest; 6: an older one, or none yet; 3: a newer version's, or it
    cannot be used; 7: it cannot be reached.
    """
    with problems_in_words():
        found = read_schema(_url())
    out.document({"schema_version": found.current, "newest": found.newest})
    out.line(f"{found.database}: {_words(found)}")
    end(Exit.OK if found.is_newest else Exit.DIFFERS)


@db.command("upgrade")
@with_output
def upgrade(*, out: Output) -> None:
    """Bring the database of AUTHZ_STORE to the schema that this version needs.

    Every process does it when it starts, one at a time; this is for whoever wants it
    done before, or by somebody who may do more in the database. Back it up first.

    Exit code 0: done, or nothing to do; 3: it cannot be changed; 7: it cannot be
    reached.
    """
    with problems_in_words():
        before = upgrade_schema(_url())
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


def _words(found: Schema) -> str:
    if found.current is None:
        return f"nothing of authz is in it yet; schema {found.newest} is the newest"
    if found.is_newest:
        return f"schema {found.current}, the newest"
    return f"schema {found.current}; {found.newest} is the newest"


def _url() -> str:
    app = app_if_any()
    settings = app.runtime.settings if app else read_settings({}, os.environ)
    if settings.store.url is None:
        raise click.UsageError("there is no database: AUTHZ_STORE is not set")
    return settings.store.url
