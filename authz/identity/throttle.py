"""How often a password may be guessed: a delay for each account and each peer.

Nobody is locked out. Whoever guesses wrong too often waits at most half a minute, and
a peer that has signed in to an account before does not wait because others guess at it.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from typing import Final

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, Storage
from limits.strategies import MovingWindowRateLimiter

#: Seconds after which a wrong guess is forgotten, and so the longest delay.
WINDOW: Final = 30
PER_ACCOUNT: Final = RateLimitItemPerSecond(5, WINDOW, namespace="authz-account")
PER_PEER: Final = RateLimitItemPerSecond(20, WINDOW, namespace="authz-peer")
_KNOWN_PEERS: Final = 4096


class Throttle:
    """Counts wrong guesses, and says how long the next one has to wait."""

    def __init__(self, storage: Storage | None = None) -> None:
        self._limiter = MovingWindowRateLimiter(storage or MemoryStorage())
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, name: str, peer: str) -> int:
        """Return how many seconds *peer* has to wait before guessing at *name*."""
        waits = [self._wait(PER_PEER, peer)]
        if (name, peer) not in self._known:
            waits.append(self._wait(PER_ACCOUNT, _key(name)))
        else:
            # Its own wrong guesses count all the same.
            waits.append(self._wait(PER_ACCOUNT, _key(name) + peer))
        return max(waits)

    def failed(self, name: str, peer: str) -> None:
        """Note a wrong guess."""
        self._limiter.hit(PER_PEER, peer)
        if (name, peer) in self._known:
            self._limiter.hit(PER_ACCOUNT, _key(name) + peer)
        else:
            self._limiter.hit(PER_ACCOUNT, _key(name))

    def knows(self, name: str, peer: str) -> bool:
        """Return whether *peer* has signed in to *name* before."""
        return (name, peer) in self._known

    def succeeded(self, name: str, peer: str) -> None:
        """Remember that *peer* knows the password of *name*."""
        with self._lock:
            self._known[name, peer] = None
            self._known.move_to_end((name, peer))
            if len(self._known) > _KNOWN_PEERS:
                self._known.popitem(last=False)

    def _wait(self, item: RateLimitItemPerSecond, key: str) -> int:
        if self._limiter.test(item, key):
            return 0
        reset = self._limiter.get_window_stats(item, key).reset_time
        return max(1, min(WINDOW, int(reset - time.time()) + 1))


def _key(name: str) -> str:
    # A client chooses the name: neither its length nor its characters reach a store.
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
