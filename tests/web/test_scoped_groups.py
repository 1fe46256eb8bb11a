"""Groups of a proxy that give roles in scopes: whoever asks who holds what knows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from authz import Authz
from authz.extension import get_authz
from authz.identity.people import Person
from tests.cli.commands import document, flask_run
from tests.web.apps import (
    CHEAP_ALICE,
    KEPT,
    NO_ACCOUNTS,
    SCOPED,
    RecordingSink,
    browser_of,
    guarded_app,
)
from tests.web.pages.walk import hidden

POLICY = """\
p, role:admin, *, /*, *
p, role:listener, *, /page, GET
p, role:listener, library:*, /api/:library/tracks, GET
g, user:alice, role:admin, *
"""
PERSON = "/authz/admin/people/person"
KIDS = ("--header", "Remote-User: dan", "--header", "Remote-Groups: music-kids")


@pytest.fixture(name="app")
def _app(tmp_path: Path) -> Iterator[Flask]:
    yield from made(tmp_path, AUTHZ_SCOPED_GROUPS="music-{library} listener")


def made(folder: Path, **more: str) -> Iterator[Flask]:
    """Yield an app behind a proxy, with a policy that has scopes."""
    app = Flask("grouped", static_folder=None)

    @app.get("/api/<library>/tracks")
    @Authz.scoped("library", path="library")
    def tracks(library: str) -> str:
        return library

    app.add_url_rule("/page", "page", lambda: "page")
    settings = {
        **NO_ACCOUNTS,
        **SCOPED,
        **KEPT,
        "AUTHZ_PROXY_PRESET": "authelia",
        "AUTHZ_TRUSTED_PROXIES": "127.0.0.1",
        "AUTHZ_ACCOUNTS": f"alice:nothing:{CHEAP_ALICE}",
    }
    path = folder / "policy.csv"
    guarded_app(path, POLICY, RecordingSink(), app=app, **settings, **more)
    yield app
    get_authz(app).runtime.close()


def test_who_somebody_is_says_where_their_groups_give_a_role(app: Flask):
    """A role in one library is not shown as one everywhere."""
    told = flask_run(app, "whoami", *KIDS, "--from", "127.0.0.1")
    printed = flask_run(app, "whoami", *KIDS, "--from", "127.0.0.1", "--json")
    (held,) = document(printed, "whoami")["roles"]

    assert held["scopes"] == ["library:kids"]
    line = "group:music-kids -> role:listener (AUTHZ_SCOPED_GROUPS) in library:kids"
    assert line in told.output


def test_the_doctor_knows_what_groups_give(app: Flask, tmp_path: Path):
    """It lists it; where nobody from the proxy could have a role, it says so."""
    told = flask_run(app, "doctor").output
    assert "policy.csv, 3 rules" in told
    assert (
        "`music-{library}` gives `role:listener` in the library that it names" in told
    )
    assert "all of them are refused" not in told
    (tmp_path / "none").mkdir()
    for other in made(tmp_path / "none"):
        told = flask_run(other, "doctor").output
        assert "nobody from authelia has a role" in told
        assert "`g, group:<name>, role:user, *`" in told


def test_looking_as_somebody_shows_what_their_groups_give(app: Flask):
    """Their library and no other; their page names it."""
    dan = Person(
        id="authelia/dan",
        display_name="dan",
        source="authelia",
        groups=frozenset({"group:music-kids"}),
    )
    get_authz(app).context.people.seen([dan])
    alice = browser_of(app, "alice")
    (person,) = [
        each
        for each in alice(path="/authz/api/v1/people").json["items"]
        if each["id"] == "authelia/dan"
    ]
    assert [(r["role"], r["scopes"]) for r in person["roles"]] == [
        ("role:listener", ["library:kids"])
    ]
    page = alice(path=f"{PERSON}?id=authelia/dan").text
    assert "library:kids" in page

    token = hidden(page, f"{PERSON}/sign-out")["csrf_token"]
    form = {"csrf_token": token, "id": "authelia/dan"}
    assert alice("POST", f"{PERSON}/view-as", form=form).status == 303
    assert alice(path="/api/kids/tracks").status == 200
    assert alice(path="/api/old/tracks").status == 403


@pytest.mark.parametrize(("also", "exit_code"), [("", 3), ("group:bosses", 0)])
def test_a_role_that_groups_give_in_scopes_keeps_no_administrator(
    tmp_path: Path, also: str, exit_code: int
):
    """The last of the whole is not let go for administrators of libraries."""
    without = POLICY.replace("g, user:alice, role:admin, *\n", "")
    if also:
        without += f"g, {also}, role:admin, *\n"
    (tmp_path / "new.csv").write_text(without, encoding="utf-8")
    for app in made(tmp_path, AUTHZ_SCOPED_GROUPS="boss-{library} admin"):
        new = str(tmp_path / "new.csv")
        applied = flask_run(app, "apply", new, "--note", "because")

        assert applied.exit_code == exit_code, applied.output
        if exit_code:
            assert "nobody who can sign in could administer" in applied.stderr
