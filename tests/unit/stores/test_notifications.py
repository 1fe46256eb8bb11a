"""Connections to Redis, as hints and limits use them."""

import gc
from typing import Any

import pytest
import redis

from authz.stores.notifications import bounded_pool
from tests.services import Redis


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
