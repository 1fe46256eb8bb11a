"""How often a password may be guessed: a delay for each account and each client.

Nobody is locked out. Whoever guesses wrong too often waits at most half a minute, and
who has signed in to an account in this browser before never waits because others guess
at it (`authz.identity.devices`).

Each process counts what it sees. If there is a storage that processes share, they count
there as well, and the longer wait holds: without it nobody is less limited than by one
process.
"""

import time
from collections.abc import Callable

from limits.storage import Storage

from authz.identity.guesser import Guesser
from authz.identity.guesses import Guesses, OwnStorage, SharedGuesses


class Throttle:
    """Counts wrong guesses, and says how long the next one has to wait."""

    def __init__(
        self,
        shared: Storage | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Count in this process, and in *shared*, where all processes count."""
        #: What this process counts.
        self.storage = OwnStorage()
        self._own = Guesses(self.storage)
        self.shared = None if shared is None else SharedGuesses(shared, clock)

    def wait(self, guesser: Guesser) -> int:
        """Return how many seconds *guesser* has to wait before the next guess."""
        # A flood that this process stops by itself is nobody else's work.
        wait = self._own.wait(guesser)
        if wait or self.shared is None:
            return wait
        return self.shared.ask(lambda all_: all_.wait(guesser), 0)

    def failed(self, guesser: Guesser) -> None:
        """Note a wrong guess."""
        self._own.failed(guesser)
        if self.shared is not None:
            self.shared.ask(lambda all_: all_.failed(guesser), None)

    def tidy(self) -> None:
        """Forget what is over. Called in the background."""
        self.storage.tidy()
