"""Forks and transactions keep out of each other's way."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: Seconds that a fork waits for the transactions of other threads.
_PATIENCE: Final = 10.0


class Gate:
    """Keeps a fork out of the middle of transactions, and transactions out of a fork.

    SQLite's files must not be carried over a fork while they are in use: the locks on
    them would be the parent's, and what the child believes of them wrong.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._inside = 0
        self._shutting = 0
        self._own = threading.local()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Run a transaction; no fork of another thread comes between."""
        own = getattr(self._own, "count", 0)
        with self._change:
            # Whoever is inside already goes on, or the fork would wait for them.
            if not own:
                self._change.wait_for(lambda: not self._shutting, _PATIENCE)
            self._inside += 1
        self._own.count = own + 1
        try:
            yield
        finally:
            self._own.count -= 1
            with self._change:
                self._inside -= 1
                self._change.notify_all()

    def shut(self) -> None:
        """Let nobody in, and wait until nobody is inside but the caller.

        After `_PATIENCE` it goes on anyway.
        """
        self._change.acquire()
        self._shutting += 1
        own = getattr(self._own, "count", 0)
        self._change.wait_for(lambda: self._inside <= own, _PATIENCE)

    def open(self) -> None:
        """Let everybody in again."""
        self._shutting -= 1
        self._change.notify_all()
        self._change.release()

    def open_in_child(self) -> None:
        """Let everybody in; who else was inside is not in this process."""
        self._inside = getattr(self._own, "count", 0)
        self._shutting = 0
        self._change.notify_all()
        self._change.release()
