"""The one row that tells what has changed, and how often: all that is polled."""

from typing import Any, Final

from sqlalchemy import Connection, func, select, text, update

from authz.errors import StoreError
from authz.stores.marks import KEPT, STAMP, Head, Mark, new_stamp
from authz.stores.sql.database import Database
from authz.stores.sql.tables import authz_head, metadata

#: Characters of the stamps that are kept, each with a blank behind it.
_TRAIL: Final = KEPT * (STAMP + 1)
#: The tables that are only ours, each of which has a primary key.
_KEYED: Final = [name for name in metadata.tables if name.startswith("authz_")]
_KEYS: Final = text(
    "SELECT count(*) FROM pg_index WHERE indisprimary AND indrelid IN "
    "(SELECT to_regclass(name) FROM unnest(CAST(:names AS text[])) AS name)"
)


def head(database: Database) -> Head:
    """Read the row.

    Raises:
        StoreError: if it cannot be read, or is not there.
    """
    with database.read() as connection:
        if not database.is_sqlite:
            _refuse_half(database, connection)
        row = connection.execute(select(authz_head)).first()
    if row is None:
        raise StoreError(
            f"{database.shown}: the table authz_head is empty: restore the backup"
        )
    return Head(
        policy=Mark(row.incarnation, row.revision, row.policy_stamp, row.digest),
        people=Mark(row.incarnation, row.people, row.people_stamp),
        sessions=Mark(row.incarnation, row.sessions, row.sessions_stamp),
        tokens=Mark(row.incarnation, row.tokens, row.tokens_stamp),
        trail=tuple(row.trail.split()),
    )


def _refuse_half(database: Database, connection: Connection) -> None:
    """Refuse what `pg_restore` has written so far: it makes primary keys last."""
    keys = connection.execute(_KEYS, {"names": _KEYED}).scalar_one()
    if keys != len(_KEYED):
        raise StoreError(
            f"{database.shown}: tables lack their primary keys: a backup is being "
            "restored; if that was interrupted, restore it again"
        )


def stamped(part: str) -> dict[str, Any]:
    """Return what a change of *part* writes into the row beside its number."""
    stamp = new_stamp()
    trail = func.substr(f"{stamp} " + authz_head.c.trail, 1, _TRAIL)
    return {f"{part}_stamp": stamp, "trail": trail}


def count_up(database: Database, part: str) -> int:
    """Count a change of *part*, `people`, `sessions` or `tokens`; return the number.

    The row stays locked until the transaction ends.
    """
    column = authz_head.c[part]
    with database.write(alone=False) as connection:
        connection.execute(
            update(authz_head).values({part: column + 1, **stamped(part)})
        )
        database.announce()
        number: int = connection.execute(select(column)).scalar_one()
    return number
