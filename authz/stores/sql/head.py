"""The one row that tells what has changed, and how often: all that is polled."""

from dataclasses import dataclass

from sqlalchemy import select, update

from authz.errors import StoreError
from authz.stores.sql.database import Database
from authz.stores.sql.tables import authz_head


@dataclass(frozen=True, slots=True)
class Head:
    """How often what has changed."""

    revision: int
    people: int
    sessions: int
    tokens: int


def head(database: Database) -> Head:
    """Read the row.

    Raises:
        StoreError: if it cannot be read, or is not there.
    """
    columns = authz_head.c
    with database.read() as connection:
        row = connection.execute(
            select(columns.revision, columns.people, columns.sessions, columns.tokens)
        ).first()
    if row is None:
        raise StoreError(
            f"{database.shown}: the table authz_head is empty: restore the backup"
        )
    return Head(*row)


def count_up(database: Database, what: str) -> int:
    """Count a change of *what*, `people`, `sessions` or `tokens`; return the number.

    The row stays locked until the transaction ends.
    """
    column = authz_head.c[what]
    with database.write(alone=False) as connection:
        connection.execute(update(authz_head).values({what: column + 1}))
        database.announce()
        number: int = connection.execute(select(column)).scalar_one()
    return number
