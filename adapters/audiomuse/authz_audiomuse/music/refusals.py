"""What an error code of the Subsonic API means, for what was sent.

Source: opensubsonic.netlify.app, "Error". The same code says different things to a key
and to a password: Navidrome 0.63.2 (server/subsonic/middlewares.go) answers a key with
10, a missing parameter, because it looks for a name only.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from authz_audiomuse.music.faults import Fault

GENERIC: Final = 0
MISSING: Final = 10
WRONG_PASSWORD: Final = 40
NO_SALTED_TOKENS: Final = 41
NOT_SUPPORTED: Final = 42
CONFLICT: Final = 43
WRONG_KEY: Final = 44
NOT_ALLOWED: Final = 50
NOT_FOUND: Final = 70

_NO_KEYS: Final = frozenset({MISSING, NO_SALTED_TOKENS, NOT_SUPPORTED, CONFLICT})
_NO_PASSWORDS: Final = frozenset({NOT_SUPPORTED, CONFLICT})


class Sent(Enum):
    """What a call showed to say who asks."""

    KEY = auto()
    PASSWORD = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a server refused with."""

    code: int
    message: str

    @property
    def is_throttle(self) -> bool:
        """Whether it would answer later; there is no code of its own for that.

        Lightweight Music Server 3.71.0 (src/libs/subsonic/impl/SubsonicResponse.hpp)
        says "Login throttled, too many attempts".
        """
        words = self.message.lower()
        return self.code == GENERIC and ("throttle" in words or "too many" in words)


def meaning(refusal: Refusal, sent: Sent) -> tuple[Fault, str]:
    """Return what *refusal* means after *sent* was shown, and what to say beside it."""
    code = refusal.code
    if refusal.is_throttle:
        return Fault.THROTTLED, ""
    if code in {WRONG_PASSWORD, WRONG_KEY}:
        return Fault.WRONG_PASSWORD, ""
    if sent is Sent.KEY and code in _NO_KEYS:
        return (
            Fault.OTHER_PROOF,
            f"it takes no API keys: use name and password; code {code}",
        )
    if sent is Sent.PASSWORD and code in _NO_PASSWORDS:
        return Fault.OTHER_PROOF, f"it takes no passwords: use an API key; code {code}"
    if sent is Sent.PASSWORD and code == NO_SALTED_TOKENS:
        return Fault.OTHER_PROOF, "it compares no tokens of passwords; code 41"
    if sent is Sent.PASSWORD and code == MISSING:
        return Fault.REFUSED, "it reads no forms: update it"
    return Fault.REFUSED, f"code {code}"
