"""A server on loopback that speaks real HTTP, and can be awkward in many ways."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

#: What a sign-in page of a proxy looks like to a program.
PAGE = b"<!doctype html><title>Sign in</title>"


class Trouble(StrEnum):
    """What goes wrong with answers."""

    #: It accepts the connection and closes it without a word.
    HANGS_UP = "hangs-up"
    #: It says how much will come, sends half of it and closes its side.
    HALF_CLOSED = "half-closed"
    #: It takes longer than anybody waits.
    SLOW = "slow"
    #: It sends one byte now and then, each before a timeout of the socket.
    DRIPS = "drips"
    #: The same, within the body.
    DRIPS_LATER = "drips-later"
    #: The same, where a body in chunks says how long the next one is.
    DRIPS_CHUNK = "drips-chunk"
    #: It is starting: a page, with status 503 and when to come again.
    STARTING = "starting"
    #: It was asked too often.
    TOO_MANY = "too-many"
    #: The body is no UTF-8.
    NOT_UTF8 = "not-utf8"
    #: JSON so deep that a parser runs out of stack.
    TOO_DEEP = "too-deep"
    #: It sends everybody to another server.
    REDIRECTS = "redirects"
    #: It sends more than anybody wants.
    HUGE = "huge"
    #: A small answer that becomes a huge one.
    COMPRESSED = "compressed"
    #: A page instead of JSON, with status 200.
    PAGE = "page"
    #: A good answer that says it is plain text.
    WRONG_TYPE = "wrong-type"
    #: JSON of something else.
    OTHER_JSON = "other-json"
    #: JSON, but no object.
    LIST = "list"
    #: Nothing at all, with status 200.
    EMPTY = "empty"
    #: It failed inside.
    FAILS = "fails"
    #: A good answer in chunks; no trouble for a good client.
    CHUNKED = "chunked"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> list[tuple[str, str]]:
        """The parameters in the body."""
        return parse_qsl(self.body.decode(), keep_blank_values=True)

    @property
    def document(self) -> Any:
        """The JSON in the body."""
        return json.loads(self.body) if self.body else None


class HangUp(Exception):
    """To be raised for an answer: the connection is closed without a word."""


@dataclass
class Loopback:
    """A server; a subclass answers for one product."""

    #: What goes wrong from the request with this number on, counted from 0.
    trouble: Trouble | None = None
    trouble_from: int = 0
    #: From this one on all is well again.
    trouble_until: int = 1_000_000
    #: Everything that came, in order.
    seen: list[Seen] = field(default_factory=list)
    #: The first line of every request as it came over the wire.
    lines: list[str] = field(default_factory=list)
    #: Where `REDIRECTS` leads to.
    elsewhere: str = "http://127.0.0.1:1/"
    #: Replaces the answer of the product, if set.
    answers: Callable[[Seen], tuple[int, Any]] | None = None
    #: Set when a client went before it was answered.
    left: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: Seen) -> tuple[int, Any]:
        """Return status and document, None is an empty body; or raise `HangUp`."""
        raise NotImplementedError

    def start(self, tls: ssl.SSLContext | None = None) -> Self:
        """Listen on a free port of 127.0.0.1."""
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.005}
        )
        self._thread.start()
        self._scheme = "https" if tls else "http"
        self.closing = threading.Event()
        return self

    def close(self) -> None:
        """Stop listening, and wait for whoever is being answered."""
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        """Its address."""
        return f"{self._scheme}://127.0.0.1:{self.port}"


@dataclass
class FakeList:
    """A playlist."""

    owner: str
    name: str
    tracks: list[str]
    public: bool = False


@dataclass
class FakeMusic(Loopback):
    """A server with playlists, which are somebody's."""

    #: Playlists by id.
    lists: dict[str, FakeList] = field(default_factory=dict)

    def public(self) -> set[str]:
        """Return the names of the playlists that everybody sees."""
        return {found.name for found in self.lists.values() if found.public}

    def tracks(self, playlist: str) -> list[str]:
        """Return what is in a playlist."""
        return self.lists[playlist].tracks


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to print."""


def _handler(server: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 120

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            finally:
                if not server.seen:  # it went before it had asked
                    server.left.set()

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            request = Seen(
                method=self.command,
                path=parts.path,
                query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                headers={key.lower(): value for key, value in self.headers.items()},
                body=self.rfile.read(length),
            )
            server.seen.append(request)
            server.lines.append(self.requestline)
            trouble = server.trouble
            number = len(server.seen) - 1
            if not server.trouble_from <= number < server.trouble_until:
                trouble = None
            status, document = 200, None
            try:
                status, document = (server.answers or server.answer)(request)
            except HangUp:
                trouble = Trouble.HANGS_UP
            body = b"" if document is None else json.dumps(document).encode()
            try:
                _send(self, server, trouble, status, body)
            except OSError:
                server.left.set()

        do_GET = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815

    return Handler


#: What becomes of an answer: its status, body, kind and headers.
_SPOILED: dict[Trouble, Callable[[Loopback, bytes], dict[str, Any]]] = {
    Trouble.NOT_UTF8: lambda _, body: {"body": body[:-1] + b', "x": "\xff\xfe"}'},
    Trouble.TOO_DEEP: lambda *_: {"body": b"[" * 200_000},
    Trouble.REDIRECTS: lambda server, _: {
        "status": 302,
        "body": b"",
        "headers": {"Location": server.elsewhere},
    },
    Trouble.PAGE: lambda *_: {"body": PAGE, "kind": "text/html"},
    Trouble.WRONG_TYPE: lambda *_: {"kind": "text/plain"},
    Trouble.OTHER_JSON: lambda *_: {"body": b'{"message": "hello", "result": "x"}'},
    Trouble.LIST: lambda *_: {"body": b"[1, 2, 3]"},
    Trouble.EMPTY: lambda *_: {"body": b""},
    Trouble.FAILS: lambda *_: {"status": 500, "body": b"oh", "kind": "text/plain"},
    Trouble.STARTING: lambda *_: {
        "status": 503,
        "body": PAGE,
        "kind": "text/html",
        "headers": {"Retry-After": "005"},
    },
    Trouble.TOO_MANY: lambda *_: {"status": 429, "body": PAGE, "kind": "text/html"},
    Trouble.COMPRESSED: lambda *_: {"headers": {"Content-Encoding": "gzip"}},
}


def _send(
    handler: BaseHTTPRequestHandler,
    server: Loopback,
    trouble: Trouble | None,
    status: int,
    body: bytes,
) -> None:
    if trouble is Trouble.HANGS_UP:
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)
        return
    if trouble is Trouble.SLOW:
        # Nothing more is sent by a client that waits; the end comes when it goes.
        handler.connection.settimeout(120)
        handler.connection.recv(1)
        server.left.set()
        return
    if trouble is Trouble.DRIPS:
        _drip(handler, server, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 500)
        return
    answer: dict[str, Any] = {
        "status": status,
        "body": body,
        "kind": "application/json; charset=utf-8",
        "headers": {},
    }
    if trouble in _SPOILED:
        answer |= _SPOILED[trouble](server, body)
    handler.send_response(answer["status"])
    # Else it would wait for the next request of a client that keeps its connections.
    handler.send_header("Connection", "close")
    handler.send_header("Content-Type", answer["kind"])
    for name, value in answer["headers"].items():
        handler.send_header(name, value)
    _send_body(handler, server, trouble, answer["body"])


def _send_body(
    handler: BaseHTTPRequestHandler,
    server: Loopback,
    trouble: Trouble | None,
    body: bytes,
) -> None:
    if trouble is Trouble.CHUNKED:
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for start in range(0, len(body), 7):
            part = body[start : start + 7]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        handler.wfile.write(b"0\r\n\r\n")
        return
    if trouble is Trouble.DRIPS_CHUNK:
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        _drip(handler, server, b"0" * 500)
        return
    if trouble is Trouble.HUGE:
        handler.send_header("Content-Length", str(1 << 40))
        handler.end_headers()
        while not server.closing.is_set():
            handler.wfile.write(b" " * (1 << 20))
        return
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if trouble is Trouble.HALF_CLOSED:
        handler.wfile.write(body[: len(body) // 2])
        handler.wfile.flush()
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_WR)
    elif trouble is Trouble.DRIPS_LATER:
        _drip(handler, server, body[:-1])
    else:
        handler.wfile.write(body)


def _drip(handler: BaseHTTPRequestHandler, server: Loopback, data: bytes) -> None:
    for byte in data:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        if server.closing.wait(0.02):
            return
