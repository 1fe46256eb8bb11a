"""How often a password may be guessed: a delay for each account and each peer.

Nobody is locked out. Whoever guesses wrong too often waits at most half a minute, and
a peer that has signed in to an account before does not wait because others guess at it.

Each process counts what it sees. If there is a storage that processes share, they count
there as well, and the longer wait holds: without it nobody is less limited than by one
process.
"""

import threading
from collections import OrderedDict
from typing import Final

from limits.storage import Storage

from authz.identity.guesses import Guesses, OwnStorage, SharedGuesses

_KNOWN_PEERS: Final = 4096


class Throttle:
    """Counts wrong guesses, and says how long the next one has to wait."""

    def __init__(self, shared: Storage | None = None) -> None:
        """Count in this process, and in *shared*, where all processes count."""
        self._storage = OwnStorage()
        self._own = Guesses(self._storage)
        self._shared = None if shared is None else SharedGuesses(shared)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, name: str, peer: str) -> int:
        """Return how many seconds *peer* has to wait before guessing at *name*."""
        # As for a peer that is known: what holds for it holds for each. A flood that
        # this process stops by itself is nobody else's work.
        wait = self._own.wait(name, peer, known=True)
        if wait:
            return wait
        known = self.knows(name, peer)
        wait = self._own.wait(name, peer, known=known)
        if wait or self._shared is None:
            return wait
        return self._shared.ask(lambda all_: all_.wait(name, peer, known=known), 0)

    def failed(self, name: str, peer: str) -> None:
        """Note a wrong guess."""
        known = self.knows(name, peer)
        self._own.failed(name, peer, known=known)
        if self._shared is not None:
            self._shared.ask(lambda all_: all_.failed(name, peer, known=known), None)

    def knows(self, name: str, peer: str) -> bool:
        """Return whether *peer* has signed in to *name* before."""
        if (name, peer) in self._known:
            return True
        if self._shared is None:
            return False
        known = self._shared.ask(lambda all_: all_.knows(name, peer), otherwise=False)
        if known:
            self._remember(name, peer)
        return known

    def succeeded(self, name: str, peer: str) -> None:
        """Remember that *peer* knows the password of *name*."""
        self._remember(name, peer)
        if self._shared is not None:
            self._shared.ask(lambda all_: all_.remember(name, peer), None)

    def forget(self) -> None:
        """Ask the shared storage again who has signed in before."""
        with self._lock:
            self._known.clear()

    def tidy(self) -> None:
        """Forget what is over. Called in the background."""
        self._storage.tidy()

    def _remember(self, name: str, peer: str) -> None:
        with self._lock:
            self._known[name, peer] = None
            self._known.move_to_end((name, peer))
            if len(self._known) > _KNOWN_PEERS:
                self._known.popitem(last=False)
