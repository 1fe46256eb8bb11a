"""Refusals and sign-ins by day, drawn as bars, with the same numbers as a table."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from authz.audit import EventTag
from authz.audit.log import AuditLog, Wanted, time_of
from authz.decision import ANONYMOUS

#: As many days are shown.
DAYS: Final = 14
_AT_ONCE: Final = 500
#: More records than this are not read for a picture.
_MOST: Final = 5000
_HEIGHT: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day in UTC."""

    date: date
    #: How often somebody who had signed in was refused.
    refused: int
    signed_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The last days, the oldest first."""

    days: Sequence[Day]
    #: Whether there was more than is counted.
    more: bool

    @property
    def highest(self) -> int:
        """The highest number of a day; at least one."""
        return max(1, *(max(day.refused, day.signed_in) for day in self.days))

    def height(self, count: int) -> int:
        """Return how high the bar of *count* is; what is not nothing can be seen."""
        return max(2, round(_HEIGHT * count / self.highest)) if count else 0


def activity(log: AuditLog, now: datetime) -> Activity:
    """Return what *log* has of the last days.

    Raises:
        StoreError: if it cannot be read.
    """
    today = now.date()
    first = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = first - timedelta(days=DAYS - 1)
    refused, more = _counted(log, EventTag.DECISION_DENY, since)
    signed_in, more_too = _counted(log, EventTag.SIGN_IN_SUCCESS, since)
    return Activity(
        days=[
            Day(date=day, refused=refused[day], signed_in=signed_in[day])
            for back in reversed(range(DAYS))
            for day in [today - timedelta(days=back)]
        ],
        more=more or more_too,
    )


def _counted(
    log: AuditLog, event: EventTag, since: datetime
) -> tuple[Counter[date], bool]:
    wanted = Wanted(event=event, since=since)
    counted: Counter[date] = Counter()
    before: int | None = None
    for _ in range(_MOST // _AT_ONCE):
        found = log.find(wanted, limit=_AT_ONCE, before=before)
        for record in found.records:
            if record.get("subject") == ANONYMOUS.name:
                continue  # sent to sign in
            try:
                counted[time_of(record).astimezone(since.tzinfo).date()] += 1
            except ValueError:
                continue
        before = found.next_before
        if before is None:
            return counted, False
    return counted, True
