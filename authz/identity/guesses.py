"""Wrong guesses at passwords, counted in one storage: of a process, or of several.

A shared storage that does not answer costs a moment, never a sign-in: each process goes
on to count by itself, and says so.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Final, TypeVar

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from authz.deadline import within
from authz.identity.guesser import WINDOW, Guesser, Limit
from authz.per_process import PerProcess

_log: Final = logging.getLogger("authz")
_T = TypeVar("_T")

#: How many at once may ask a shared storage; the others wait so many seconds.
_AT_ONCE: Final = 4
PATIENCE: Final = 0.5
#: Seconds until a shared storage that did not answer is asked again.
PAUSE: Final = 5.0


class Guesses:
    """What one storage knows."""

    def __init__(self, storage: Storage) -> None:
        """Count in *storage*, which has to support moving windows."""
        self._limiter = MovingWindowRateLimiter(storage)

    def wait(self, guesser: Guesser, only: Limit | None = None) -> int:
        """Return how many seconds *guesser* has to wait before the next guess.

        By all that counts the guesses, or by *only* one of it.
        """
        counts = [(i, key) for i, key in guesser.counts if only is None or i is only]
        return max(self._wait(limit, key) for limit, key in counts)

    def failed(self, guesser: Guesser, only: Limit | None = None) -> None:
        """Note a wrong guess; with *only* in one count."""
        for limit, key in guesser.counts:
            if only is None or limit is only:
                self._limiter.hit(_item(limit), key)

    def _wait(self, limit: Limit, key: str) -> int:
        window = self._limiter.get_window_stats(_item(limit), key)
        if window.remaining > 0:
            return 0
        return max(1, min(WINDOW, int(window.reset_time - time.time()) + 1))


class SharedGuesses:
    """What processes know together. Asking never raises, and never waits for long."""

    def __init__(
        self, storage: Storage, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask *storage*, which gives up after `PATIENCE` seconds by itself."""
        self._clock = clock
        self._guesses = Guesses(storage)
        self._seats = PerProcess(lambda: threading.BoundedSemaphore(_AT_ONCE))
        self._again = 0.0
        #: Whether the storage did not answer when it was asked last.
        self.failing = False

    def ask(self, question: Callable[[Guesses], _T], otherwise: _T) -> _T:
        """Return the answer to *question*, or *otherwise* if there is none to be had.

        It is a caller's matter that *otherwise* is no wider than its own count.
        """
        seats = self._seats()
        if self._clock() < self._again or not seats.acquire(timeout=PATIENCE):
            return otherwise
        if self.failing:
            # One tries; the others do not wait for it.
            self._again = self._clock() + PAUSE
        try:
            with within(PATIENCE):
                answer = question(self._guesses)
        except Exception as error:  # noqa: BLE001 - whatever it is: nobody is kept out
            self._again = self._clock() + PAUSE
            if not self.failing:
                self.failing = True
                _log.error(
                    "wrong passwords are counted by this process alone until the "
                    "storage that processes share answers again (%s)",
                    error,
                )
            return otherwise
        finally:
            seats.release()
        self._again = 0.0
        if self.failing:
            self.failing = False
            _log.warning("wrong passwords are counted by all processes together again")
        return answer


class OwnStorage(MemoryStorage):
    """The memory of one process. Forgets names that nobody guesses at any more."""

    def tidy(self) -> None:
        """Remove what is over: the library keeps an empty list for each key."""
        now = time.time()
        for key, events in list(self.events.items()):
            if events and events[0].expiry > now:
                continue
            with self.locks[key]:
                if not (left := self.events.get(key)) or left[0].expiry <= now:
                    self.events.pop(key, None)
                    self.locks.pop(key, None)


@cache
def _item(limit: Limit) -> RateLimitItemPerSecond:
    """Return *limit* as the library knows it."""
    return RateLimitItemPerSecond(
        limit.amount, limit.seconds, namespace=limit.namespace
    )
