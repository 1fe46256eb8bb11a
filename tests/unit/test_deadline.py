"""A peer that sends a byte now and then, for ever, is cut off at the deadline."""

import math
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from authz.deadline import remaining, watch, within
from authz.identity import fetch
from authz.identity.fetch import Unreachable
from authz.stores.notifications import bounded_pool


class Dripping:
    """Answers whoever comes with a beginning, and then with one byte after another."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._over.set()
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._socket.accept()
                threading.Thread(target=self._drip, args=(peer,), daemon=True).start()

    def _drip(self, peer: socket.socket) -> None:
        with suppress(OSError), peer:
            peer.sendall(self._beginning)
            while not self._over.wait(0.01):
                peer.sendall(b"x")


@pytest.fixture(name="server")
def _server(request: pytest.FixtureRequest) -> Iterator[Dripping]:
    server = Dripping(request.param)
    yield server
    server.close()


@pytest.mark.parametrize(
    "server",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nServer: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    ],
    indirect=True,
    ids=["status", "headers", "body", "endless-body"],
)
def test_keys_that_drip(server: Dripping, monkeypatch: pytest.MonkeyPatch):
    """In the status line, in a header, in the body."""
    monkeypatch.setattr(fetch, "_DEADLINE", 0.2)

    with pytest.raises(Unreachable):
        fetch.fetch(f"http://127.0.0.1:{server.port}/jwks")


@pytest.mark.parametrize("server", [b"", b"$100000\r\n"], indirect=True)
def test_redis_that_drips(server: Dripping):
    """Also while the connection is only being made."""
    redis = pytest.importorskip("redis")
    pool = bounded_pool(f"redis://127.0.0.1:{server.port}/0", seconds=5.0)
    client = redis.Redis(connection_pool=pool)

    with within(0.2), pytest.raises(redis.ConnectionError):
        client.get("x")
    client.close()


#: Authenticated, ready, and the head of a message that is never over.
_AUTHENTICATED = b"R\0\0\0\x08\0\0\0\0"
_READY = b"Z\0\0\0\x05I"
_BEGUN = b"S\0\0\x70\0"


@pytest.mark.slow
@pytest.mark.parametrize(
    "server",
    [b"R\0\0\x07\x00", _AUTHENTICATED + _BEGUN, _AUTHENTICATED + _READY + _BEGUN],
    indirect=True,
    ids=["greeting", "parameters", "answer"],
)
def test_postgresql_that_drips(server: Dripping):
    """While the connection is made, and in the answer to a statement."""
    psycopg = pytest.importorskip("psycopg")
    from authz.stores.sql.postgres import connect

    where = f"host=127.0.0.1 port={server.port} user=a dbname=a"
    with within(1.0), pytest.raises(psycopg.OperationalError, match=r"time|no answer"):
        connect(f"{where} sslmode=disable gssencmode=disable").execute("SELECT 1")


def test_the_earlier_end_holds():
    """A call within a call has no more time than what is left of it."""
    assert remaining() == math.inf
    with within(50.0):
        with within(100.0):
            assert remaining() <= 50.0
        with within(10.0):
            assert remaining() <= 10.0
        assert 10.0 < remaining() <= 50.0
    assert remaining() == math.inf


def test_a_call_that_was_in_time_is_not_cut_later():
    """Its connection goes back to a pool."""
    one, other = socket.socketpair()
    with one, other:
        with within(0.01):
            watch(one)
        for timer in threading.enumerate():
            if isinstance(timer, threading.Timer):
                timer.join()
        one.sendall(b"still there")
        assert other.recv(100) == b"still there"
