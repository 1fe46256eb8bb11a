"""The demo shows in a minute what each of its two accounts may do."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from authz.cli import flask_group
from authz.extension import get_authz
from examples.demo.app import create_app
from tests.web.api.client import Api
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


class TestTwoLibraries:
    """Anna has both libraries, bob only the one for children."""

    @pytest.fixture(name="app")
    def _app(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Flask]:
        monkeypatch.chdir(ROOT)
        policy = shutil.copy(ROOT / "examples/demo/libraries.csv", tmp_path)
        for name, value in {
            "AUTHZ_ADMIN": "alice",
            "AUTHZ_ADMIN_PASSWORD": CHEAP_ALICE,
            # As settings of an account without a rule: it gives them nothing.
            "AUTHZ_ACCOUNTS": f"anna:guest:{CHEAP_BOB}\nbob:guest:{CHEAP_BOB}",
            "AUTHZ_POLICY": str(policy),
            "AUTHZ_POLICY_WRITABLE": "true",
            "AUTHZ_MODEL": str(ROOT / "model-scoped.conf"),
        }.items():
            monkeypatch.setenv(name, value)
        app = create_app()
        yield app
        get_authz(app).runtime.close()

    @staticmethod
    def everything_of(app: Flask, name: str) -> dict[str, object]:
        """Return what pages, API, search and counts show to somebody."""
        client = Client(app)
        assert client.sign_in(name, BOB).status == 303
        listed = json.loads(client(path="/api/songs").text)
        wish = client("POST", "/api/chat", form={"ask": "calm"}).headers["Location"]
        return {
            "songs": {song["library"] for song in listed["songs"]},
            "count": listed["count"],
            "home": "Thunder Without Rain" in client(path="/").text,
            "map": "Thunder Without Rain" in client(path="/map").text,
            "similar": "Copper Wire" in client(path="/similar?song=3").text,
            "one": client(path="/api/similar/9").status,
            "search": client(path=wish).text.count('<li><a href="/similar?song='),
            "kids": client(path="/api/libraries/kids/songs").status,
            "originals": client(path="/api/libraries/originals/songs").status,
            "admin": client(path="/config").status,
        }

    def test_who_sees_what(self, app: Flask):
        """Pages, API, search results and counts agree, for each of them."""
        assert self.everything_of(app, "anna") == {
            "songs": {"kids", "originals"}, "count": 12, "home": True, "map": True,
            "similar": True, "one": 200, "search": 4, "kids": 200, "originals": 200,
            "admin": 403,
        }  # fmt: skip
        assert self.everything_of(app, "bob") == {
            "songs": {"kids"}, "count": 5, "home": False, "map": False,
            "similar": False, "one": 404, "search": 2, "kids": 200, "originals": 403,
            "admin": 403,
        }  # fmt: skip

    def test_a_library_more_for_bob(self, app: Flask):
        """Over the API it is in force at once, and gone when it is taken away."""
        client = Client(app)
        client.sign_in("alice", ALICE)
        api = Api(client)
        line = {"member": "user:bob", "role": "role:user", "scope": "library:originals"}
        made = api("POST", "/grants", line, match="*")
        assert self.everything_of(app, "bob") == self.everything_of(app, "anna")
        path = made.headers["Location"].removeprefix("/authz/api/v1")
        assert api("DELETE", path, match=api.etag).status == 204
        assert self.everything_of(app, "bob")["count"] == 5

    def test_what_the_app_calls_its_libraries(self, app: Flask):
        """Is on the page of a person, also of a library that no line names."""
        client = Client(app)
        client.sign_in("alice", ALICE)
        page = client(path="/authz/admin/people/person?id=bob&role=role:user").text

        assert "<bdi>For children</bdi>" in page
        assert "<bdi>Originals</bdi>" in page

    def test_every_route_is_declared(self, app: Flask):
        """`flask authz routes` shows which library a request names, and is content."""
        result = app.test_cli_runner().invoke(flask_group, ["routes"])

        assert result.exit_code == 0, result.output
        assert "library (path:library)" in result.output
