"""Hints that a store has changed: they only make the next look at it happen sooner.

A hint that is lost costs seconds, never a wrong decision. What it says is never policy.
"""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import MethodType
from typing import Any, Final, Protocol
from weakref import WeakMethod, finalize

from authz.background import Poller
from authz.deadline import watch, within
from authz.errors import StoreError

#: Seconds one wait for hints lasts: so long may closing take.
WAIT: Final = 0.5
#: Seconds between two hints that are passed on: a flood of changes is one change.
_CALM: Final = 0.1
#: Seconds until the first and between later tries, where hints cannot be had.
_FIRST_RETRY: Final = 0.25
#: No longer: without hints a change is seen by the next look only.
_MAX_PAUSE: Final = 1.0
#: Seconds that who has changed something waits until others have been told.
_TELL: Final = 0.5
_CHANNEL: Final = "authz:changed"

#: Connections of a parent process: never used again, and never closed here.
_leaked: list[object] = []


Sleep = Callable[[float], object]


class NotificationSource(Protocol):
    """Where hints come from."""

    def wait(self, seconds: float, sleep: Sleep) -> bool:
        """Wait for a hint; return whether there was one.

        Whoever has nothing to wait for may *sleep*, which ends when it is over.
        Raises whatever goes wrong; then it is closed, and opened again later.
        """

    def close(self) -> None:
        """Let go of what is open."""


class Listener:
    """Wakes somebody when a hint comes. Goes on, whatever happens to its source."""

    def __init__(
        self,
        open_: Callable[[], NotificationSource],
        wake: Callable[[], object],
        *,
        hinted: Callable[[], object] | None = None,
    ) -> None:
        """Prepare to call *wake* for each hint of what *open_* returns.

        A method is called as long as there is its object; listening does not keep it.
        *hinted* is called before that, but not where a hint may have been missed.
        """
        self._open = open_
        self._wake = _weakly(wake)
        self._hinted = _weakly(hinted or _nothing)
        self._source: NotificationSource | None = None
        self._process = 0
        self._pause = 0.0
        #: Why there are no hints, or None if there are.
        self.problem: str | None = "not asked yet"
        self.poller = Poller(self._step, interval=self._seconds, name="authz-hints")

    def start(self) -> None:
        """Begin to listen."""
        self.poller.start()

    def close(self) -> None:
        """Stop, and let go of the source."""
        self.poller.close()
        self._let_go()

    def _seconds(self) -> float:
        return self._pause or 0.001

    def _step(self) -> None:
        if self._wake() is None:
            self.close()
            return
        if self._process != os.getpid():
            _leaked.append(self._source)
            self._source, self._process = None, os.getpid()
        try:
            if self._source is None:
                self._source = self._open()
                # Whatever was hinted at before is found by this look.
                self._tell()
            if self._source.wait(WAIT, self.poller.sleep):
                if (hinted := self._hinted()) is not None:
                    hinted()
                self._tell()
                self.poller.sleep(_CALM)
        except Exception as error:  # noqa: BLE001 - without hints it only takes longer
            self.problem = f"{type(error).__name__}: {error}"
            self._let_go()
            self._pause = min(max(_FIRST_RETRY, self._pause * 2), _MAX_PAUSE)
        else:
            self.problem, self._pause = None, 0.0

    def _tell(self) -> None:
        if (wake := self._wake()) is not None:
            wake()

    def _let_go(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            with suppress(Exception):
                source.close()


def _weakly(call: Callable[[], object]) -> Callable[[], Callable[[], object] | None]:
    return WeakMethod(call) if isinstance(call, MethodType) else lambda: call


def _nothing() -> None:
    """Tell nobody."""


def redis_driver() -> Any:
    """Return the library that talks to Redis.

    Raises:
        StoreError: if it is not installed.
    """
    try:
        import redis
    except ImportError as error:
        raise StoreError(
            "AUTHZ_REDIS_URL: Redis needs a driver: "
            'run `pip install "authz-casbin[redis]"`'
        ) from error
    return redis


def bounded_pool(url: str, *, seconds: float) -> Any:
    """Return connections to the Redis server at *url*, for calls with a deadline.

    *seconds* is how long connecting, and each read, may take; the whole call is cut by
    `authz.deadline.within`. Nothing is tried again: somebody waits for the answer.

    Raises:
        StoreError: if the driver is not installed.
    """
    driver = redis_driver()
    pool = driver.ConnectionPool.from_url(
        url,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=driver.retry.Retry(driver.backoff.NoBackoff(), 0),
    )
    base = pool.connection_class
    pool.connection_class = type(f"Bounded{base.__name__}", (_Bounded, base), {})
    return pool


class _Bounded:
    """A connection that is cut at the deadline of the call it is used for.

    It belongs to a thread, and nobody is told when that ends: the socket is closed as
    soon as the connection is gone, in whatever order the collector finds the two.
    """

    _sock: socket.socket | None

    def _connect(self) -> socket.socket:
        connected: socket.socket = super()._connect()  # type: ignore[misc]
        finalize(self, connected.close).atexit = False
        return connected

    def send_packed_command(self, *arguments: Any, **options: Any) -> Any:
        """Send a command; its answer, too, has to come before the deadline."""
        if self._sock is None:
            self.connect()  # type: ignore[attr-defined]
        watch(self._sock)
        return super().send_packed_command(*arguments, **options)  # type: ignore[misc]


class RedisNotifications:
    """Tells other processes by Redis, and is told."""

    def __init__(self, url: str) -> None:
        """Use the server at *url*, which may hold a password.

        Raises:
            StoreError: if the driver is not installed.
        """
        redis = redis_driver()
        self._make: Callable[[], Any] = lambda: redis.Redis(
            connection_pool=bounded_pool(url, seconds=_TELL)
        )
        self._local = threading.local()

    def tell(self) -> None:
        """Tell all processes, this one too. What goes wrong is of no matter."""
        try:
            with within(_TELL):
                self._client().publish(_CHANNEL, b"")
        except Exception:  # noqa: BLE001 - they find out by themselves, a little later
            self._local.client = None

    def open(self) -> "RedisSource":
        """Return what other processes tell."""
        return RedisSource(self._make())

    def _client(self) -> Any:
        if getattr(self._local, "process", None) != os.getpid():
            _leaked.append(getattr(self._local, "client", None))
            self._local.client, self._local.process = None, os.getpid()
        if self._local.client is None:
            self._local.client = self._make()
        return self._local.client


class RedisSource:
    """A subscription at a Redis server."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._subscribed = client.pubsub(ignore_subscribe_messages=True)
        self._subscribed.subscribe(_CHANNEL)

    def wait(self, seconds: float, _: Sleep) -> bool:
        """Wait for a hint; return whether there was one."""
        # Answers to the subscription itself are no message; one call may end early.
        return self._subscribed.get_message(timeout=seconds) is not None

    def close(self) -> None:
        """Let go of the connections."""
        self._subscribed.close()
        self._client.close()
