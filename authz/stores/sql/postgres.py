"""What PostgreSQL needs: limits on how long anything may take, on both sides."""

import time
from collections.abc import Generator
from typing import Any, Final

import psycopg
from sqlalchemy import URL

from authz.deadline import remaining
from authz.stores.sql.tables import CHANNEL

#: Seconds until an attempt to connect is given up.
CONNECT_TIMEOUT: Final = 3
#: The same for somebody who would rather do without.
_SHORT_TIMEOUT: Final = 2
#: Seconds until the server is asked to give a statement up, or a wait for a lock.
_STATEMENT_TIMEOUT: Final = 5
_LOCK_TIMEOUT: Final = 4
#: Seconds a transaction may do nothing: a process that was stopped holds no lock.
_IDLE_TIMEOUT: Final = 10
#: Seconds without an answer until the connection is given up: a server that hangs
#: cannot enforce its own limits.
_ANSWER_TIMEOUT: Final = 8.0

_NO_ANSWER: Final = "the server gave no answer in time"


class BoundedConnection(psycopg.Connection[Any]):
    """A connection on which nothing waits for ever."""

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        """Wait for an answer, as long as is reasonable.

        Raises:
            psycopg.OperationalError: if there is none; the connection is closed then.
        """
        return super().wait(self._bounded(gen), *args, **kwargs)

    def _bounded(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        # The library resumes a waiting generator several times a second.
        deadline = time.monotonic() + min(_ANSWER_TIMEOUT, remaining())
        try:
            ready = yield next(gen)
            while True:
                if time.monotonic() > deadline:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(_NO_ANSWER)
                ready = yield gen.send(ready)
        except StopIteration as done:
            return done.value


def connect(*args: Any, **kwargs: Any) -> BoundedConnection:
    """Connect as `psycopg.connect` does, with limits."""
    left = remaining()
    if left <= 0:
        raise psycopg.OperationalError(_NO_ANSWER)
    hurry = left < CONNECT_TIMEOUT
    kwargs.setdefault("connect_timeout", _SHORT_TIMEOUT if hurry else CONNECT_TIMEOUT)
    kwargs.setdefault("application_name", "authz")
    kwargs["options"] = " ".join(
        [
            str(kwargs.get("options") or ""),
            f"-c statement_timeout={_STATEMENT_TIMEOUT}s",
            f"-c lock_timeout={_LOCK_TIMEOUT}s",
            f"-c idle_in_transaction_session_timeout={_IDLE_TIMEOUT}s",
        ]
    ).strip()
    return BoundedConnection.connect(*args, **kwargs)


class Notifications:
    """What other processes tell by NOTIFY, on a connection of its own."""

    def __init__(self, url: URL) -> None:
        """Listen at the database at *url*."""
        self._connection = psycopg.connect(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT,
            application_name="authz hints",
            # A server that is gone without a word is noticed within a minute.
            keepalives_idle=20,
            keepalives_interval=10,
            keepalives_count=3,
        )
        self._connection.execute(f"LISTEN {CHANNEL}")

    def wait(self, seconds: float, _: object) -> bool:
        """Wait for a hint; return whether there was one."""
        try:
            return any(list(self._connection.notifies(timeout=seconds, stop_after=1)))
        except psycopg.Error:
            # The last thing that a server said before it stopped.
            if self._connection.pgconn.notifies() is None:
                raise
            return True

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()
