"""A real web server that publishes keys: as it should, and in every wrong way."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Behaviour = Callable[[BaseHTTPRequestHandler], None]


class KeyServer:
    """Answers on a loopback port, as `behave` says at that moment."""

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        #: The paths that were asked for.
        self.asked: list[str] = []
        self.arrived = threading.Semaphore(0)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.arrived.release()
                try:
                    outer.behave(self)
                except OSError:
                    self.close_connection = True  # the client has had enough

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    @property
    def url(self) -> str:
        """Where the keys are."""
        return f"http://127.0.0.1:{self._server.server_port}/keys"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def answer(body: bytes, status: int = 200, **headers: str) -> Behaviour:
    """Answer *body*. *headers* are spelled with `_`."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def redirect(location: str) -> Behaviour:
    """Send the client elsewhere."""
    return answer(b"", 302, Location=location)


def hang(until: threading.Event) -> Behaviour:
    """Say nothing until told."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        until.wait(120)

    return behave


def trickle(until: threading.Event) -> Behaviour:
    """Send a byte now and then, for ever."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not until.is_set():
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.02)

    return behave


def flood(handler: BaseHTTPRequestHandler) -> None:
    """Send without end."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" " * 65_536)
