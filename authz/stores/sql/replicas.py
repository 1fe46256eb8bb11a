"""Each process says, every few seconds, what it serves."""

import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, insert, select, update

from authz.audit import Clock, utc_now
from authz.stores.replicas import Replica, Served, this_process
from authz.stores.sql.database import Database
from authz.stores.sql.tables import authz_replica

#: Seconds between two reports, if there is nothing new.
_AGAIN: Final = 10.0
#: Who has not reported for so long is not there any more.
_GONE: Final = timedelta(minutes=10)
_MAX_PROBLEM: Final = 1000


class SqlReplicas:
    """The processes that share one database."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock = utc_now,
    ) -> None:
        """Report in *database*."""
        self._database = database
        self._clock = clock
        self._process = 0
        self._started = clock()
        self._reported: tuple[Served, float] | None = None
        self._seen: datetime | None = None
        #: Called when what was reported is not there any more.
        self.lost: list[Callable[[], object]] = []

    def report(self, served: Served) -> None:
        """Say what this process serves, if that is new or was said a while ago.

        Raises `StoreError`.
        """
        if self._process != os.getpid():
            self._process, self._reported = os.getpid(), None
            self._seen = None
            self._started = self._clock()
        now = time.monotonic()
        if self._reported is not None:
            before, when = self._reported
            if served == before and now - when < _AGAIN:
                return
        at = self._clock()
        as_left = self._write(served, at)
        self._reported, self._seen = (served, now), at
        if not as_left:
            for tell in self.lost:
                tell()

    def leave(self) -> None:
        """Say that this process serves no more, if it did. Raises `StoreError`."""
        if self._reported is None or self._process != os.getpid():
            return
        self._reported = None
        with self._database.write(alone=False) as connection:
            connection.execute(
                delete(authz_replica).where(authz_replica.c.name == this_process())
            )

    def all(self) -> tuple[Replica, ...]:
        """Return the processes that have reported lately, by name."""
        columns = authz_replica.c
        lately = columns.seen > self._clock() - _GONE
        query = select(authz_replica).where(lately).order_by(columns.name)
        with self._database.read() as connection:
            return tuple(
                Replica(
                    name=row.name,
                    number=row.revision,
                    revision=row.policy,
                    problem=row.problem,
                    started=row.started,
                    seen=row.seen,
                )
                for row in connection.execute(query)
            )

    def _write(self, served: Served, now: datetime) -> bool:
        """Write it down; return whether the last report was as it was left.

        If it was not, a backup was restored, or nobody heard of this process for long.
        """
        name = this_process()
        values = {
            "revision": served.number,
            "policy": served.revision,
            "problem": served.problem[:_MAX_PROBLEM],
            "started": self._started,
            "seen": now,
        }
        columns = authz_replica.c
        own = columns.name == name
        with self._database.write(alone=False) as connection:
            before = connection.scalar(select(columns.seen).where(own))
            if before is None:
                connection.execute(insert(authz_replica).values(name=name, **values))
                gone = columns.seen <= now - _GONE
                connection.execute(delete(authz_replica).where(gone))
            else:
                connection.execute(update(authz_replica).where(own).values(values))
        return self._seen is None or before == self._seen
