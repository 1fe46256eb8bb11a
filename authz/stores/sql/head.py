"""The one row that tells what has changed, and how often: all that is polled."""

from typing import Any, Final

from sqlalchemy import func, select, update

from authz.errors import StoreError
from authz.stores.marks import KEPT, STAMP, Head, Mark, new_stamp
from authz.stores.restores import read_restored
from authz.stores.sql.database import Database
from authz.stores.sql.json_columns import as_written
from authz.stores.sql.tables import authz_head

#: Characters of the stamps that are kept, each with a blank behind it.
_TRAIL: Final = KEPT * (STAMP + 1)


def head(database: Database) -> Head:
    """Read the row.

    Raises:
        StoreError: if it cannot be read, or is not there.
    """
    with database.read() as connection:
        database.refuse_unfit(connection)
        rows = connection.execute(select(authz_head)).all()
    if len(rows) != 1:
        raise StoreError(
            f"{database.shown}: the table authz_head is not one row but {len(rows)}: "
            "restore the backup"
        )
    (row,) = rows
    with as_written(authz_head.c.restored, row):
        read_restored(row.restored)
    return Head(
        policy=Mark(row.incarnation, row.revision, row.policy_stamp, row.digest),
        people=Mark(row.incarnation, row.people, row.people_stamp),
        sessions=Mark(row.incarnation, row.sessions, row.sessions_stamp),
        tokens=Mark(row.incarnation, row.tokens, row.tokens_stamp),
        trail=tuple(row.trail.split()),
        restored=row.restored,
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
