"""What happened: decisions and changes, to look through and to take away."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from flask import request
from werkzeug.wrappers import Response

from authz.admin.reach import tells
from authz.audit.log import AuditLog, Found, Record, Wanted, time_of
from authz.web.pages.base import AdminPages
from authz.web.pages.change_lines import Line, Sign, text_lines
from authz.web.pages.export import csv_file, lines_as_file
from authz.web.pages.pagination import SIZE, asked, here
from authz.web.pages.sorting import asked_sorting

#: More records than this are not taken away at once.
_EXPORTED: Final = 10_000
_AT_ONCE: Final = 500
#: The number of a record has no more.
_DIGITS: Final = 15
#: Lines of one change that the page shows.
_LINES: Final = 12
_COLUMNS: Final = (
    "at", "event", "subject", "peer", "client", "method", "path", "reason", "rules",
    "revision", "request_id", "about", "before", "after", "note",
)  # fmt: skip

#: What each tab shows, and what it is called.
_TABS: Final = (("", "Refused"), ("all", "Everything"), ("changes", "Changes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRecord:
    """A record of the log, as the page shows it."""

    record: Record
    at: datetime | None
    lines: tuple[Line, ...]
    more: int


class Audit:
    """The pages about what happened."""

    def __init__(self, pages: AdminPages) -> None:
        """Add the pages to *pages*."""
        self._pages = pages
        pages.add("/admin/audit", "audit", self.show)
        pages.add("/admin/audit.csv", "audit_csv", self.as_csv)
        pages.add("/admin/audit.jsonl", "audit_jsonl", self.as_lines)

    def show(self) -> Response:
        """Show the newest records of those that are asked for."""
        pages = self._pages
        log = pages.runtime.audit_log
        errors: dict[str, str] = {}
        found = Found(records=())
        sorting = asked_sorting(("when",))
        oldest_first = sorting.column == "when" and not sorting.descending
        wanted, reach = _wanted(errors), pages.reach
        if log is not None and not errors:
            found = log.find(
                wanted,
                limit=SIZE,
                before=_number("before"),
                after=(_number("after") or 0) if oldest_first else None,
            )
        return pages.page(
            "authz/admin/audit.html",
            errors=errors,
            log=log,
            # A page may be short for who sees some scopes only; the next one goes on.
            records=[
                _shown(record)
                for record in found.records
                if reach.is_all or tells(reach, record)
            ],
            limited=not reach.is_all,
            sorting=sorting,
            oldest_first=oldest_first,
            further=here(before=found.next_before, after=found.next_after)
            if found.next_before or found.next_after
            else None,
            tabs=_TABS,
            show=asked("show"),
            filters={
                name: asked(name)
                for name in (
                    "subject",
                    "path",
                    "request_id",
                    "since",
                    "until",
                    "event",
                )
            },
            query=request.args.to_dict()
            | {"before": None, "after": None, "sort": None},
            settings=pages.runtime.settings.audit,
        )

    def as_csv(self) -> Response:
        """Return the same records as a table."""
        rows = (
            [_text(record.get(column)) for column in _COLUMNS]
            for record in self._exported()
        )
        return csv_file("audit.csv", _COLUMNS, rows)

    def as_lines(self) -> Response:
        """Return the same records as they are kept, a line each."""
        lines = (json.dumps(record, ensure_ascii=True) for record in self._exported())
        return lines_as_file("audit.jsonl", lines)

    def _exported(self) -> Iterator[Record]:
        log = self._pages.runtime.audit_log
        errors: dict[str, str] = {}
        wanted = _wanted(errors)
        if log is not None and not errors:
            yield from _every(log, wanted)


def _number(name: str) -> int | None:
    text = asked(name)
    is_one = text.isascii() and text.isdecimal() and len(text) <= _DIGITS
    return int(text) if is_one else None


def _every(log: AuditLog, wanted: Wanted) -> Iterator[Record]:
    before: int | None = None
    left = _EXPORTED
    while left > 0:
        found = log.find(wanted, limit=min(_AT_ONCE, left), before=before)
        yield from found.records
        left -= len(found.records)
        before = found.next_before
        if before is None:
            return


def _wanted(errors: dict[str, str]) -> Wanted:
    show, event = asked("show"), asked("event")
    return Wanted(
        event=event,
        subject=asked("subject"),
        path=asked("path"),
        request_id=asked("request_id"),
        denied=show == "" and not event,
        changes=show == "changes" and not event,
        since=_day("since", errors),
        until=_day("until", errors),
    )


#: So long ago, as the commands take it: 30m, 12h, 7d.
_AGO: Final = re.compile(r"(\d{1,5})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def _day(name: str, errors: dict[str, str]) -> datetime | None:
    """Return the time that a field names, in UTC if it does not say."""
    text = asked(name)
    if not text:
        return None
    ago = _AGO.fullmatch(text)
    if ago:
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        errors[name] = "Write a day such as 2030-01-31, a day and a time, or 7d."
        return None
    return then if then.tzinfo else then.replace(tzinfo=UTC)


def _shown(record: Record) -> ShownRecord:
    try:
        at = time_of(record)
    except ValueError:
        at = None
    after, before = record.get("after", ()), record.get("before", ())
    lines: tuple[Line, ...] = ()
    if record.get("about") == "policy":
        lines = tuple(text_lines(after[:_LINES], before[:_LINES]))
    elif after or before:  # of a person or a token
        lines = (
            *(Line(sign=Sign.REMOVED, text=str(t)) for t in before[:_LINES]),
            *(Line(sign=Sign.ADDED, text=str(t)) for t in after[:_LINES]),
        )
    return ShownRecord(
        record=record,
        at=at,
        lines=lines,
        more=max(0, len(after) + len(before) - len(lines)) if lines else 0,
    )


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "; ".join(map(str, value))
    return "" if value is None else str(value)
