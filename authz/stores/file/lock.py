"""A lock beside a file: one process at a time writes it, and a fork holds nobody up.

It is a `flock`: all writers must be on one machine, or on a file system that passes it
on. Who is killed lets go.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_MODE: Final = 0o600


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let nobody else write the file *path* meanwhile; wait for whoever does.

    The lock is a file of its own beside it: the file itself is replaced, and so is no
    lock.

    Raises:
        OSError: if there cannot be a lock there.
    """
    with _forking:
        descriptor = os.open(
            path.with_name(f".{path.name}.lock"),
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
            _MODE,
        )
        _held.add(descriptor)
    process = os.getpid()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        # A child that was forked in here has let go of it already.
        if process == os.getpid():
            with _forking:
                _held.discard(descriptor)
                os.close(descriptor)


# A process that is forked while a thread holds the lock has it too, and nobody there to
# give it back: it would wait for itself for ever. So it lets go as soon as it begins.
_held: Final[set[int]] = set()
_forking: Final = threading.Lock()


def _let_go() -> None:
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()
    _forking.release()


os.register_at_fork(
    before=_forking.acquire,
    after_in_parent=_forking.release,
    after_in_child=_let_go,
)
