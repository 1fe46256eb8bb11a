"""The newest state that any process of one server has read, or heard of.

A server that loads the app and forks has processes that look one by one. One that
cannot look learns here, from memory that they share, that another has read a state
which it has not, or was told of one: it knows then that its own was replaced.
"""

from hashlib import sha256
from mmap import mmap
from typing import Final

_SIZE: Final = 16
#: Of one number, 24 bits tell states apart, the others are milliseconds.
_BITS: Final = 24
_STATE: Final = (1 << _BITS) - 1


class NewestSeen:
    """What this process has read, beside the newest that a process of its kin has.

    Two numbers in memory that survives a fork. Each is written whole, and by whoever
    looks again if two wrote at once: no lock that a killed process could keep.
    """

    def __init__(self) -> None:
        """Begin with nothing seen. Made before the fork, or nothing is shared."""
        self._shared = memoryview(mmap(-1, _SIZE)).cast("Q")
        self._mine = 0
        self._looked = 0

    def note(self, state: object, begun: float) -> None:
        """Note that this process has read *state*, in a look that began at *begun*.

        *begun* is of a clock that all processes of a machine share.
        """
        digest = sha256(repr(state).encode()).digest()
        mine = int(begun * 1000) << _BITS | int.from_bytes(digest[:3])
        if _is_older(self._shared[0], mine):
            self._shared[0] = mine
        self._mine = mine

    def note_hint(self, at: float) -> None:
        """Note that whoever changed something has told so, *at* that time."""
        self._shared[1] = int(at * 1000)

    def note_look(self, begun: float) -> None:
        """Note that a look that began at *begun* read what is there."""
        self._looked = int(begun * 1000)

    @property
    def is_told(self) -> bool:
        """Whether somebody told of a change after this process looked. No I/O."""
        return self._shared[1] > self._looked

    @property
    def is_another(self) -> bool:
        """Whether another process has read a state that this one has not. No I/O."""
        return _is_older(self._mine, self._shared[0])


def _is_older(one: int, other: int) -> bool:
    """Return whether *other* is another state than *one*, and was read later."""
    differ = (one ^ other) & _STATE
    return bool(differ) and one >> _BITS < other >> _BITS
