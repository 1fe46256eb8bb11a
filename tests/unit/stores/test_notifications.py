"""Connections to Redis, as hints and limits use them."""

import gc
from typing import Any

import pytest
import redis

from authz.stores.notifications import Listener, bounded_pool
from tests.services import Redis


@pytest.mark.usefixtures("newer_objects")
@pytest.mark.slow
def test_a_connection_that_nobody_has_any_more_is_closed(redis_server: Redis):
    """Also if the collector comes to its socket first, which warns of being open."""
    older: list[Any] = []
    client = redis.Redis(connection_pool=bounded_pool(redis_server.url, seconds=60.0))
    client.ping()
    connection = client.connection_pool.get_connection()
    older.append(connection._sock)
    client.connection_pool.release(connection)
    younger: list[Any] = [client]
    del client, connection
    # What survives is kept in the order in which it was reached: the socket first.
    gc.collect()
    older.clear()
    younger.append(younger)
    del younger

    gc.collect()  # a warning fails the test


class Source:
    """Hints that come when the test says so."""

    def __init__(self) -> None:
        self.closed = False
        self.said: list[bool | Exception] = []

    def wait(self, *_: object) -> bool:
        """Say the next thing."""
        said = self.said.pop(0) if self.said else False
        if isinstance(said, Exception):
            raise said
        return said

    def close(self) -> None:
        """Note it."""
        self.closed = True


def test_a_listener_opens_its_source_again():
    """Each time it wakes whoever listens: hints may have been lost meanwhile."""
    sources: list[Source] = []
    woken: list[int] = []

    def open_() -> Source:
        sources.append(Source())
        return sources[-1]

    listener = Listener(open_, lambda: woken.append(1))
    listener._step()
    assert (len(woken), listener.problem) == (1, None)
    sources[0].said = [True, OSError("gone")]
    listener._step()
    assert len(woken) == 2
    listener._step()
    assert sources[0].closed
    assert "gone" in str(listener.problem)
    listener._step()
    assert (len(sources), len(woken), listener.problem) == (2, 3, None)
    listener.close()
    assert sources[1].closed
