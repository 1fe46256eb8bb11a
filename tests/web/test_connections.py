"""Connections that last: who may open them, and when they are to end."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from flask import Flask, stream_with_context
from flask_sock import Sock
from flask_socketio import SocketIO
from simple_websocket import Client as WebSocket
from simple_websocket import ConnectionClosed
from wsproto.events import Ping

from authz import Authz, can, current_subject, still_allowed
from authz.extension import get_authz
from tests.served_app import served
from tests.web.apps import CHEAP_ALICE, CHEAP_BOB, POLICY, Client, browser_of

RULES = "p, role:user, /socket.io/, GET|POST\np, role:user, /live, GET\n"
PEER = {"AUTHZ_PROXY_PRESET": "authelia", "AUTHZ_TRUSTED_PROXIES": "127.0.0.1"}


@contextmanager
def at(app: Flask) -> Iterator[str]:
    """Serve *app* with a real server; give its address without a scheme."""
    try:
        with served(app) as url:
            yield url.removeprefix("http://")
    finally:
        get_authz(app).runtime.close()


def bare(tmp_path: Path, policy: str = RULES + POLICY, **config: str) -> Flask:
    """Return an app that is to be guarded."""
    (tmp_path / "policy.csv").write_text(policy)
    app = Flask("guarded")
    app.config.update(
        AUTHZ_POLICY=str(tmp_path / "policy.csv"),
        AUTHZ_ADMIN="alice",
        AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE,
        AUTHZ_USER="bob",
        AUTHZ_USER_PASSWORD=CHEAP_BOB,
        AUTHZ_COOKIE_NAME="authz",
        **config,
    )
    return app


def cookie_of_bob(app: Flask) -> dict[str, str]:
    """Return the headers with which bob is signed in."""
    client = browser_of(app, "bob")
    return {"Cookie": "; ".join(f"{k}={v}" for k, v in client.cookies.items())}


def fetched(address: str, headers: dict[str, str], body: bytes | None = None) -> bytes:
    """Return what is answered."""
    with urlopen(Request(address, body, headers=headers)) as answer:  # noqa: S310
        return bytes(answer.read())


@contextmanager
def connected(address: str, headers: dict[str, str]) -> Iterator[WebSocket]:
    """Open a WebSocket; close it, with its socket, which the library leaves open.

    What comes in one piece with the answer to the handshake, on a busy machine, the
    library hands out with what comes next only: so the server is asked for a pong.
    """
    ws = WebSocket(address, headers=headers)
    ws.sock.send(ws.ws.send(Ping()))
    try:
        yield ws
    finally:
        with suppress(ConnectionClosed, OSError):
            ws.close()
        ws.thread.join()
        ws.sock.close()


def refused(host: str, path: str, headers: dict[str, str] | None = None) -> bool:
    """Return whether a WebSocket is refused before it is one."""
    connection = HTTPConnection(host, timeout=60)
    connection.request(
        "GET",
        path,
        headers={
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            **(headers or {}),
        },
    )
    try:
        return connection.getresponse().status in {302, 401, 403}
    finally:
        connection.close()


#: The libraries' threads read from a socket that the server may close meanwhile.
closing = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)


@closing
@pytest.mark.parametrize("order", ["before", "after"])
def test_socket_io_is_behind_the_policy(tmp_path: Path, order: str):
    """Both transports, whether Flask-SocketIO was there before the guard or after."""
    app = bare(tmp_path)
    heard: list[str] = []
    # Its pings come between the answers on a machine that is slow enough.
    socketio = SocketIO(async_mode="threading", ping_interval=3600)

    @socketio.on("connect")
    def connect() -> None:
        heard.append(f"{current_subject.name} {can('GET', '/map')}")

    if order == "before":
        socketio.init_app(app)
    Authz(app)
    if order == "after":
        socketio.init_app(app)
    bob = cookie_of_bob(app)
    polling = "/socket.io/?EIO=4&transport=polling"
    with at(app) as host:
        stranger = Client(app)(path=polling)
        assert refused(host, "/socket.io/?EIO=4&transport=websocket")
        opened = fetched(f"http://{host}{polling}", bob)
        sid = json.loads(opened[1:])["sid"]
        own = f"http://{host}{polling}&sid={sid}"
        assert fetched(own, bob, b"40") == b"OK"
        assert fetched(own, bob).startswith(b"40{")
        address = f"ws://{host}/socket.io/?EIO=4&transport=websocket"
        with connected(address, bob) as ws:
            assert ws.receive(timeout=60).startswith("0{")
            ws.send("40")
            assert ws.receive(timeout=60).startswith("40{")

    assert (stranger.status, "sid" in stranger.text) == (302, False)
    assert heard == ["user:bob True", "user:bob True"]


@closing
def test_flask_sock_is_behind_the_policy(tmp_path: Path):
    """Its routes are routes of the app; what a page elsewhere opens is refused."""
    app = bare(tmp_path, **PEER)
    Authz(app)
    sock = Sock(app)

    @sock.route("/live")
    def live(ws: object) -> None:
        while True:  # until the client closes
            ws.receive()  # type: ignore[attr-defined]
            ws.send(f"{current_subject.name} {still_allowed()}")  # type: ignore[attr-defined]

    bob = {"Remote-User": "bob", "Remote-Groups": "users"}
    app_policy = tmp_path / "policy.csv"
    app_policy.write_text(app_policy.read_text() + "g, group:users, role:user\n")
    get_authz(app).runtime.refresh()
    with at(app) as host:
        address = f"ws://{host}/live"
        assert refused(host, "/live")
        assert refused(host, "/live", {**bob, "Origin": "https://evil.test"})
        # The client leaves the port out of its Host.
        for headers in (bob, {**bob, "Origin": "http://127.0.0.1"}):
            with connected(address, headers) as ws:
                ws.send("who am I")
                assert ws.receive(timeout=60) == "user:authelia/bob True"


@pytest.mark.parametrize("gone", ["session", "role"])
def test_a_stream_that_asks_ends(tmp_path: Path, gone: str):
    """A decision is made at the beginning; `still_allowed` says when it is over."""
    app = bare(tmp_path)
    Authz(app)
    step = threading.Event()

    @app.get("/live")
    def live() -> object:
        def events() -> Iterator[str]:
            yield "begun\n"
            step.wait(120)
            yield f"{still_allowed()}\n"

        return app.response_class(stream_with_context(events()))

    bob = cookie_of_bob(app)
    runtime = get_authz(app).runtime
    with at(app) as host:
        answer = urlopen(Request(f"http://{host}/live", headers=bob))
        assert answer.readline() == b"begun\n"
        if gone == "role":
            policy = (tmp_path / "policy.csv").read_text()
            (tmp_path / "policy.csv").write_text(
                f"{policy}p, user:bob, /live, *, deny\n"
            )
            runtime.refresh()
        else:
            (session,) = runtime.sessions.of("bob")
            runtime.sessions.store.end(session)
        step.set()
        assert answer.readline() == b"False\n"
        answer.close()
