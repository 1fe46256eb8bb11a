"""What a process holds of its stores, kept up to date: policy, people, sessions.

All of it is read as one state, and put in force together. While the store cannot be
reached, the last good state serves, for a time.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

from authz.errors import StoreError
from authz.per_process import PerProcess

_log: Final = logging.getLogger("authz")
#: Seconds until a look that failed is tried again for the first time.
_FIRST_RETRY: Final = 0.25


class Follower(Protocol):
    """Something in memory that follows a store."""

    def look(self) -> Callable[[], object]:
        """Read what has changed; return what puts it in force, without I/O.

        Raises:
            StoreError: if the store cannot be read.
        """
        ...


class StoreFollowers:
    """Looks at the store for all followers, one state at a time."""

    def __init__(
        self,
        *,
        failed: Callable[[Exception], None],
        interval: float,
        state: Callable[[], AbstractContextManager[object]] = nullcontext,
        max_stale: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nobody who follows.

        Args:
            failed: Told why the store cannot be looked at.
            interval: Seconds between two looks.
            state: Begins the reading of one consistent state of the store.
            max_stale: Seconds that the last good state serves without the store.
            clock: Counts seconds, whatever somebody does to the time of day.
        """
        self._followers: list[Follower] = []
        self._chores: list[Callable[[], object]] = []
        self._failed = failed
        self._interval = interval
        self._state = state
        self._max_stale = max_stale
        self._clock = clock
        self._seen = clock()
        self._failures = 0
        self._complaints: list[str] = []
        self._lock = PerProcess(threading.Lock)

    def follow(self, follower: Follower) -> None:
        """Keep *follower* up to date: after those before it."""
        self._followers.append(follower)

    def do_after(self, chore: Callable[[], object]) -> None:
        """Do *chore* after each look at the store that went well."""
        self._chores.append(chore)

    @property
    def may_be_stale(self) -> bool:
        """Whether there is a limit to how long a state may serve."""
        return self._max_stale < math.inf

    @property
    def is_stale(self) -> bool:
        """Whether the store has been out of reach for longer than is allowed."""
        return self._clock() - self._seen > self._max_stale

    @property
    def is_failing(self) -> bool:
        """Whether the last look failed."""
        return self._failures > 0

    @property
    def age(self) -> float:
        """Seconds since the store was last seen."""
        return self._clock() - self._seen

    def pause(self) -> float:
        """Return how many seconds to wait until the next look.

        After failures soon and then less often, so that a short outage is short here
        too, and a store that comes back has no more to do than on any other day.
        """
        if not self._failures:
            return self._interval
        return min(_FIRST_RETRY * 2.0 ** min(self._failures - 1, 8), self._interval)

    def run(self) -> None:
        """Look, and do what is due. Called by one thread, again and again."""
        if self.refresh():
            self.do_chores()

    def refresh(self) -> bool:
        """Look now; return whether the store could be read. Never raises."""
        with self._lock():
            begun = self._clock()
            try:
                with self._state():
                    found = [follower.look() for follower in self._followers]
            except Exception as error:  # noqa: BLE001 - nothing may end the watch
                self._failures += 1
                self._failed(error)
                return False
            for put_in_force in found:
                put_in_force()
            # What was read may be as old as the beginning of the look.
            self._seen, self._failures = begun, 0
        return True

    def catch_up(self) -> None:
        """Look now.

        Raises:
            StoreError: if the store cannot be read.
        """
        # Who waits for this is waited for: no second try while the first ones fail.
        if self.is_failing or not self.refresh():
            raise StoreError("the store cannot be read")

    def do_chores(self) -> None:
        """Do what is due; what fails is tried again after the next look."""
        failures = []
        for chore in self._chores:
            try:
                chore()
            except Exception as error:  # noqa: BLE001 - it is tried again
                failures.append(str(error))
        if failures and failures != self._complaints:
            _log.warning(
                "what is due for the store is tried again: %s", "; ".join(failures)
            )
        self._complaints = failures
