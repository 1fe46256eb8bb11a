"""AudioMuse-AI attached as a whole, a database, and a music server that is called.

Everything is done with the app's own routes and the forms of the pages, as people do.
"""

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from authz_audiomuse.music.attach import EXTENSION
from authz_audiomuse.music.listed import ServerKind

from authz.extension import get_authz
from tests.adapters.audiomuse.houses import (
    SECRETS,
    WORDS,
    House,
    music_server,
    people,
    playlist,
    settings,
)
from tests.adapters.audiomuse.rig import ACCOUNTS, Rig, guarded
from tests.adapters.music.rigs import WITH_ACCOUNTS
from tests.web.apps import ALICE
from tests.web.pages.walk import send

pytestmark = pytest.mark.slow

ADMIN = {name: ACCOUNTS[name] for name in ("AUTHZ_ADMIN", "AUTHZ_ADMIN_PASSWORD")}


class Attached(House):
    """One that runs in this process."""

    rig: Rig


@pytest.fixture(name="set_up")
def _set_up(tmp_path: Path) -> Iterator[Callable[[ServerKind], Attached]]:
    with ExitStack() as stack:

        def set_up(kind: ServerKind, **more: str) -> Attached:
            music, host, line = stack.enter_context(music_server(kind))
            store = f"sqlite:///{tmp_path}/authz.db"
            rig = stack.enter_context(
                guarded(host, **ADMIN, **settings(store, line), **more)
            )
            stack.callback(get_authz(rig.app).runtime.close)
            stack.callback(rig.app.extensions[EXTENSION].close)
            house = Attached(kind, music, rig.stranger)
            house.rig = rig
            return house

        yield set_up


@pytest.fixture(name="house")
def _house(set_up: Callable[[ServerKind], Attached]) -> Attached:
    """With Jellyfin: bob has an account of his own there, carol uses the app's."""
    house = set_up(ServerKind.JELLYFIN)
    people(house)
    return house


@pytest.mark.parametrize("kind", WITH_ACCOUNTS)
def test_whose_each_playlist_is(
    kind: ServerKind, set_up: Callable[[ServerKind], Attached]
):
    """Bob's are in bob's account; carol's, the admin's and programs' in the app's."""
    house = set_up(kind)
    alice = people(house)
    bob, carol = house.signed_in("bob"), house.signed_in("carol")

    made = [
        playlist(bob, "bob's"),
        bob.json(
            "POST",
            "/chat/api/create_playlist",
            {"playlist_name": "bob's chat", "item_ids": ["3"]},
        ),
        playlist(carol, "carol's"),
        playlist(alice, "alice's"),
        house.machine(
            "POST",
            "/api/create_playlist",
            {"playlist_name": "a plugin's", "track_ids": ["1"]},
        ),
    ]

    assert [json.loads(answer.text).keys() for answer in made] == [
        {"playlist_id"}
    ] * len(made)
    assert house.owners() == {
        "bob's": "dan",
        "bob's chat": "dan",
        "carol's": "admin",
        "alice's": "admin",
        "a plugin's": "admin",
    }
    assert house.music.tracks(json.loads(made[0].text)["playlist_id"]) == ["1", "2"]


class TestNobodyGetsIntoAnothersAccount:
    """Bob is after the admin's."""

    def test_what_a_field_cannot_do(self, house: Attached):
        """Addresses, credentials and other people's names are refused."""
        bob = house.signed_in("bob")
        for more in (
            {"user_creds": {"token": "shared"}},
            {"user_creds": {"user_id": "x", "token": "shared"}},
            {"user_creds": {"url": "http://evil.test", "token": "x"}},
            {"url": "http://evil.test"},
            {"jellyfin_url": "http://evil.test"},
            {"server": "attic"},
            {"api_key": "shared"},
            {"username": "admin"},
        ):
            answer = playlist(bob, "stolen", **more)

            assert answer.status == 403, more
            assert answer.headers["Content-Type"] == "application/problem+json", more
            assert house.owners() == {}, more

    def test_the_name_of_another_account_is_passed_over(self, house: Attached):
        """The app's own page sends it; the playlist is bob's all the same."""
        admin = house.music.accounts["admin"].id
        bob = house.signed_in("bob")
        sent = {"user_creds": {"user_id": admin, "user_identifier": admin}}

        assert playlist(bob, "bob's", **sent).status == 201
        assert house.owners() == {"bob's": "dan"}


def test_whoever_leaves_takes_their_account_along(house: Attached):
    """Alice removes bob: what was kept of his account goes too."""
    kept = house.rig.app.extensions[EXTENSION].accounts
    assert kept.of("user:bob").keys() == {"home"}
    page = "/authz/admin/people/person"
    alice = house.signed_in("alice", ALICE)
    removed = send(alice, f"{page}/remove?id=bob", f"{page}/remove", typed="bob")

    assert "was removed" in removed.text
    assert kept.of("user:bob") == {}


def test_one_s_own_account(house: Attached):
    """Bob changes his password himself, and sees where his playlists go."""
    bob = house.signed_in("bob")
    page = bob(path="/authz/account")
    assert "dan" in page.text
    assert "/authz/account/music" in page.text
    fields = {
        "current": WORDS,
        "password": "staple fence window",
        "again": "staple fence window",
    }
    action = "/authz/account/password"
    assert send(bob, "/authz/account", action, **fields).status == 200

    assert house.browser().sign_in("bob", WORDS).status != 303
    house.signed_in("bob", "staple fence window")


def test_nothing_secret_is_written_down(
    house: Attached, caplog: pytest.LogCaptureFixture
):
    """Neither in the audit log, nor in the app's, nor on a page."""
    bob = house.signed_in("bob")
    playlist(bob, "bob's")
    alice = house.signed_in("alice", ALICE)
    pages = [alice(path=p).text for p in ("/authz/music/", "/authz/admin/audit")]
    pages.append(bob(path="/authz/account/music").text)
    token = next(t for t, of in house.music.tokens.items() if t != "shared")

    written = "\n".join([caplog.text, *map(repr, house.rig.sink.events), *pages])
    assert "bob" in written
    for secret in (*SECRETS, token):
        assert secret not in written


def test_accounts_go_on_being_looked_at(house: Attached):
    """What checks them in the background is there as long as the app is."""
    gc.collect()
    assert house.rig.app.extensions[EXTENSION].poller.is_running
