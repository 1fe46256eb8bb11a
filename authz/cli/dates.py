"""A moment as people type it: so long ago, or a date."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

_AGO: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str | None, option: str) -> datetime | None:
    """Return the moment that *text*, given for *option*, means: `1h`, `2026-01-02`."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago:
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            "write 30m, 1h, 7d or a time such as 2026-01-02T12:00", param_hint=option
        ) from error
    return at if at.tzinfo else at.astimezone()
