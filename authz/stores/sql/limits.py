"""Rate limits in a database, for the `limits` library: one row for each key.

Writers of the same row take turns; in SQLite all writers do. Nobody waits for long: see
`PATIENCE`.
"""

import json
import time
from hashlib import sha256
from typing import Any, Final

from limits.storage import MovingWindowSupport, Storage
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    case,
    cast,
    delete,
    extract,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from authz.errors import StoreError
from authz.identity.guesses import PATIENCE
from authz.stores.sql.database import Database
from authz.stores.sql.json_columns import list_in
from authz.stores.sql.tables import authz_limit

#: Seconds between two rounds of tidying up.
_TIDIED: Final = 10.0


class SqlLimits(Storage, MovingWindowSupport):
    """Counts of the processes that share one database.

    Times are milliseconds since 1970, by the clock of the server: all have the same.
    """

    def __init__(self, database: Database) -> None:
        """Count in *database*."""
        super().__init__()
        self._database = database
        self._insert = sqlite.insert if database.is_sqlite else postgresql.insert
        self._tidied = time.monotonic()

    @property
    def base_exceptions(self) -> type[Exception]:
        """What goes wrong is a `StoreError`."""
        return StoreError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add *amount* to a count that ends *expiry* seconds after it began."""
        columns, now = authz_limit.c, self._now()
        lasts = columns.expires > now
        row = self._insert(authz_limit).values(
            id=_id(key), count=amount, times="[]", expires=now + expiry * 1000
        )
        upsert = row.on_conflict_do_update(
            index_elements=[columns.id],
            set_={
                "count": case((lasts, columns.count + amount), else_=amount),
                "expires": case((lasts, columns.expires), else_=row.excluded.expires),
            },
        ).returning(columns.count)
        with self._database.write(alone=False, patience=PATIENCE) as connection:
            return int(connection.execute(upsert).scalar_one())

    def get(self, key: str) -> int:
        """Return a count; 0 if it has ended."""
        row = self._row(key)
        return row.count if row is not None and row.expires > row.now else 0

    def get_expiry(self, key: str) -> float:
        """Return when a count ends, in seconds since 1970; now if there is none."""
        row = self._row(key)
        return time.time() if row is None else row.expires / 1000

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Note *amount* entries, unless there are more than *limit* in the window."""
        if amount > limit:
            return False
        columns, now = authz_limit.c, self._now()
        row = self._insert(authz_limit).values(
            id=_id(key), count=0, times="[]", expires=now + expiry * 1000
        )
        # First, and whatever comes of it: others wait for the row from here on.
        upsert = row.on_conflict_do_update(
            index_elements=[columns.id], set_={"expires": row.excluded.expires}
        ).returning(columns.id, columns.times, now.label("now"))
        with self._database.write(alone=False, patience=PATIENCE) as connection:
            found = connection.execute(upsert).one()
            times = _within(found, expiry)
            if len(times) + amount > limit:
                return False
            times = [*[found.now] * amount, *times]
            connection.execute(
                update(authz_limit)
                .where(columns.id == _id(key))
                .values(times=json.dumps(times))
            )
        return True

    def get_moving_window(
        self,
        key: str,
        limit: int,  # noqa: ARG002 - the library's signature
        expiry: int,
    ) -> tuple[float, int]:
        """Return when the window began, in seconds since 1970, and its entries."""
        row = self._row(key)
        times = [] if row is None else _within(row, expiry)
        return (min(times) / 1000 if times else time.time()), len(times)

    def check(self) -> bool:
        """Return whether the database answers."""
        try:
            self._row("")
        except StoreError:
            return False
        return True

    def clear(self, key: str) -> None:
        """Forget a key."""
        with self._database.write(alone=False, patience=PATIENCE) as connection:
            connection.execute(delete(authz_limit).where(authz_limit.c.id == _id(key)))

    def reset(self) -> int:
        """Forget everything; return how many keys that were."""
        with self._database.write(alone=False, patience=PATIENCE) as connection:
            return connection.execute(delete(authz_limit)).rowcount

    def tidy(self) -> None:
        """Remove what is over, now and then. Called in the background.

        Raises `StoreError`.
        """
        if time.monotonic() - self._tidied > _TIDIED:
            self.remove_expired()
            self._tidied = time.monotonic()

    def remove_expired(self) -> None:
        """Remove what is over. Raises `StoreError`."""
        over = authz_limit.c.expires <= self._now()
        with self._database.read() as connection:
            if connection.scalar(select(authz_limit.c.id).where(over).limit(1)) is None:
                return
        with self._database.write(alone=False) as connection:
            connection.execute(delete(authz_limit).where(over))

    def _row(self, key: str) -> Any | None:
        query = select(authz_limit, self._now().label("now"))
        with self._database.read(patience=PATIENCE) as connection:
            return connection.execute(
                query.where(authz_limit.c.id == _id(key))
            ).one_or_none()

    def _now(self) -> ColumnElement[int]:
        if self._database.is_sqlite:
            return literal(int(time.time() * 1000), BigInteger)
        return cast(extract("epoch", func.clock_timestamp()) * 1000, BigInteger)


def _id(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def _within(row: Any, expiry: int) -> list[int]:
    """Return the entries of the window, the newest first.

    A clock that was put back leaves some in the future; they do not count for ever.
    """
    window = expiry * 1000
    times = list_in(authz_limit.c.times, row, int)
    return [time_ for time_ in times if abs(row.now - time_) <= window]
