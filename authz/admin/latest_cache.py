"""What takes long to find out about a big policy, remembered while it holds.

Each answer is kept for the very state it was found for, and only the newest few.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from authz.per_process import PerProcess

T = TypeVar("T")


class LatestCache(Generic[T]):
    """Remembers the answers to the newest few questions."""

    def __init__(self, size: int = 1) -> None:
        """Remember *size* answers."""
        self._size = size
        self._known: OrderedDict[Hashable, T] = OrderedDict()
        # Finding out may lead back here.
        self._lock = PerProcess(threading.RLock)

    def get(self, key: Hashable, find: Callable[[], T]) -> T:
        """Return what was found for *key*, or what *find* finds now.

        One thread finds out; the others wait for its answer.
        """
        try:
            return self._known[key]
        except KeyError:
            pass
        with self._lock():
            if key in self._known:
                return self._known[key]
            found = self._known[key] = find()
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return found
