"""A playlist lands in the account of whoever made it, or nowhere."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from authz_audiomuse.music.faults import Fault
from authz_audiomuse.music.host import HookMissing, HostHook
from authz_audiomuse.music.links import Mode
from authz_audiomuse.music.listed import ServerKind
from authz_audiomuse.music.playlists import made_in
from authz_audiomuse.music.port import Proof
from authz_audiomuse.music.secret import Secret
from flask import Response

from tests.adapters.music.house import BY, Build, House, refused
from tests.adapters.music.rigs import WITH_ACCOUNTS

pytestmark = pytest.mark.slow

PATHS = ["/api/create_playlist", "/chat/api/create_playlist"]


@pytest.mark.parametrize("kind", WITH_ACCOUNTS)
@pytest.mark.parametrize("path", PATHS)
def test_everybodys_playlist_is_in_their_own_account(
    house: Build, kind: ServerKind, path: str
):
    """Whoever linked an account has the playlist there, the others share."""
    home = house(kind)
    home.link("carol")
    home.link("dan")

    for who in ("carol", "dan", "eve"):
        assert home.make(f"user:{who}", f"{who}'s", path).status_code in {200, 201}

    assert home.fake.owners() == {
        "carol's": "carol",
        "dan's": "dan",
        "eve's": "admin",
    }


def test_lyrion_has_everybodys_playlists(house: Build):
    """There are no accounts, so nobody is asked to connect one."""
    home = house(ServerKind.LYRION, AUTHZ_MUSIC_UNLINKED="refuse")

    assert home.make("user:carol").status_code == 201
    assert home.fake.owners() == {"mix": ""}


@pytest.mark.parametrize("kind", WITH_ACCOUNTS)
def test_nobody_names_another_account(house: Build, kind: ServerKind):
    """Credentials that a request brings along are not looked at, whoever sends it."""
    home = house(kind)
    home.link("carol")
    others = {"url": "http://evil.test", "token": "x", "user": "dan", "password": "y"}

    for who in ("carol", "eve", "root"):
        response = home.make(f"user:{who}", who, user_creds=others)
        assert response.status_code == 201

    assert home.fake.owners() == {"carol": "carol", "eve": "admin", "root": "admin"}
    assert all(used["url"] != "http://evil.test" for used in home.host.used)


def test_a_program_uses_the_account_of_audiomuse(house: Build):
    """A token is no person; nothing changes for it."""
    home = house(ServerKind.NAVIDROME, AUTHZ_MUSIC_UNLINKED="refuse")

    assert home.make("token:ci").status_code == 201
    assert home.fake.owners() == {"mix": "admin"}


def test_other_requests_are_left_alone(house: Build):
    """Only what makes a playlist for whoever asks acts in their account."""
    home = house(ServerKind.NAVIDROME)
    home.link("carol")

    assert home.make("user:carol", path="/api/other").status_code == 201
    assert home.fake.owners() == {"mix": "admin"}


def test_outside_of_a_request_nothing_changes(house: Build):
    """A worker of AudioMuse-AI gets what it always got."""
    home = house(ServerKind.NAVIDROME)
    home.link("carol")

    assert home.host.context.active_creds() is None
    assert home.host.context.active_creds({"user": "x"}) == {"user": "x"}


def test_two_requests_at_once_do_not_mix(house: Build):
    """Each acts as its own sender, whatever thread serves it."""
    home = house(ServerKind.JELLYFIN)
    home.link("carol")
    home.link("dan")
    names = [(who, f"{who} {n}") for n in range(10) for who in ("carol", "dan")]
    with ThreadPoolExecutor(len(names)) as pool:
        for who, name in names:
            pool.submit(home.make, f"user:{who}", name)

    assert home.fake.owners() == {name: who for who, name in names}


class TestSeveralServers:
    def test_each_has_its_own_accounts(self, house: Build):
        """The account of the server that the request names."""
        home = house(ServerKind.NAVIDROME, ServerKind.JELLYFIN, ServerKind.LMS)
        home.link("carol", 1)

        for number in range(3):
            assert home.make("user:carol", server=number).status_code == 201

        owners = [rig.fake.owners()["mix"] for rig in home.rigs]
        assert owners == ["admin", "carol", "admin"]

    def test_two_of_a_kind_are_told_apart(self, house: Build):
        """By their address: a password is not shown to the other one."""
        home = house(ServerKind.NAVIDROME, ServerKind.NAVIDROME)
        home.link("carol", 0)

        assert home.make("user:carol", server=1).status_code == 201

        assert home.rigs[1].fake.owners() == {"mix": "admin"}
        sent = b"".join(seen.body for seen in home.rigs[1].fake.seen)
        assert b"carol" not in sent

    def test_one_broken_account_does_not_stop_another(self, house: Build):
        """Only playlists on the server where it is broken are refused."""
        home = house(ServerKind.NAVIDROME, ServerKind.JELLYFIN)
        home.link("carol", 0)
        home.link("carol", 1)
        links = home.accounts.links
        broken = links.find("user:carol", "s1")
        assert broken
        links.note(broken, fault=Fault.WRONG_PASSWORD, checked=broken.linked)

        assert home.make("user:carol", server=0).status_code == 201
        assert home.make("user:carol", server=1).status_code == 409


class TestNothingIsMade:
    def test_without_an_account_where_one_is_asked_for(self, house: Build):
        """It is said that one has to connect first, and where."""
        home = house(ServerKind.NAVIDROME, AUTHZ_MUSIC_UNLINKED="refuse")

        refused(home.make("user:eve"), "not-connected")

        assert home.fake.owners() == {}
        [event] = home.told
        assert (str(event.tag), event.subject) == ("linked-account:unused", "user:eve")
        assert event.reason == "not-connected"

    def test_unless_an_administrator_allowed_sharing(self, house: Build):
        """As admin, said so."""
        home = house(ServerKind.NAVIDROME, AUTHZ_MUSIC_UNLINKED="refuse")
        home.accounts.share("user:eve", "s0", by=BY)

        assert home.make("user:eve").status_code == 201
        assert home.fake.owners() == {"mix": "admin"}

    @pytest.mark.parametrize("kind", WITH_ACCOUNTS)
    def test_in_an_account_that_ended(self, house: Build, kind: Any):
        """Whose it was is told to enter the password again, at once and afterwards."""
        home = house(kind)
        home.link("carol")
        home.fake.forget_tokens()
        shared_again(home)

        answer = home.make("user:carol")
        refused(answer, "wrong-password")
        assert "enter its password or key again" in answer.get_json(force=True)["error"]
        link = home.accounts.of("user:carol")["s0"]
        assert link.fault is Fault.WRONG_PASSWORD
        before = len(home.fake.seen)
        refused(home.make("user:carol"), "wrong-password")

        assert len(home.fake.seen) == before
        assert home.fake.owners() == {}

    def test_when_the_credential_does_not_open(self, house: Build):
        """A lost key is no reason to act in everybody's account."""
        home = house(ServerKind.NAVIDROME)
        home.link("carol")
        link = home.accounts.of("user:carol")["s0"]
        home.accounts.links.put(replace(link, sealed="lost"))

        refused(home.make("user:carol"), "sealed")

        assert home.fake.owners() == {}

    def test_when_accounts_cannot_be_read(self, house: Build, tmp_path: Path):
        """A broken database does not turn everybody into the admin."""
        home = house(ServerKind.NAVIDROME)
        with sqlite3.connect(tmp_path / "linked.db") as database:
            database.execute("DROP TABLE authz_music_link")

        refused(home.make("user:carol"), "no-store", 503)
        assert home.fake.owners() == {}

    def test_on_a_server_that_is_not_listed(self, house: Build):
        """The app was pointed elsewhere: whoever has an account is not sent there."""
        home = house(ServerKind.NAVIDROME)
        home.link("carol")
        home.host.config.NAVIDROME_URL = "http://127.0.0.1:1"

        refused(home.make("user:carol"), "unlisted-server")
        assert home.make("user:eve").status_code == 201

        assert home.fake.owners() == {"mix": "admin"}

    @pytest.mark.parametrize("address", ["", "nonsense", "http://u:p@127.0.0.1"])
    def test_at_an_address_that_is_none(self, house: Build, address: str):
        """Likewise."""
        home = house(ServerKind.NAVIDROME)
        home.link("carol")
        home.host.config.NAVIDROME_URL = address

        refused(home.make("user:carol"), "unlisted-server")

    def test_by_an_app_that_has_no_hook(
        self, house: Build, caplog: pytest.LogCaptureFixture
    ):
        """Only those who share are served; that is said when it starts."""
        home = house(ServerKind.NAVIDROME, with_hook=False)
        assert "cannot be made in people's own accounts" in caplog.text
        home.link("carol")

        refused(home.make("user:carol"), "no-hook", 501)
        assert home.make("user:eve").status_code == 201

        assert home.fake.owners() == {"mix": "admin"}

    def test_by_an_app_whose_hook_was_replaced(self, house: Build):
        """Something else answers now: it cannot be known in whose account."""
        home = house(ServerKind.NAVIDROME)
        home.link("carol")
        home.host.context.active_creds = lambda _=None: None

        refused(home.make("user:carol"), "no-hook", 501)
        assert home.fake.owners() == {}


def shared_again(home: House) -> None:
    """Let AudioMuse-AI's own account work again after everybody was signed out."""
    fake, kind = home.fake, home.rigs[0].kind
    if kind in {ServerKind.JELLYFIN, ServerKind.EMBY}:
        fake.tokens["shared"] = fake.accounts["admin"].id
    elif kind is ServerKind.LMS:
        fake.add_key("admin", "shared")


def test_an_app_that_does_not_ask_is_caught(
    house: Build, caplog: pytest.LogCaptureFixture
):
    """What went to everybody's account is said, and none follows."""
    home = house(ServerKind.NAVIDROME)
    home.link("carol")
    home.host.does_not_ask = True

    refused(home.make("user:carol", "first"), "bypassed", 502)
    refused(home.make("user:carol", "second"), "no-hook", 501)

    assert home.fake.owners() == {"first": "admin"}
    assert "without asking in which account" in caplog.text
    assert "linked-account:bypassed" in home.sink.tags


def test_a_failure_that_is_not_the_accounts_stays_one(house: Build):
    """The app's own answer goes through."""
    home = house(ServerKind.JELLYFIN)
    home.link("carol")
    home.fake.answers = lambda seen: (
        (404, None) if seen.path == "/Playlists" else home.fake.answer(seen)
    )

    response = home.make("user:carol")

    assert response.status_code == 502
    assert response.get_json() == {"error": "The media server refused."}
    assert home.accounts.of("user:carol")["s0"].fault is None


@pytest.mark.parametrize("kind", [ServerKind.JELLYFIN, ServerKind.LMS])
def test_a_server_that_is_away_is_said_to_be(house: Build, kind: ServerKind):
    """Nobody is asked for a password because of that."""
    home = house(kind)
    home.link("carol")
    home.fake.answers = lambda _: (503, None)

    answer = home.make("user:carol")

    refused(answer, "unavailable", 503)
    assert "try again later" in answer.get_json(force=True)["detail"]


class TestHidden:
    """AudioMuse-AI makes every playlist public; one's own may stay one's own."""

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("kind", WITH_ACCOUNTS)
    def test_it_is_hidden_for_whoever_asked_for_that(
        self, house: Build, kind: ServerKind, path: str
    ):
        """And for nobody else."""
        home = house(kind)
        home.link("carol", private=True)
        home.link("dan")

        made = home.make("user:carol", "carol's", path)
        home.make("user:dan", "dan's", path)

        assert made.status_code in {200, 201}
        assert home.fake.owners() == {"carol's": "carol", "dan's": "dan"}
        assert home.fake.public() == {"dan's"}

    def test_what_could_not_be_hidden_is_said(self, house: Build):
        """It was made, so it is no failure; but its maker has to know."""
        home = house(ServerKind.JELLYFIN)
        home.link("carol", private=True)
        home.fake.answers = lambda seen: (
            (404, None)
            if seen.path.startswith("/Playlists/")
            else home.fake.answer(seen)
        )

        made = home.make("user:carol")

        assert made.status_code == 201
        assert made.get_json()["playlist_id"]
        assert "could not be hidden from others" in made.get_json()["message"]

    @pytest.mark.parametrize(
        "document", [{}, [], {"playlist_id": ""}, {"message": "done"}]
    )
    def test_an_answer_that_names_no_playlist_hides_none(self, document: object):
        """Nothing is guessed."""
        with pytest.raises(LookupError):
            made_in(Response(json.dumps(document), content_type="application/json"))


class TestOldApps:
    """AudioMuse-AI before it knew API keys."""

    def test_lms_takes_a_key_as_a_password(self, house: Build):
        """Of its owner, so it is still their own account."""
        home = house(ServerKind.LMS, takes_keys=False)
        home.link("carol")
        home.host.shared[id(home.rigs[0])] = {}

        assert home.make("user:carol").status_code == 201
        assert home.fake.owners() == {"mix": "carol"}

    def test_others_do_not(self, house: Build):
        """The key would be dropped and everybody's account be used: refused."""
        home = house(ServerKind.OPENSUBSONIC, takes_keys=False)
        home.fake.add_key("carol", "key")
        home.link("carol", proof=Proof.API_KEY, secret=Secret("key"))

        refused(home.make("user:carol"), "host-too-old")
        assert home.fake.owners() == {}


def test_an_app_without_the_functions_has_no_hook(house: Build):
    """Said when it is put together, with what is missing."""
    host = house(ServerKind.NAVIDROME).host
    with pytest.raises(HookMissing, match="active_creds, active_server"):
        HostHook(object(), host.config)
    with pytest.raises(HookMissing, match="MEDIASERVER_TYPE"):
        HostHook(host.context, object())


def test_the_hook_can_be_taken_out_again(house: Build):
    """What was there is there again."""
    host = house(ServerKind.NAVIDROME).host
    before = host.context.active_creds
    hook = HostHook(host.context, host.config)
    assert hook.in_place
    hook.remove()

    assert host.context.active_creds == before
    assert not hook.in_place


def test_a_mode_is_a_word():
    """What is stored can be read by people."""
    assert [str(mode) for mode in Mode] == ["own", "shared"]


def test_what_is_sent_is_json(house: Build):
    """The answer holds nothing secret and is not kept by caches."""
    home = house(ServerKind.NAVIDROME, AUTHZ_MUSIC_UNLINKED="refuse")
    response = home.make("user:eve")

    assert response.headers["Cache-Control"] == "no-store"
    assert json.loads(response.data)["request_id"] == home.told[0].request_id
