"""A small authoriser that answers as Authentik's outpost does, to the letter.

For what a real relying party would never send: the tests decide each answer. Tokens
are signed as a proxy provider of Authentik signs them, with HS256 and the client
secret, and its key set is empty: the JSON object `{}`.
"""

import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt

_COOKIE = "authentik_proxy"
_PREFIX = "/outpost.goauthentik.io/"

Headers = Sequence[tuple[str, str]]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Outpost:
    """The authoriser; sessions are cookie values and the headers they are answered."""

    def __init__(self) -> None:
        #: What the key set's address answers.
        self.key_set: Mapping[str, Any] = {}
        #: What the issuer says of itself; None: it says nothing (404).
        self.discovery: Mapping[str, Any] | None = None
        #: How many seconds its clock is ahead.
        self.ahead = 0.0
        self._sessions: dict[str, Headers] = {}
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.port: int = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        ).start()

    @property
    def issuer(self) -> str:
        """The `iss` of its tokens, with the slash at its end that Authentik writes."""
        return f"http://127.0.0.1:{self.port}/application/o/music/"

    def session(self, headers: Headers) -> tuple[str, str]:
        """Return the cookie of a client whose requests are answered *headers*."""
        name = f"session{len(self._sessions)}"
        self._sessions[name] = headers
        return "Cookie", f"{_COOKIE}={name}"

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outpost = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path.startswith(f"{_PREFIX}auth/"):
                    outpost._authorise(self)
                elif self.path.endswith("/jwks/"):
                    _reply(self, 200, body=json.dumps(outpost.key_set).encode())
                elif self.path.endswith("/openid-configuration"):
                    found = outpost.discovery
                    status = 404 if found is None else 200
                    _reply(self, status, body=json.dumps(found).encode())
                else:
                    _reply(self, 200, body=b"the sign-in page")

            do_POST = do_HEAD = do_GET  # noqa: N815 - http.server's names

            def date_time_string(self, timestamp: float | None = None) -> str:
                return formatdate(
                    (timestamp or time.time()) + outpost.ahead, usegmt=True
                )

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _authorise(self, asked: BaseHTTPRequestHandler) -> None:
        cookies = SimpleCookie(asked.headers.get("Cookie", ""))
        known = self._sessions.get(cookies[_COOKIE].value) if cookies else None
        if known is not None:
            _reply(asked, 200, known)
        elif asked.path.endswith("/nginx"):
            _reply(asked, 401)
        else:
            _reply(asked, 302, [("Location", f"{_PREFIX}start")])


def _reply(
    to: BaseHTTPRequestHandler, status: int, headers: Headers = (), body: bytes = b""
) -> None:
    to.send_response(status)
    for name, value in headers:
        to.send_header(name, value)
    to.send_header("Content-Length", str(len(body)))
    to.end_headers()
    to.wfile.write(body)


def claims(
    issuer: str, client_id: str, name: str, groups: Sequence[str]
) -> dict[str, Any]:
    """Return the claims of a token as Authentik makes them for a proxy provider."""
    now = int(time.time())
    return {
        "iss": issuer,
        "sub": f"{name}-hashed",
        "aud": client_id,
        "exp": now + 3600,
        "iat": now,
        "auth_time": now,
        "acr": "goauthentik.io/providers/oauth2/default",
        "amr": ["pwd"],
        "sid": "a session",
        "email": f"{name}@home.test",
        "email_verified": False,
        "name": name.capitalize(),
        "given_name": name.capitalize(),
        "preferred_username": name,
        "nickname": name,
        "groups": list(groups),
        "ak_proxy": {"user_attributes": {}, "is_superuser": False},
        "azp": client_id,
        "uid": "an id of the token",
    }


def answer_for(
    secret: str, made: Mapping[str, Any], *, token: str | None = None
) -> list[tuple[str, str]]:
    """Return the twelve headers with which the outpost answers for the claims *made*.

    The token among them is signed with *secret*, or is *token*.
    """
    return [
        ("X-authentik-username", made["preferred_username"]),
        ("X-authentik-groups", "|".join(made["groups"])),
        ("X-authentik-entitlements", ""),
        ("X-authentik-email", made["email"]),
        ("X-authentik-name", made["name"]),
        ("X-authentik-uid", made["sub"]),
        ("X-authentik-jwt", token or jwt.encode(dict(made), secret, "HS256")),
        ("X-authentik-meta-jwks", f"{made['iss']}jwks/"),
        ("X-authentik-meta-outpost", "authentik Embedded Outpost"),
        ("X-authentik-meta-provider", "music"),
        ("X-authentik-meta-app", "music"),
        ("X-authentik-meta-version", "goauthentik.io/outpost/2026.8.6"),
    ]
