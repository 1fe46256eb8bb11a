"""How long a whole call may take, however its peer spreads out its answer.

A time-out of a socket is for one read: whoever sends a byte now and then is never
late. A deadline is for all reads and writes of one call. Whoever talks to a peer says
`within` how many seconds it has to be over; whatever talks on its behalf asks for what
is `remaining`, and has its socket watched: it is cut when the time is up.

    with within(10.0):
        connection = connect(timeout=min(3.0, remaining()))
        watch(connection.sock)
        ...
"""

import contextlib
import math
import socket
import threading
import time
from collections.abc import Iterator
from typing import Final

_this_thread: Final = threading.local()


class _Deadline:
    """The end of one call, and the sockets that it cuts."""

    def __init__(self, end: float) -> None:
        self.end = end
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._timer: threading.Timer | None = None
        self._over = False

    def watch(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.add(sock)
            if self._timer is None and not self._over:
                seconds = max(0.0, self.end - time.monotonic())
                self._timer = threading.Timer(seconds, self._cut)
                self._timer.daemon = True
                self._timer.start()

    def close(self) -> None:
        with self._lock:
            self._over = True
            if self._timer is not None:
                self._timer.cancel()
            self._sockets.clear()

    def _cut(self) -> None:
        with self._lock:
            for sock in self._sockets:
                # Whoever is reading from it reads the end.
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Have what this thread does inside be over in *seconds*; the earlier end holds."""
    outer: _Deadline | None = getattr(_this_thread, "deadline", None)
    end = time.monotonic() + seconds
    if outer is not None and outer.end <= end:
        yield
        return
    deadline = _this_thread.deadline = _Deadline(end)
    try:
        yield
    finally:
        _this_thread.deadline = outer
        deadline.close()


def remaining() -> float:
    """Return how many seconds are left in this thread; infinity without a deadline."""
    deadline: _Deadline | None = getattr(_this_thread, "deadline", None)
    return math.inf if deadline is None else deadline.end - time.monotonic()


def watch(sock: socket.socket | None) -> None:
    """Have *sock* cut when the time is up, if there is a deadline in this thread."""
    deadline: _Deadline | None = getattr(_this_thread, "deadline", None)
    if deadline is not None and sock is not None:
        deadline.watch(sock)
