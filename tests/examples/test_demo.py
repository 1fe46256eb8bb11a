"""The demo shows in a minute what each of its two accounts may do."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from authz.cli import flask_group
from authz.extension import get_authz
from examples.demo.app import create_app
from tests.web.apps import ALICE, BOB, CHEAP_ALICE, CHEAP_BOB, Client

ROOT = Path(__file__).parents[2]
FOR_USERS = ("/", "/map", "/chat", "/similar", "/playlists")
FOR_ADMINS = ("/analysis", "/clustering", "/config", "/users")


@pytest.fixture(name="app")
def _app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("AUTHZ_ADMIN", "alice")
    monkeypatch.setenv("AUTHZ_ADMIN_PASSWORD", CHEAP_ALICE)
    monkeypatch.setenv("AUTHZ_USER", "bob")
    monkeypatch.setenv("AUTHZ_USER_PASSWORD", CHEAP_BOB)
    app = create_app()
    yield app
    get_authz(app).runtime.close()


def menu(page: str) -> set[str]:
    """Return where the menu of a page leads."""
    navigation = re.search(r"<nav.*?</nav>", page, re.DOTALL)
    assert navigation
    return set(re.findall(r'href="([^"]+)"', navigation[0]))


def test_an_admin_gets_everything(app: Flask):
    """The menu has every page, and every page opens."""
    alice = Client(app)
    alice.sign_in("alice", ALICE)

    assert {*FOR_USERS, *FOR_ADMINS} <= menu(alice(path="/").text)
    for page in (*FOR_USERS, *FOR_ADMINS):
        assert alice(path=page).status == 200
    assert alice("POST", "/api/analysis/start").status == 202
    assert alice("PUT", "/api/config").status == 200


def test_a_user_sees_no_administration(app: Flask):
    """What the menu leaves out is refused as well, pages and API alike."""
    bob = Client(app)
    bob.sign_in("bob", BOB)
    shown = menu(bob(path="/").text)

    assert set(FOR_USERS) <= shown
    assert not shown & set(FOR_ADMINS)
    for page in FOR_USERS:
        assert bob(path=page).status == 200
    for page in FOR_ADMINS:
        assert bob(path=page).status == 403
    for method, path in (
        ("POST", "/api/analysis/start"),
        ("POST", "/api/clustering/start"),
        ("GET", "/api/config"),
        ("PUT", "/api/config"),
    ):
        assert bob(method, path).status == 403


def test_a_user_makes_a_playlist_without_script(app: Flask):
    """A plain form does it; the list shows whose it is, markup and all."""
    bob = Client(app)
    bob.sign_in("bob", BOB)

    answer = bob("POST", "/api/playlists", form={"name": "<b>calm</b>"})

    assert (answer.status, answer.headers["Location"]) == (303, "/playlists")
    page = bob(path="/playlists").text
    assert "&lt;b&gt;calm&lt;/b&gt;" in page
    assert "<b>calm" not in page


def test_a_stranger_gets_the_sign_in_page(app: Flask):
    """Everything but the health check and the style sheets asks who you are."""
    stranger = Client(app)

    assert stranger(path="/health").status == 200
    assert stranger(path="/static/demo.css").status == 200
    assert stranger(path="/authz/static/authz.css").status == 200
    for page in (*FOR_USERS, *FOR_ADMINS):
        assert stranger(path=page).status == 302
    assert stranger(path="/api/similar/1").status == 401


def test_every_route_is_covered(app: Flask):
    """`flask authz routes` finds nothing that no rule speaks of."""
    result = app.test_cli_runner().invoke(flask_group, ["routes"])

    assert result.exit_code == 0, result.output
