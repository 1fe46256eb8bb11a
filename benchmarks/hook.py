"""What the hook adds to a request: in process, and behind a server."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask

from authz import Authz
from authz.extension import get_authz
from benchmarks.results import Bar
from benchmarks.turns import Compared, in_turns

ROOT = Path(__file__).parents[1]
POLICY = """\
p, role:everyone, /health, GET
p, role:user, /, GET
p, role:user, /map, GET
p, role:user, /api/similar/:id, GET
p, role:user, /api/playlists, GET|POST
p, role:admin, /*, *
"""
CALLS = 1_000
#: A turn has them several times, in short shares.
SERVER_CALLS = 300
SERVER_ROUNDS = 5
SETTINGS = {
    "AUTHZ_COOKIE_NAME": "authz",
    "AUTHZ_ADMIN": "alice",
    "AUTHZ_ADMIN_PASSWORD": "alice's long password",
    "AUTHZ_USER": "bob",
    "AUTHZ_USER_PASSWORD": "bob's long password",
}


def make_app(*, guarded: bool) -> Flask:
    """Return an app of a few routes, guarded or not."""
    app = Flask("benchmarked")

    @app.get("/api/similar/<song>")
    def similar(song: str) -> str:
        return song

    for path in ("/", "/map", "/health", "/api/playlists", "/users", "/config"):
        app.add_url_rule(path, path, lambda: "x")
    if guarded:
        app.config.update(SETTINGS, AUTHZ_POLICY=os.environ["BENCH_POLICY"])
        if "BENCH_AUDIT" in os.environ:
            app.config["AUTHZ_AUDIT_FILE"] = os.environ["BENCH_AUDIT"]
        Authz(app)
    return app


def _environ(path: str, cookie: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "HTTP_COOKIE": cookie,
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _call(app: Flask, environ: dict[str, Any], status: str = "200") -> float:
    """Return what one call of `wsgi_app` costs, in microseconds of the processor.

    What is written in the background is in it; what other programs do is not.
    """
    wsgi_app = app.wsgi_app

    def start_response(given: str, *_: Any) -> None:
        if given[:3] != status:
            raise AssertionError(given)

    begun = time.process_time_ns()
    for _ in range(CALLS):
        wsgi_app(dict(environ), start_response).close()  # type: ignore[attr-defined,arg-type]
    return (time.process_time_ns() - begun) / CALLS / 1000


def in_process() -> tuple[Compared, Compared]:
    """Compare, in microseconds, a bare call with a guarded one, that with a refusal."""
    bare, guarded = make_app(guarded=False), make_app(guarded=True)
    runtime = get_authz(guarded).runtime
    session = runtime.sessions.store.begin(
        runtime.accounts.by_name["bob"], runtime.policy
    )
    cookie = f"authz={session.token}"
    environ = _environ("/api/similar/42", cookie)
    refused = _environ("/config", cookie) | {"HTTP_ACCEPT": "text/html"}
    hook = in_turns(lambda: _call(bare, environ), lambda: _call(guarded, environ))
    refusal = in_turns(
        lambda: _call(guarded, environ), lambda: _call(guarded, refused, "403")
    )
    runtime.close()
    return hook, refusal


class Server:
    """gunicorn with one process and several threads, and one connection to it."""

    def __init__(self, *, guarded: bool) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._process = subprocess.Popen(
            [
                *(
                    sys.executable,
                    "-m",
                    "gunicorn",
                    "--bind",
                    f"127.0.0.1:{self._port}",
                ),
                *("--threads", "4", "--keep-alive", "30", "--log-level", "error"),
                f"benchmarks.hook:make_app(guarded={guarded})",
            ],
            cwd=ROOT,
            # What is refused is logged too; it would drown what is measured here.
            stderr=subprocess.DEVNULL,
        )
        self._cookie = ""
        self._connect()
        if guarded:
            self._sign_in()

    def _connect(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", self._port), 60)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                continue
            return

    def _sign_in(self) -> None:
        page = self._exchange("GET /authz/sign-in HTTP/1.1")
        token = re.search(r"authz-form=([\w-]+)", page)
        assert token is not None  # noqa: S101 - the server is ours
        body = f"username=bob&password=bob's long password&csrf_token={token[1]}"
        answer = self._exchange(
            "POST /authz/sign-in HTTP/1.1",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
            f"Cookie: authz-form={token[1]}",
            body=body.replace(" ", "+"),
        )
        session = re.search(r"authz=[\w-]+", answer)
        assert session is not None  # noqa: S101 - likewise
        self._cookie = session[0]

    def _exchange(self, *lines: str, body: str = "") -> str:
        head = "\r\n".join([*lines, "Host: localhost", "", ""])
        self._socket.sendall((head + body).encode())
        return self._answer()

    def _answer(self) -> str:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._socket.recv(65536)
        head, _, rest = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        while length and len(rest) < int(length[1]):
            rest += self._socket.recv(65536)
        return (head + b"\r\n\r\n" + rest).decode("latin-1")

    def get(self, path: str, status: int = 200) -> None:
        """Ask for *path* as bob, and see that the answer has *status*."""
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n"
            f"Cookie: {self._cookie or 'authz=' + 43 * 'x'}\r\n\r\n".encode()
        )
        answer = self._answer()
        if f" {status} " not in answer[:16]:
            raise AssertionError(answer)

    def requests_per_second(
        self, path: str = "/api/similar/42", status: int = 200
    ) -> float:
        """Return how many requests of bob's are answered in a second."""
        begun = time.perf_counter()
        for _ in range(SERVER_CALLS):
            self.get(path, status)
        return SERVER_CALLS / (time.perf_counter() - begun)

    def close(self) -> None:
        """Stop the server."""
        self._socket.close()
        self._process.terminate()
        self._process.wait(10)


def behind_gunicorn() -> tuple[Compared, Compared]:
    """Compare requests a second: unguarded with guarded, allowed with refused."""
    bare, guarded = Server(guarded=False), Server(guarded=True)
    try:
        return (
            in_turns(
                bare.requests_per_second,
                guarded.requests_per_second,
                rounds=SERVER_ROUNDS,
            ),
            in_turns(
                guarded.requests_per_second,
                lambda: guarded.requests_per_second("/config", 403),
                rounds=SERVER_ROUNDS,
            ),
        )
    finally:
        bare.close()
        guarded.close()


def bars() -> Iterator[Bar]:
    """Yield what is promised of the hook and of refusals, and what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.csv"
        path.write_text(POLICY, encoding="utf-8")
        os.environ["BENCH_POLICY"] = str(path)
        os.environ["BENCH_AUDIT"] = str(path.with_name("audit.jsonl"))
        call, refusal = in_process()
        yield Bar(
            promise="the hook at most 20 % of a bare in-process call",
            measured=f"{call.share - 1:.1%} ({call.other - call.one:.1f} us on "
            f"{call.one:.1f} us; whole calls: {call.spread})",
            holds=call.share <= 1.2,
        )
        yield Bar(
            promise="a refusal (403 page) at most 3 times an allowed page",
            measured=f"{refusal.share:.2f} times ({refusal.other:.0f} us, allowed "
            f"{refusal.one:.0f} us; {refusal.spread})",
            holds=refusal.share <= 3,
        )
        served, flood = behind_gunicorn()
        yield Bar(
            promise="a guarded app behind gunicorn at least 97 % of an unguarded one",
            measured=f"{served.share:.1%} ({served.other:,.0f} of {served.one:,.0f} "
            f"a second; {served.spread})",
            holds=served.share >= 0.97,
        )
        yield Bar(
            promise="a flood of audited refusals at least 80 % of allowed requests",
            measured=f"{flood.share:.1%} ({flood.other:,.0f} of {flood.one:,.0f} "
            f"a second; {flood.spread})",
            holds=flood.share >= 0.8,
        )
