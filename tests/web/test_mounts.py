"""Other WSGI apps beside the guarded one are guarded too, unless they are declared."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from authz import Authz
from tests.cli.commands import flask_run
from tests.web.apps import Client, browser_of

MakeApp = Callable[..., Flask]


def other(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer everything."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Handler", "other")])
    return [environ["SCRIPT_NAME"].encode() + environ["PATH_INFO"].encode()]


def mount(app: Flask, mounted: Any) -> None:
    """Mount an app at `/sub`."""
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/sub": mounted})  # type: ignore[method-assign]


def test_a_mount_is_behind_the_policy(make_app: MakeApp):
    """An app that is mounted around the guarded one needs no word to be guarded."""
    app = make_app("p, role:user, /sub/open/*, GET\np, role:admin, /*, *\n")
    mount(app, other)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    bob, stranger = browser_of(app, "bob"), Client(app)

    assert bob(path="/sub/open/x").text == "/sub/open/x"
    assert bob(path="/sub/admin").ran is None
    assert stranger(path="/sub/open/x").status == 302
    assert stranger("POST", "/sub/open/x").status == 401


def test_a_declared_mount_is_the_operators_choice(make_app: MakeApp):
    """AUTHZ_MOUNTS says that an app guards itself."""
    app = make_app(AUTHZ_MOUNTS="/sub")
    mount(app, other)

    assert Client(app)(path="/health").ran == "health"
    assert Client(app)(path="/sub/x").ran == "other"


@pytest.fixture(name="guarded")
def _guarded(make_app: MakeApp) -> Flask:
    app = make_app(
        "p, role:user, /sub/open/*, GET\np, role:user, /, GET\np, role:admin, /*, *\n"
    )
    mount(app, Authz.guard_mount(app, "/sub", other))
    return app


def test_a_guarded_mount_asks_the_policy(guarded: Flask):
    """Requests to it are decided by their whole path, like any other."""
    alice, bob = browser_of(guarded, "alice"), browser_of(guarded, "bob")
    stranger = Client(guarded)

    assert bob(path="/sub/open/x").text == "/sub/open/x"
    assert bob(path="/sub/admin").status == 403
    assert alice(path="/sub/admin").ran == "other"
    assert stranger(path="/sub/open/x").status == 302
    assert stranger("POST", "/sub/open/x").status == 401


@pytest.mark.parametrize(
    "path", ["/sub/open/../admin", "/sub//admin", "/sub/open/%2e%2e/x", "/sub/a%00"]
)
def test_a_guarded_mount_wants_plain_paths(guarded: Flask, path: str):
    """What the mounted app could read differently is refused before it is asked."""
    alice = browser_of(guarded, "alice")

    assert alice(path=path).status == 400


def test_a_missing_page_of_the_app_opens_no_mount(guarded: Flask):
    """That the outer app has no such route does not make it anybody's."""
    bob = browser_of(guarded, "bob")

    assert bob(path="/sub/admin").ran is None
    assert bob(path="/sub").ran is None


def test_a_change_for_a_mount_is_told(guarded: Flask, tmp_path: Path):
    """What a mounted app serves counts, though it is no route of the app."""
    policy = Path(guarded.config["AUTHZ_POLICY"])
    new = tmp_path / "new.csv"
    new.write_text(policy.read_text() + "p, role:everyone, /sub/open/*, GET\n")
    printed = flask_run(guarded, "diff", str(policy), str(new), "--effect").output

    assert "GET /sub/open/* (part of /sub/<path:mounted>)" in printed
    assert "1 opened to everyone" in " ".join(printed.split())
    assert "everyone, signed in or not" in printed
