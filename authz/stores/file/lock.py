"""A lock beside a file: one process at a time writes it, and a fork holds nobody up.

It is a `flock`: all writers must be on one machine, or on a file system that passes it
on. Who is killed lets go.
"""

import contextlib
import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_MODE: Final = 0o600
#: Seconds until somebody who keeps the lock is not waited for any more: a process that
#: was stopped keeps it for as long.
_PATIENCE: Final = 10.0
#: Seconds between two tries.
_FIRST_PAUSE: Final = 0.000_5
_LONGEST_PAUSE: Final = 0.01


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let nobody else write the file *path* meanwhile; wait a while for whoever does.

    The lock is a file of its own beside it: the file itself is replaced, and so is no
    lock.

    Raises:
        OSError: if there cannot be a lock there, or somebody else keeps it.
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
        _lock(descriptor, path)
        yield
    finally:
        # A child that was forked in here has let go of it already.
        if process == os.getpid():
            with _forking:
                _held.discard(descriptor)
                os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    end = time.monotonic() + _PATIENCE
    pause = _FIRST_PAUSE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise TimeoutError(
                    errno.ETIMEDOUT,
                    f"another process has kept its lock for {_PATIENCE:.0f} seconds",
                    str(path),
                ) from None
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            return


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
