"""Calls something again and again in the background, in each process that serves."""

import logging
import os
import random
import threading
import weakref
from collections.abc import Callable
from typing import Final

_log: Final = logging.getLogger("authz")
#: Processes that started together should not look together.
_JITTER: Final = 0.2

_pollers: "weakref.WeakSet[Poller]" = weakref.WeakSet()


class Poller:
    """A daemon thread that calls *refresh* every *interval* seconds.

    Threads do not survive a fork; a started poller starts itself again in the child.
    The thread ends with its poller: an app that nobody uses any more is not kept.
    """

    def __init__(
        self,
        refresh: Callable[[], object],
        *,
        interval: float | Callable[[], float],
        name: str = "authz-poller",
        at_once: bool = False,
    ) -> None:
        """Prepare to call *refresh*; an *interval* that can be called is asked anew.

        *at_once*: a forked child calls without waiting first.
        """
        self._refresh = refresh
        self._interval = interval
        self._name = name
        self._at_once = at_once
        self._bell = threading.Event()
        self._thread: threading.Thread | None = None
        _pollers.add(self)

    @property
    def is_running(self) -> bool:
        """Whether the thread of this process is running."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin to call. Starting a running poller does nothing."""
        if self.is_running:
            return
        # A new one: a thread of the parent process may have held the old one's lock.
        self._bell = threading.Event()
        self._thread = threading.Thread(
            target=_run,
            args=(weakref.ref(self), self._bell),
            name=self._name,
            daemon=True,
        )
        self._thread.start()

    def wake(self) -> None:
        """Make the next call happen now. Returns at once."""
        self._bell.set()

    def sleep(self, seconds: float) -> None:
        """Wait, within a call; less long if the poller is woken or closed."""
        self._bell.wait(seconds)

    def close(self) -> None:
        """Stop calling, and wait until the call that may be running is over."""
        thread, self._thread = self._thread, None
        self._bell.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def after_fork(self) -> None:
        """Start again in a child process, if it was running in the parent."""
        if self._thread is not None:
            self._thread = None
            self.start()
            if self._at_once:
                self.wake()

    def __del__(self) -> None:
        self._bell.set()

    def _call(self) -> None:
        try:
            self._refresh()
        except Exception:  # noqa: BLE001 - nothing may end the watch
            _log.exception("a call in the background failed; it goes on")

    def _seconds(self) -> float:
        return self._interval() if callable(self._interval) else self._interval


def _run(reference: "weakref.ref[Poller]", bell: threading.Event) -> None:
    # Its own generator: the app may have seeded the shared one.
    jitter = random.Random()  # noqa: S311 - no secret
    while (poller := reference()) is not None:
        pause = poller._seconds() * jitter.uniform(1 - _JITTER, 1)  # noqa: SLF001
        del poller
        bell.wait(pause)
        bell.clear()
        poller = reference()
        if poller is None or poller._thread is not threading.current_thread():  # noqa: SLF001
            return
        poller._call()  # noqa: SLF001
        del poller


def _after_fork() -> None:
    for poller in list(_pollers):
        poller.after_fork()


os.register_at_fork(after_in_child=_after_fork)
