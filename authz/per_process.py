"""What each process has for itself, also when it was forked."""

import os
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """One thing for each process, as a lock: what is held at a fork is held for ever.

    Made when it is first asked for. Any number of threads may ask.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        """Have *make* make it."""
        self._make = make
        self._made: dict[int, T] = {}

    def __call__(self) -> T:
        """Return the one of this process."""
        process = os.getpid()
        found = self._made.get(process)
        # Of several that are made at once, one stays.
        return self._made.setdefault(process, self._make()) if found is None else found
