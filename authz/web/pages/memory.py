"""What takes long to find out about a big policy, remembered while it holds.

Each answer is kept for the very state it was found for, and only the newest few.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Memory(Generic[T]):
    """Remembers the answers to the newest few questions."""

    def __init__(self, size: int = 1) -> None:
        """Remember *size* answers."""
        self._size = size
        self._known: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, find: Callable[[], T]) -> T:
        """Return what was found for *key*, or what *find* finds now.

        Two threads may find the same thing at once; either answer is right.
        """
        try:
            return self._known[key]
        except KeyError:
            found = self._known[key] = find()
        while len(self._known) > self._size:
            try:
                self._known.popitem(last=False)
            except KeyError:
                break  # another thread was faster
        return found
