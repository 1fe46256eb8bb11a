"""Brings a database's schema to the state this version needs, at start."""

import sqlite3
from functools import cache
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from authz.errors import StoreError
from authz.stores.sql.database import Database
from authz.stores.sql.tables import VERSION_TABLE, casbin_rule, metadata

#: For `pg_advisory_xact_lock`: "authz" in ASCII.
_LOCK: Final = 0x617574687A


def migrate(database: Database) -> None:
    """Make the tables, or change them as newer versions need; once at a time.

    Raises:
        StoreError: if the schema is a newer version's, or cannot be changed.
    """
    with database.read() as connection:
        if _version(connection) == _newest():
            _refuse_incomplete(database, connection)
            return
    # Not `write`: it locks a row that may not be there yet.
    with database.write(alone=False, complete=False) as connection:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        version = _version(connection)
        if version == _newest():
            return  # another process was first
        _refuse_newer(database, version)
        _refuse_foreign(database, connection)
        config = _config()
        config.attributes["connection"] = connection
        config.attributes["metadata"] = metadata
        config.attributes["version_table"] = VERSION_TABLE
        try:
            command.upgrade(config, "head")
        except (SQLAlchemyError, CommandError, sqlite3.Error) as error:
            said = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
            raise StoreError(
                f"{database.shown}: its tables are not those of schema "
                f"{version or 'none'}, so it cannot be brought to {_newest()} "
                f"({said[:200]}): an upgrade or a restore stopped half way: restore "
                "the backup"
            ) from error
        # What an earlier step was to make, no later one need have missed.
        _refuse_incomplete(database, connection)


def versions(database: Database) -> tuple[str | None, str]:
    """Return the schema of *database*, None if it has none, and the newest one.

    Raises:
        StoreError: if the schema is a newer version's, or cannot be read.
    """
    with database.read() as connection:
        version = _version(connection)
        _refuse_newer(database, version)
        if version == _newest():
            _refuse_incomplete(database, connection)
    return version, _newest()


def _refuse_newer(database: Database, version: str | None) -> None:
    known = {step.revision for step in _scripts().walk_revisions()}
    if version is not None and version not in known:
        raise StoreError(
            f"{database.shown}: the database was changed by a newer version of authz "
            f"(schema {version}, this one knows up to {_newest()}): run that version, "
            "or restore the backup from before"
        )


def _refuse_incomplete(database: Database, connection: Connection) -> None:
    """Refuse a database that lacks tables or columns of the schema it says it has."""
    found = inspect(connection)
    there = set(found.get_table_names())
    missing = [
        f"the table {table.name}"
        for table in metadata.sorted_tables
        if table.name not in there
    ]
    for table in metadata.sorted_tables if not missing else ():
        columns = {column["name"] for column in found.get_columns(table.name)}
        missing += [
            f"the column {table.name}.{column.name}"
            for column in table.columns
            if column.name not in columns
        ]
    if missing:
        raise StoreError(
            f"{database.shown}: it says that it has schema {_newest()}, and lacks "
            f"{', '.join(missing[:5])}: an upgrade or a restore stopped half way: "
            "restore the backup"
        )


def _refuse_foreign(database: Database, connection: Connection) -> None:
    found = inspect(connection)
    if not found.has_table("casbin_rule"):
        return
    missing = {column.name for column in casbin_rule.columns} - {
        column["name"] for column in found.get_columns("casbin_rule")
    }
    if missing:
        raise StoreError(
            f"{database.shown}: the table casbin_rule is there and lacks "
            f"{', '.join(sorted(missing))}: it is not Casbin's; use another database"
        )


def _version(connection: Connection) -> str | None:
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    )
    try:
        return context.get_current_revision()
    except CommandError as error:
        raise StoreError(
            f"the table {VERSION_TABLE} names several schemas: restore the backup"
        ) from error


def _newest() -> str:
    return str(_scripts().get_current_head())


@cache
def _scripts() -> ScriptDirectory:
    # Each of them reads and compiles every step of them all.
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "authz.stores:migrations")
    config.set_main_option("path_separator", "os")
    return config
