"""The app's own error handlers render a refusal, if its settings say so."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request

from tests.web.apps import Client, browser_of


def with_handlers(app: Flask) -> Flask:
    """Give *app* handlers of its own, as the how-to shows them."""

    def refused(error: Any) -> Any:
        refusal = getattr(error, "refusal", None)
        number = refusal.request_id if refusal else None
        if request.path.startswith("/api/"):
            return {"error": error.description, "request": number}, error.code
        said = f"{error.description} {refusal.reason} {refusal.sign_in_url}"
        return f"<h1>Ours</h1>{said}", error.code

    app.register_error_handler(401, refused)
    app.register_error_handler(403, refused)
    return app


@pytest.fixture(name="guarded")
def _guarded(make_app: Callable[..., Flask]) -> Flask:
    return with_handlers(make_app(AUTHZ_ERROR_HANDLERS="true"))


def test_a_page(guarded: Flask):
    """The handler for 401 meets strangers, that for 403 whoever is signed in."""
    stranger, bob = Client(guarded), browser_of(guarded, "bob")

    assert stranger(path="/map").status == 401
    assert "Ours" in stranger(path="/map").text
    assert "sign-in-required" in stranger(path="/map").text
    assert stranger(path="/map").text.endswith("/authz/sign-in?next=%2Fmap")
    answer = bob(path="/admin")
    assert (answer.status, answer.headers["Cache-Control"]) == (403, "no-store")
    assert "Ours" in answer.text
    assert answer.text.endswith("access-denied None")


def test_json(guarded: Flask, sink: Any):
    """An API keeps its own format; the number is that of the audit log."""
    answer = Client(guarded)(path="/api/playlists")

    assert answer.status == 401
    assert f'"request":"{sink.events[-1].request_id}"' in answer.text.replace(" ", "")


def test_authz_has_its_own(guarded: Flask):
    """Below /authz/ nothing changes."""
    stranger = Client(guarded)

    assert stranger(path="/authz/admin/").status == 302
    assert '"type"' in stranger(path="/authz/api/v1/rules").text


def test_without_the_setting(make_app: Callable[..., Flask]):
    """The handlers are for the app's own errors."""
    app = with_handlers(make_app())

    assert Client(app)(path="/map").status == 302


@pytest.mark.parametrize("answer", ["fine", ("fine", 200), ZeroDivisionError])
def test_a_handler_that_lets_through(make_app: Callable[..., Flask], answer: Any):
    """Whatever it does, the request stays refused."""
    app = make_app(AUTHZ_ERROR_HANDLERS="true")

    def handler(_: Exception) -> Any:
        if answer is ZeroDivisionError:
            raise ZeroDivisionError
        return answer

    app.register_error_handler(Exception, handler)
    bob = browser_of(app, "bob")
    got = bob(path="/admin")

    assert got.status == 403
    assert got.ran is None
