"""When content is read again although nothing has said that it is another.

Another program may have changed it, and told nobody.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

#: Seconds between two checks, at least; and how many times as long as one takes.
AGAIN: Final = 5.0
TIMES: Final = 100.0

#: Is told which table another program changed, and what is another way in it now.
Edited = Callable[[str, Sequence[str]], object]


#: Lines that a message of the log shows.
_SHOWN: Final = 5


def untold(_table: str, _what: Sequence[str]) -> None:
    """Tell nobody."""


def stay() -> None:
    """Change nothing: what a look returns that has found nothing new."""


def listed(what: Sequence[str]) -> str:
    """Return the first few of *what*, and how many more there are."""
    more = f"; and {len(what) - _SHOWN} more" if len(what) > _SHOWN else ""
    return "; ".join(what[:_SHOWN]) + more


class SpotChecks:
    """Says when it is time for the next one: rarely, where one takes long."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Let the first one be due."""
        self._clock = clock
        self._next = clock()

    @property
    def is_due(self) -> bool:
        """Whether it is time. After one that failed it is."""
        return self._clock() >= self._next

    @contextmanager
    def one(self) -> Iterator[None]:
        """Be inside while the content is read."""
        begun = self._clock()
        yield
        now = self._clock()
        self._next = now + max(AGAIN, TIMES * (now - begun))
