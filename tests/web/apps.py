"""An app to guard, and a client that sends exactly what it is told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes, urlencode

from argon2 import PasswordHasher
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import run_wsgi_app

from authz import Authz
from authz.audit import AuditEvent, AuditSink

#: As cheap as argon2id gets; what is tested here is not the hash.
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_FORM = "application/x-www-form-urlencoded"
ALICE, BOB = "alice's password", "bob's password"
CHEAP_ALICE, CHEAP_BOB = _CHEAP.hash(ALICE), _CHEAP.hash(BOB)

POLICY = """
p, role:everyone, /health, GET
p, role:everyone, /static/*, GET
p, role:user, /, GET
p, role:user, /map, GET
p, role:user, /chat/, GET
p, role:user, /api/similar/:id, GET
p, role:user, /api/playlist, POST
p, role:admin, /*, *
"""
#: Settings of an app that keeps people in a database; its policy may be changed.
KEPT: dict[str, Any] = {
    "AUTHZ_STORE": "sqlite:///{folder}/authz.db",
    "AUTHZ_POLICY_WRITABLE": True,
}
#: Settings of an app to which nobody has a password.
NO_ACCOUNTS: dict[str, Any] = {
    "AUTHZ_ADMIN": None,
    "AUTHZ_ADMIN_PASSWORD": None,
    "AUTHZ_USER": None,
    "AUTHZ_USER_PASSWORD": None,
}
#: Settings of an app whose policy has scopes, and may be changed.
SCOPED: dict[str, Any] = {
    "AUTHZ_MODEL": "model-scoped.conf",
    "AUTHZ_POLICY_WRITABLE": True,
}


class RecordingSink:
    """Keeps every event, written as every sink that lasts writes it."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []

    def record(self, event: AuditEvent) -> None:
        """Keep *event*; one that cannot be written fails here."""
        assert event.as_json()
        self.events.append(event)

    @property
    def tags(self) -> list[str]:
        """The kinds of events, in order."""
        return [str(event.tag) for event in self.events]


def sent(body: bytes, kind: str = "application/json") -> dict[str, Any]:
    """Return the part of an environ that carries *body*, which is of a *kind*."""
    return {
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }


@dataclass
class Answer:
    """What a WSGI app answered."""

    status: int
    headers: Headers
    text: str

    @property
    def json(self) -> Any:
        """The JSON document that it is."""
        return json.loads(self.text)

    @property
    def ran(self) -> str | None:
        """The handler that ran, if one did."""
        return self.headers.get("X-Handler")


class Client:
    """Calls an app with an environ made by hand: nothing is tidied on the way."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.cookies: dict[str, str] = {}

    def __call__(
        self,
        method: str = "GET",
        path: str = "/",
        *,
        form: dict[str, str] | None = None,
        environ: dict[str, Any] | None = None,
        **headers: str,
    ) -> Answer:
        """Send one request. *headers* are environ names without `HTTP_`."""
        raw, _, query = path.partition("?")
        env: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": unquote_to_bytes(raw).decode("latin-1"),
            "SCRIPT_NAME": "",
            "QUERY_STRING": query,
            "SERVER_NAME": "app.test",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": "gunicorn/27.0.1",
            "REMOTE_ADDR": "192.0.2.1",
            "HTTP_HOST": "app.test",
            # As a browser asks for a page.
            "HTTP_ACCEPT": "text/html,application/xhtml+xml,*/*;q=0.8",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
            "wsgi.errors": BytesIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if form is not None:
            env |= sent(urlencode(form).encode(), _FORM)
        if self.cookies:
            env["HTTP_COOKIE"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        env.update({f"HTTP_{name.upper()}": value for name, value in headers.items()})
        env.update(environ or {})
        parts, status, answered = run_wsgi_app(self.entry(), env, buffered=True)
        return self.took(int(status[:3]), answered, b"".join(parts).decode())

    def entry(self) -> Any:
        """Return what is called."""
        return self.app.wsgi_app

    def send_body(self, method: str, path: str, body: bytes) -> Answer:
        """Send a form that is spelled already, with fields that come several times."""
        return self(method, path, environ=sent(body, _FORM))

    def took(self, status: int, headers: Headers, text: str) -> Answer:
        """Keep the cookies that came along, and return the answer."""
        for cookie in headers.getlist("Set-Cookie"):
            name, _, rest = cookie.partition("=")
            value = rest.partition(";")[0]
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return Answer(status, headers, text)

    @property
    def form_token(self) -> str:
        """What ties a form to this browser, whatever the cookie is called."""
        tokens = [v for k, v in self.cookies.items() if k.endswith("-form")]
        return next(iter(tokens), "")

    def sign_in(
        self,
        name: str,
        password: str,
        *,
        environ: dict[str, Any] | None = None,
        **form: str,
    ) -> Answer:
        """Open the form, fill it in and send it, both with *environ*."""
        self(path="/authz/sign-in", environ=environ)
        form |= {"username": name, "password": password, "csrf_token": self.form_token}
        return self("POST", "/authz/sign-in", form=form, environ=environ)


_Client = TypeVar("_Client", bound=Client)


def browser_of(app: Flask, name: str, kind: type[_Client] = Client) -> _Client:
    """Return a browser in which *name* signed in; all but alice use bob's password."""
    client = kind(app)
    password = ALICE if name == "alice" else BOB
    assert client.sign_in(name, password).status == 303
    return client


def add_routes(app: Flask) -> None:
    """Add pages and an API, each of which says in a header that it ran."""

    def route(path: str, name: str, methods: list[str]) -> None:
        def view(**_: Any) -> tuple[str, dict[str, str]]:
            return name, {"X-Handler": name}

        app.add_url_rule(path, name, view, methods=methods)

    route("/", "index", ["GET"])
    route("/health", "health", ["GET"])
    route("/map", "map", ["GET"])
    route("/chat/", "chat", ["GET"])
    route("/admin", "admin", ["GET"])
    route("/files/<path:name>", "files", ["GET"])
    route("/api/similar/<id>", "similar", ["GET"])
    route("/api/playlist", "playlist", ["POST"])
    route("/api/analysis", "analysis", ["POST"])


def guarded_app(
    path: Path,
    policy: str,
    sink: AuditSink,
    *,
    app: Flask | None = None,
    authz: Mapping[str, Any] | None = None,
    **config: Any,
) -> Flask:
    """Return an app that the *policy*, written to *path*, guards for alice and bob.

    It is *app*, if it brings its own routes. *authz* is said to `Authz`. In settings
    `{folder}` is that of the policy.
    """
    path.write_text(policy, encoding="utf-8")
    if app is None:
        app = Flask("guarded")
        add_routes(app)
    app.config.update(
        AUTHZ_POLICY=str(path),
        AUTHZ_ADMIN="alice",
        AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE,
        AUTHZ_USER="bob",
        AUTHZ_USER_PASSWORD=CHEAP_BOB,
        AUTHZ_COOKIE_NAME="authz",
    )
    for name, value in config.items():
        text = isinstance(value, str)
        folder = str(path.parent)
        app.config[name] = value.replace("{folder}", folder) if text else value
    Authz(app, audit=sink, **authz or {})
    return app
