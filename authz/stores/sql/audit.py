"""The audit log in a database: a chain of lines, the same as in a file.

The record of a change is written in the change's own transaction: both are kept or
neither. Everything else is written in the background, in batches; if more happens than
can be written, it is dropped and counted, never a change.
"""

import logging
import time
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from authz.audit import AuditEvent, Clock, EventTag, utc_now
from authz.audit.chain import Link, sealed
from authz.errors import AuditFailure, StoreError
from authz.stores.file.audit_flood import BURST, RATE, WAITING, Bucket
from authz.stores.sql.database import Database
from authz.stores.sql.tables import authz_audit, authz_audit_head

_log: Final = logging.getLogger("authz")
#: Records that one transaction writes.
_BATCH: Final = 500
#: Seconds between two rounds of tidying up.
_TIDIED: Final = 3600.0


class SqlAudit:
    """A sink that appends to the audit log in one database."""

    def __init__(
        self,
        database: Database,
        *,
        days: float = 365.0,
        rate: float = RATE,
        clock: Clock = utc_now,
    ) -> None:
        """Use *database*, which `migrate` has prepared; keep records for *days*.

        Of what is no change, *rate* events a second are kept, and a burst.
        """
        self._database = database
        self._kept = timedelta(days=days)
        self._clock = clock
        self._waiting: deque[AuditEvent] = deque()
        self._bucket = Bucket(rate, BURST)
        self._tidied = time.monotonic()
        # The last record that this process wrote in a transaction of its own: what is
        # written with a change may be undone with it.
        self._link = Link()
        #: Events that were dropped, and of which the log does not know yet.
        self.dropped = 0
        #: Events that were dropped, all in all.
        self.lost = 0

    def record(self, event: AuditEvent) -> None:
        """Keep *event*: in the running transaction if it is a change, else soon.

        Raises:
            AuditFailure: if it is a change and cannot be written.
        """
        if not event.is_change:
            if self._bucket.take() and len(self._waiting) < WAITING:
                self._waiting.append(event)
            else:
                self.drop(1)
            return
        try:
            self.append([event])
        except StoreError as error:
            raise AuditFailure(
                f"the audit record cannot be written: {error}"
            ) from error

    def write_waiting(self) -> None:
        """Write what waits, and remove what is old. Called in the background.

        Raises:
            StoreError: if it cannot be written; it goes on waiting.
        """
        while self._waiting or self.dropped:
            dropped = self.dropped
            batch = [AuditEvent.of_dropped(dropped, self._clock())] if dropped else []
            count = min(len(self._waiting), _BATCH)
            batch += [self._waiting[index] for index in range(count)]
            self._link = self.append(batch)
            self.dropped -= dropped
            # Not before: what could not be written has not been taken away.
            for _ in range(count):
                self._waiting.popleft()
        if time.monotonic() - self._tidied > _TIDIED:
            self._tidied = time.monotonic()
            self._remove_old()

    def append(self, events: Sequence[AuditEvent]) -> Link:
        """Write *events* behind what is there; return where the chain stands then."""
        with self._database.write(alone=False) as connection:
            # One after the other: there is one chain.
            row = connection.execute(select(authz_audit_head).with_for_update()).one()
            number, previous = row.number, row.hash
            values = []
            for event in (*self._cut(connection, row), *events):
                number += 1
                line, previous = sealed(
                    event.as_record(), number=number, previous=previous
                )
                values.append(
                    {
                        "number": number,
                        "at": event.at,
                        "event": str(event.tag),
                        "line": line,
                    }
                )
            connection.execute(insert(authz_audit), values)
            connection.execute(
                update(authz_audit_head).values(number=number, hash=previous)
            )
        return Link(number=number, head=previous)

    def _cut(self, connection: Connection, head: Any) -> Sequence[AuditEvent]:
        """Return what has to be said of records that are not there any more."""
        columns = authz_audit.c
        found = connection.scalar(
            select(columns.number).order_by(columns.number.desc()).limit(1)
        )
        known = self._link
        if known.number > head.number or (
            known.number == head.number and known.head not in {"", head.hash}
        ):
            written = known.number
        elif (found or 0) < head.number:
            written = head.number
        else:
            return ()
        detail = {"written": str(written), "found": str(found or 0)}
        return (AuditEvent(tag=EventTag.AUDIT_CUT, at=self._clock(), detail=detail),)

    def _remove_old(self) -> None:
        """Remove the beginning of the log: what is older than it is kept."""
        columns = authz_audit.c
        with self._database.write(alone=False) as connection:
            # The last record stays: whoever finds none was robbed of it.
            last = select(authz_audit_head.c.number).scalar_subquery()
            newest = connection.scalar(
                select(func.max(columns.number)).where(
                    columns.at < self._clock() - self._kept, columns.number < last
                )
            )
            if newest is not None:
                connection.execute(delete(authz_audit).where(columns.number <= newest))
                _log.info("the audit log begins behind record %d now", newest)

    def drop(self, count: int) -> None:
        """Count *count* events as lost; the next record tells of them."""
        self.dropped += count
        self.lost += count
