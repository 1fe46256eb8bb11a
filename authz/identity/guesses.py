"""Wrong guesses at passwords, counted in one storage: of a process, or of several.

A shared storage that does not answer costs a moment, never a sign-in: each process goes
on to count by itself, and says so.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerSecond
from limits.storage import MemoryStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from authz.per_process import PerProcess

_log: Final = logging.getLogger("authz")
_T = TypeVar("_T")

#: Seconds after which a wrong guess is forgotten, and so the longest delay.
WINDOW: Final = 30
PER_ACCOUNT: Final = RateLimitItemPerSecond(5, WINDOW, namespace="authz-account")
PER_PEER: Final = RateLimitItemPerSecond(20, WINDOW, namespace="authz-peer")
#: Seconds that a peer is known to have signed in; and how many of them a person has.
_KNOWN: Final = 30 * 24 * 3600
_KNOWN_PEERS: Final = RateLimitItemPerDay(64, 30, namespace="authz-known")
#: How many at once may ask a shared storage; the others wait so many seconds.
_AT_ONCE: Final = 4
PATIENCE: Final = 0.5
#: Seconds until a shared storage that did not answer is asked again.
_PAUSE: Final = 5.0


class Guesses:
    """What one storage knows."""

    def __init__(self, storage: Storage) -> None:
        """Count in *storage*, which has to support moving windows."""
        self._storage = storage
        self._limiter = MovingWindowRateLimiter(storage)

    def wait(self, name: str, peer: str, *, known: bool) -> int:
        """Return how many seconds *peer* has to wait before guessing at *name*."""
        return max(
            self._wait(PER_PEER, _digest(peer)),
            self._wait(PER_ACCOUNT, _account(name, peer, known=known)),
        )

    def failed(self, name: str, peer: str, *, known: bool) -> None:
        """Note a wrong guess."""
        self._limiter.hit(PER_PEER, _digest(peer))
        self._limiter.hit(PER_ACCOUNT, _account(name, peer, known=known))

    def knows(self, name: str, peer: str) -> bool:
        """Return whether *peer* has signed in to *name* before."""
        return self._storage.get(_known(name, peer)) > 0

    def remember(self, name: str, peer: str) -> None:
        """Note that *peer* knows the password of *name*: a limited number of peers."""
        if not self.knows(name, peer) and self._limiter.hit(
            _KNOWN_PEERS, _digest(name)
        ):
            self._storage.incr(_known(name, peer), _KNOWN)

    def _wait(self, item: RateLimitItem, key: str) -> int:
        window = self._limiter.get_window_stats(item, key)
        if window.remaining > 0:
            return 0
        return max(1, min(WINDOW, int(window.reset_time - time.time()) + 1))


class SharedGuesses:
    """What processes know together. Asking never raises, and never waits for long."""

    def __init__(self, storage: Storage) -> None:
        """Ask *storage*, which gives up after `PATIENCE` seconds by itself."""
        self._guesses = Guesses(storage)
        self._seats = PerProcess(lambda: threading.BoundedSemaphore(_AT_ONCE))
        self._again = 0.0
        self._failing = False

    def ask(self, question: Callable[[Guesses], _T], otherwise: _T) -> _T:
        """Return the answer to *question*, or *otherwise* if there is none to be had.

        It is a caller's matter that *otherwise* is no wider than its own count.
        """
        seats = self._seats()
        if time.monotonic() < self._again or not seats.acquire(timeout=PATIENCE):
            return otherwise
        if self._failing:
            # One tries; the others do not wait for it.
            self._again = time.monotonic() + _PAUSE
        try:
            answer = question(self._guesses)
        except Exception as error:  # noqa: BLE001 - whatever it is: nobody is kept out
            self._again = time.monotonic() + _PAUSE
            if not self._failing:
                self._failing = True
                _log.error(
                    "wrong passwords are counted by this process alone until the "
                    "storage that processes share answers again (%s)",
                    error,
                )
            return otherwise
        finally:
            seats.release()
        self._again = 0.0
        if self._failing:
            self._failing = False
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


# A client chooses the name: neither its length nor its characters reach a storage, and
# nobody reads there who signs in from where.


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _account(name: str, peer: str, *, known: bool) -> str:
    # The wrong guesses of a peer that is known count as well, for itself.
    return f"{_digest(name)}-{_digest(peer)}" if known else _digest(name)


def _known(name: str, peer: str) -> str:
    return f"authz-known-{_digest(name)}-{_digest(peer)}"
