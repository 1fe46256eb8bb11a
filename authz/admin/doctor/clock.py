"""Does this machine know what time it is? Tokens end, and begin, by the clock."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from authz.admin.doctor.finding import Finding, fail, ok, skip, warn
from authz.admin.doctor.keys import Asked
from authz.identity.fetch import Fetched
from authz.settings import Settings

_CHECK: Final = "clock"
#: A `Date` header has no fractions, and an answer takes a moment.
_GOOD: Final = 5.0


def check(settings: Settings, asked: Asked) -> Iterator[Finding]:
    """Yield how far the clock is from those of the key sources that answered."""
    if not settings.proxy.issuers:
        return
    offsets = [
        found
        for answer, at in asked.answers
        if (found := _offset(answer, at)) is not None
    ]
    if not offsets:
        yield skip(_CHECK, "not compared: no key source said what time it is")
        return
    worst = max(offsets, key=abs)
    leeway = min(issuer.leeway for issuer in settings.proxy.issuers)
    said = (
        f"{abs(worst):.0f} seconds {'ahead of' if worst > 0 else 'behind'} the issuer"
    )
    if abs(worst) <= _GOOD:
        yield ok(_CHECK, "agrees with the issuer's")
    elif abs(worst) <= leeway:
        yield warn(_CHECK, said, "let it be set by NTP (`timedatectl set-ntp true`)")
    else:
        yield fail(
            _CHECK,
            f"{said}, and {leeway:.0f} are allowed: good tokens are refused",
            "let it be set by NTP (`timedatectl set-ntp true`)",
        )


def _offset(answer: Fetched, at: float) -> float | None:
    """Return how many seconds this clock was ahead when *answer* came, *at*."""
    if answer.date is None:
        return None
    try:
        theirs = parsedate_to_datetime(answer.date)
    except ValueError:
        return None
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    return (datetime.fromtimestamp(at, UTC) - theirs).total_seconds()
