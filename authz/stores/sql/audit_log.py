"""Looking through the audit log in a database."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import or_, select

from authz.audit import EventTag
from authz.audit.chain import BrokenChain, Link, follow
from authz.audit.log import Found, Record, Verified, Wanted, time_of
from authz.stores.sql.database import Database
from authz.stores.sql.tables import authz_audit, authz_audit_head

#: Records that are read at once.
_BATCH: Final = 500
#: Records that one question may look at; the answer says where to go on.
_MAX_LOOKED_AT: Final = 50_000
_MAX_PROBLEMS: Final = 20


class SqlAuditLog:
    """What is in the audit log of one database; see `AuditLog`."""

    def __init__(self, database: Database) -> None:
        """Use *database*, which `migrate` has prepared."""
        self._database = database

    def find(
        self,
        wanted: Wanted,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
    ) -> Found:
        """Return the newest records that are *wanted*; see `AuditLog.find`."""
        records: list[Record] = []
        rows = self._in_order(wanted, before, after)
        for looked_at, (number, line) in enumerate(rows, start=1):
            record = _record(line)
            if record is not None and wanted.matches(record):
                records.append(record)
            if len(records) == limit or looked_at == _MAX_LOOKED_AT:
                return Found(
                    records=tuple(records),
                    next_before=number if after is None and number > 1 else None,
                    next_after=None if after is None else number,
                )
        return Found(records=tuple(records))

    def verify(self, *, head: str = "") -> Verified:
        """Follow the whole chain; see `AuditLog.verify`."""
        link: Link | None = None
        first = count = 0
        problems: list[str] = []
        head_found = not head
        anchor = Link()
        for row, stands in self._oldest_first():
            anchor = stands
            if row is None:
                continue
            where = f"authz_audit:{row.number}"
            if row.event == EventTag.AUDIT_CUT:
                problems.append(f"{where}: the end was cut off here")
            try:
                after = _followed(link, row)
            except BrokenChain as error:
                if len(problems) < _MAX_PROBLEMS:
                    problems.append(f"{where}: {error}")
                # Go on from what the line claims, to tell every break once.
                link = _claimed(row.line)
                continue
            first = first or after.number
            count += 1
            link = after
            head_found = head_found or after.head == head
        stand = link or Link()
        if stand.number != anchor.number or (
            stand.head != anchor.head and not problems
        ):
            problems.append(
                f"authz_audit: the log ends at record {stand.number}, but "
                f"{anchor.number} were written: the end was cut off"
            )
        if not head_found:
            problems.append(
                f"authz_audit: no record has the hash {head[:64]}: the end was cut "
                "off, or the log was written anew"
            )
        return Verified(count=count, link=stand, first=first, problems=tuple(problems))

    def _in_order(
        self, wanted: Wanted, before: int | None, after: int | None
    ) -> Iterator[tuple[int, str]]:
        """Yield the newest below *before* first; with *after*, the oldest above it."""
        columns = authz_audit.c
        query = select(columns.number, columns.line).order_by(
            columns.number.desc() if after is None else columns.number
        )
        if wanted.event:
            kind = columns.event.startswith(f"{wanted.event}:", autoescape=True)
            query = query.where(or_(columns.event == wanted.event, kind))
        if wanted.since is not None:
            query = query.where(columns.at >= wanted.since)
        if wanted.until is not None:
            query = query.where(columns.at < wanted.until + timedelta(seconds=1))
        while True:
            page = query
            if after is not None:
                page = query.where(columns.number > after)
            elif before is not None:
                page = query.where(columns.number < before)
            with self._database.read() as connection:
                rows = connection.execute(page.limit(_BATCH)).all()
            for row in rows:
                yield row.number, row.line
            if len(rows) < _BATCH:
                return
            before = rows[-1].number
            after = None if after is None else rows[-1].number

    def _oldest_first(self) -> Iterator[tuple[Any | None, Link]]:
        """Yield each record with where the chain stood when it was read.

        Both are read as one state: others may write meanwhile. Without a record it is
        None, once.
        """
        columns = authz_audit.c
        behind = -1
        while True:
            query = select(authz_audit).where(columns.number > behind)
            with self._database.read() as connection:
                rows: Sequence[Any] = connection.execute(
                    query.order_by(columns.number).limit(_BATCH)
                ).all()
                head = connection.execute(select(authz_audit_head)).one()
            anchor = Link(number=head.number, head=head.hash)
            yield from ((row, anchor) for row in rows or (None,))
            if len(rows) < _BATCH:
                return
            behind = rows[-1].number


def _record(line: str) -> Record | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _claimed(line: str) -> Link | None:
    """Return where the chain would stand behind *line*, if it were sound."""
    record = _record(line)
    if record is None or type(record.get("seq")) is not int:
        return None
    return Link(number=record["seq"], head=str(record.get("hash", "")))


def _followed(link: Link | None, row: Any) -> Link:
    """Return where the chain stands behind *row*. Raises `BrokenChain`."""
    after = follow(link or Link(), row.line, first=link is None)
    record = json.loads(row.line)
    apart = abs(time_of(record) - row.at)
    # The line tells the time in milliseconds.
    if (after.number, record.get("event")) != (row.number, row.event) or (
        apart >= timedelta(milliseconds=1)
    ):
        raise BrokenChain("its columns say something else than its line")
    return after
