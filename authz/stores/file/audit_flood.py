"""How much of what is no change an audit log takes: a flood must not fill the disk."""

import time
from typing import Final

#: Events that may wait to be written, in each process.
WAITING: Final = 10_000
#: Events other than changes that are kept: this many a second, and at once.
RATE: Final = 200.0
BURST: Final = 2000.0


class Bucket:
    """Lets so many through each second, and a burst at once."""

    def __init__(self, rate: float, burst: float) -> None:
        """Let *rate* through each second, and *burst* at once."""
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = time.monotonic()

    def take(self) -> bool:
        """Return whether one more may pass."""
        # Without a lock: a race lets one event more through, or one less.
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
