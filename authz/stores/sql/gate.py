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
        self._own = threading.local()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Run a transaction; no fork of another thread comes between."""
        with self._change:
            self._inside += 1
        self._own.count = getattr(self._own, "count", 0) + 1
        try:
            yield
        finally:
            self._own.count -= 1
            with self._change:
                self._inside -= 1
                self._change.notify_all()

    def shut(self) -> None:
        """Wait until nobody is inside but the caller, and let nobody in then.

        While it waits others may still come in; after `_PATIENCE` it goes on anyway.
        """
        self._change.acquire()
        own = getattr(self._own, "count", 0)
        self._change.wait_for(lambda: self._inside <= own, _PATIENCE)

    def open(self) -> None:
        """Let everybody in again."""
        self._change.release()

    def open_in_child(self) -> None:
        """Let everybody in; who else was inside is not in this process."""
        self._inside = getattr(self._own, "count", 0)
        self._change.release()
