"""A playlist lands in the account of whoever made it, or nowhere."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from authz_audiomuse.music.accounts import By, MusicAccounts
from authz_audiomuse.music.faults import Fault
from authz_audiomuse.music.host import HookMissing, HostHook
from authz_audiomuse.music.kinds import music_servers
from authz_audiomuse.music.links import Mode
from authz_audiomuse.music.listed import ServerKind, parse_address
from authz_audiomuse.music.playlists import Playlists, made_in
from authz_audiomuse.music.port import Proof
from authz_audiomuse.music.sealing import Seal, parse_keys
from authz_audiomuse.music.settings import MusicSettings
from flask import Flask, Response

from authz import Authz
from authz.decision import Subject, signed_in
from authz.errors import StoreError
from authz.extension import get_authz
from authz.identity.source import RequestFacts
from authz.integration.sealing import new_secret
from tests.adapters.music.memory_links import MemoryLinks
from tests.adapters.music.rigs import WITH_ACCOUNTS, listed, started
from tests.adapters.music.stand_in import Host
from tests.web.apps import CHEAP_BOB, RecordingSink

pytestmark = pytest.mark.slow

PATHS = ["/api/create_playlist", "/chat/api/create_playlist"]
BY = By(name="user:alice")
POLICY = """\
p, role:user, /api/*, POST
p, role:user, /chat/api/*, POST
p, role:admin, /*, *
g, user:carol, role:user
g, user:dan, role:user
g, user:eve, role:user
g, token:ci, role:user
g, user:root, role:admin
"""


class ByHeader:
    """An identity source for tests: a header says who it is."""

    method = "test"
    ambient = False

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return who the header names."""
        name = facts.environ.get("HTTP_X_WHO")
        return signed_in(name, source="test", display_name=name) if name else None


class Stage:
    """AudioMuse-AI guarded, with music servers and accounts."""

    def __init__(self, app: Flask, host: Host, accounts: MusicAccounts) -> None:
        self.app = app
        self.host = host
        self.accounts = accounts
        self.rigs = host.rigs
        self.fake = host.rigs[0].fake
        self.sink = RecordingSink()

    def link(self, name: str, server: int = 0, *, private: bool = False) -> None:
        """Connect the account of *name* on a server."""
        rig = self.rigs[server]
        self.accounts.link(
            f"user:{name}", f"s{server}", rig.entered(name), by=BY, private=private
        )

    def make(
        self,
        who: str,
        playlist: str = "mix",
        path: str = "/api/create_playlist",
        **more: Any,
    ) -> Any:
        """Make a playlist as *who*; return the response."""
        return self.app.test_client().post(
            path,
            json={"playlist_name": playlist, "track_ids": ["1", "2"], **more},
            headers={"X-Who": who},
        )


@pytest.fixture(name="stage")
def _stage(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    policy = tmp_path / "policy.csv"
    policy.write_text(POLICY)
    apps: list[Flask] = []
    with ExitStack() as stack:

        def set_up(
            *kinds: ServerKind,
            shared: bool = True,
            takes_keys: bool = True,
            with_hook: bool = True,
            links: MemoryLinks | None = None,
        ) -> Stage:
            rigs = [stack.enter_context(started(kind)) for kind in kinds]
            servers = tuple(
                replace(
                    listed(rig.kind, rig.fake),
                    id=f"s{number}",
                    aliases=(parse_address(f"http://in-docker-{number}:80"),),
                )
                for number, rig in enumerate(rigs)
            )
            host = Host(rigs, takes_keys=takes_keys)
            sink = RecordingSink()
            accounts = MusicAccounts(
                servers=music_servers(MusicSettings(servers=servers, timeout=60.0)),
                links=links or MemoryLinks(),
                seal=Seal(parse_keys(new_secret())),
                audit=sink,
                shared=shared,
            )
            app = Flask("audiomuse")
            app.config.update(
                AUTHZ_POLICY=str(policy),
                # With an account there is a hash to compare with that is cheap.
                AUTHZ_USER="zoe",
                AUTHZ_USER_PASSWORD=CHEAP_BOB,
            )
            app.add_url_rule("/connect", "authz_music.me", lambda: "")
            host.add_to(app)
            Authz(app, sources=[ByHeader()])
            apps.append(app)
            hook = HostHook(host.context, host.config) if with_hook else None
            Playlists(app, accounts, hook)
            staged = Stage(app, host, accounts)
            staged.sink = sink
            return staged

        yield set_up
        for app in apps:
            get_authz(app).runtime.poller.close()


@pytest.mark.parametrize("kind", WITH_ACCOUNTS)
@pytest.mark.parametrize("path", PATHS)
def test_everybodys_playlist_is_in_their_own_account(
    stage: Callable[..., Stage], kind: ServerKind, path: str
):
    """Whoever linked an account has the playlist there, the others share."""
    staged = stage(kind)
    staged.link("carol")
    staged.link("dan")

    for who in ("carol", "dan", "eve"):
        assert staged.make(f"user:{who}", f"{who}'s", path).status_code in {200, 201}

    assert staged.fake.owners() == {
        "carol's": "carol",
        "dan's": "dan",
        "eve's": "admin",
    }


def test_lyrion_has_everybodys_playlists(stage: Callable[..., Stage]):
    """There are no accounts, so nobody is asked to connect one."""
    staged = stage(ServerKind.LYRION, shared=False)

    assert staged.make("user:carol").status_code == 201
    assert staged.fake.owners() == {"mix": ""}


@pytest.mark.parametrize("kind", WITH_ACCOUNTS)
def test_nobody_names_another_account(stage: Callable[..., Stage], kind: ServerKind):
    """Credentials that a request brings along are not looked at, whoever sends it."""
    staged = stage(kind)
    staged.link("carol")
    others = {"url": "http://evil.test", "token": "x", "user": "dan", "password": "y"}

    for who in ("carol", "eve", "root"):
        response = staged.make(f"user:{who}", who, user_creds=others)
        assert response.status_code == 201

    assert staged.fake.owners() == {"carol": "carol", "eve": "admin", "root": "admin"}
    assert all(used["url"] != "http://evil.test" for used in staged.host.used)


def test_a_program_uses_the_account_of_audiomuse(stage: Callable[..., Stage]):
    """A token is no person; nothing changes for it."""
    staged = stage(ServerKind.NAVIDROME, shared=False)

    assert staged.make("token:ci").status_code == 201
    assert staged.fake.owners() == {"mix": "admin"}


def test_other_requests_are_left_alone(stage: Callable[..., Stage]):
    """Only what makes a playlist for whoever asks acts in their account."""
    staged = stage(ServerKind.NAVIDROME)
    staged.link("carol")

    assert staged.make("user:carol", path="/api/other").status_code == 201
    assert staged.fake.owners() == {"mix": "admin"}


def test_outside_of_a_request_nothing_changes(stage: Callable[..., Stage]):
    """A worker of AudioMuse-AI gets what it always got."""
    staged = stage(ServerKind.NAVIDROME)
    staged.link("carol")

    assert staged.host.context.active_creds() is None
    assert staged.host.context.active_creds({"user": "x"}) == {"user": "x"}


def test_two_requests_at_once_do_not_mix(stage: Callable[..., Stage]):
    """Each acts as its own sender, whatever thread serves it."""
    staged = stage(ServerKind.JELLYFIN)
    staged.link("carol")
    staged.link("dan")
    names = [(who, f"{who} {n}") for n in range(10) for who in ("carol", "dan")]
    threads = [
        threading.Thread(target=staged.make, args=(f"user:{who}", name))
        for who, name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert staged.fake.owners() == {name: who for who, name in names}


class TestSeveralServers:
    def test_each_has_its_own_accounts(self, stage: Callable[..., Stage]):
        """The account of the server that the request names."""
        staged = stage(ServerKind.NAVIDROME, ServerKind.JELLYFIN, ServerKind.LMS)
        staged.link("carol", 1)

        for number in range(3):
            assert staged.make("user:carol", server=number).status_code == 201

        owners = [rig.fake.owners()["mix"] for rig in staged.rigs]
        assert owners == ["admin", "carol", "admin"]

    def test_two_of_a_kind_are_told_apart(self, stage: Callable[..., Stage]):
        """By their address: a password is not shown to the other one."""
        staged = stage(ServerKind.NAVIDROME, ServerKind.NAVIDROME)
        staged.link("carol", 0)

        assert staged.make("user:carol", server=1).status_code == 201

        assert staged.rigs[1].fake.owners() == {"mix": "admin"}
        sent = b"".join(seen.body for seen in staged.rigs[1].fake.seen)
        assert b"carol" not in sent

    def test_one_broken_account_does_not_stop_another(
        self, stage: Callable[..., Stage]
    ):
        """Only playlists on the server where it is broken are refused."""
        staged = stage(ServerKind.NAVIDROME, ServerKind.JELLYFIN)
        staged.link("carol", 0)
        staged.link("carol", 1)
        links = staged.accounts.links
        broken = links.find("user:carol", "s1")
        assert broken
        links.note(broken, fault=Fault.WRONG_PASSWORD, checked=broken.linked)

        assert staged.make("user:carol", server=0).status_code == 201
        assert staged.make("user:carol", server=1).status_code == 409


def refused(response: Any, reason: str, status: int = 409) -> None:
    """Check that nothing was made, and that it is said why and where to mend it."""
    document = response.get_json(force=True)
    assert (response.status_code, document["status"]) == (status, status)
    assert response.content_type == "application/problem+json"
    assert document["type"] == f"urn:authz:problem:music-{reason}"
    assert document["error"] == document["detail"]
    assert document["connect"] == "/connect"


class TestNothingIsMade:
    def test_without_an_account_where_one_is_asked_for(
        self, stage: Callable[..., Stage]
    ):
        """It is said that one has to connect first, and where."""
        staged = stage(ServerKind.NAVIDROME, shared=False)

        refused(staged.make("user:eve"), "not-connected")

        assert staged.fake.owners() == {}
        [event] = staged.sink.events
        assert (str(event.tag), event.subject) == ("linked-account:unused", "user:eve")
        assert event.reason == "not-connected"

    def test_unless_an_administrator_allowed_sharing(self, stage: Callable[..., Stage]):
        """As admin, said so."""
        staged = stage(ServerKind.NAVIDROME, shared=False)
        staged.accounts.share("user:eve", "s0", by=BY)

        assert staged.make("user:eve").status_code == 201
        assert staged.fake.owners() == {"mix": "admin"}

    @pytest.mark.parametrize("kind", WITH_ACCOUNTS)
    def test_in_an_account_that_ended(self, stage: Callable[..., Stage], kind: Any):
        """Whose it was is told to enter the password again, at once and afterwards."""
        staged = stage(kind)
        staged.link("carol")
        staged.fake.forget_tokens()
        shared_again(staged)

        refused(staged.make("user:carol"), "wrong-password")
        link = staged.accounts.of("user:carol")["s0"]
        assert link.fault is Fault.WRONG_PASSWORD
        before = len(staged.fake.seen)
        refused(staged.make("user:carol"), "wrong-password")

        assert len(staged.fake.seen) == before
        assert staged.fake.owners() == {}

    def test_when_the_credential_does_not_open(self, stage: Callable[..., Stage]):
        """A lost key is no reason to act in everybody's account."""
        staged = stage(ServerKind.NAVIDROME)
        staged.link("carol")
        link = staged.accounts.of("user:carol")["s0"]
        staged.accounts.links.put(replace(link, sealed="lost"))

        refused(staged.make("user:carol"), "sealed")

        assert staged.fake.owners() == {}

    def test_when_accounts_cannot_be_read(self, stage: Callable[..., Stage]):
        """A broken database does not turn everybody into the admin."""

        class Broken(MemoryLinks):
            def of(self, person: str) -> Any:
                raise StoreError("gone")

        staged = stage(ServerKind.NAVIDROME, links=Broken())

        refused(staged.make("user:carol"), "no-store", 503)
        assert staged.fake.owners() == {}

    def test_on_a_server_that_is_not_listed(self, stage: Callable[..., Stage]):
        """The app was pointed elsewhere: whoever has an account is not sent there."""
        staged = stage(ServerKind.NAVIDROME)
        staged.link("carol")
        staged.host.config.NAVIDROME_URL = "http://127.0.0.1:1"

        refused(staged.make("user:carol"), "unlisted-server")
        assert staged.make("user:eve").status_code == 201

        assert staged.fake.owners() == {"mix": "admin"}

    @pytest.mark.parametrize("address", ["", "nonsense", "http://u:p@127.0.0.1"])
    def test_at_an_address_that_is_none(
        self, stage: Callable[..., Stage], address: str
    ):
        """Likewise."""
        staged = stage(ServerKind.NAVIDROME)
        staged.link("carol")
        staged.host.config.NAVIDROME_URL = address

        refused(staged.make("user:carol"), "unlisted-server")

    def test_by_an_app_that_has_no_hook(self, stage: Callable[..., Stage]):
        """Only those who share are served."""
        staged = stage(ServerKind.NAVIDROME, with_hook=False)
        staged.link("carol")

        refused(staged.make("user:carol"), "no-hook", 501)
        assert staged.make("user:eve").status_code == 201

        assert staged.fake.owners() == {"mix": "admin"}

    def test_by_an_app_whose_hook_was_replaced(self, stage: Callable[..., Stage]):
        """Something else answers now: it cannot be known in whose account."""
        staged = stage(ServerKind.NAVIDROME)
        staged.link("carol")
        staged.host.context.active_creds = lambda _=None: None

        refused(staged.make("user:carol"), "no-hook", 501)
        assert staged.fake.owners() == {}


def shared_again(staged: Stage) -> None:
    """Let AudioMuse-AI's own account work again after everybody was signed out."""
    fake, kind = staged.fake, staged.rigs[0].kind
    if kind in {ServerKind.JELLYFIN, ServerKind.EMBY}:
        fake.tokens["shared"] = fake.accounts["admin"].id
    elif kind is ServerKind.LMS:
        fake.add_key("admin", "shared")


def test_an_app_that_does_not_ask_is_caught(
    stage: Callable[..., Stage], caplog: pytest.LogCaptureFixture
):
    """What went to everybody's account is said, and none follows."""
    staged = stage(ServerKind.NAVIDROME)
    staged.link("carol")
    staged.host.does_not_ask = True

    refused(staged.make("user:carol", "first"), "bypassed", 502)
    refused(staged.make("user:carol", "second"), "no-hook", 501)

    assert staged.fake.owners() == {"first": "admin"}
    assert "without asking in which account" in caplog.text
    assert "linked-account:bypassed" in staged.sink.tags


def test_a_failure_that_is_not_the_accounts_stays_one(stage: Callable[..., Stage]):
    """The app's own answer goes through."""
    staged = stage(ServerKind.JELLYFIN)
    staged.link("carol")
    staged.fake.answers = lambda seen: (
        (404, None) if seen.path == "/Playlists" else staged.fake.answer(seen)
    )

    response = staged.make("user:carol")

    assert response.status_code == 502
    assert response.get_json() == {"error": "The media server refused."}
    assert staged.accounts.of("user:carol")["s0"].fault is None


@pytest.mark.parametrize("kind", [ServerKind.JELLYFIN, ServerKind.LMS])
def test_a_server_that_is_away_is_said_to_be(
    stage: Callable[..., Stage], kind: ServerKind
):
    """Nobody is asked for a password because of that."""
    staged = stage(kind)
    staged.link("carol")
    staged.fake.answers = lambda _: (503, None)

    answer = staged.make("user:carol")

    refused(answer, "unavailable", 503)
    assert "try again later" in answer.get_json(force=True)["detail"]


class TestHidden:
    """AudioMuse-AI makes every playlist public; one's own may stay one's own."""

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("kind", WITH_ACCOUNTS)
    def test_it_is_hidden_for_whoever_asked_for_that(
        self, stage: Callable[..., Stage], kind: ServerKind, path: str
    ):
        """And for nobody else."""
        staged = stage(kind)
        staged.link("carol", private=True)
        staged.link("dan")

        made = staged.make("user:carol", "carol's", path)
        staged.make("user:dan", "dan's", path)

        assert made.status_code in {200, 201}
        assert staged.fake.owners() == {"carol's": "carol", "dan's": "dan"}
        assert staged.fake.public() == {"dan's"}

    def test_what_could_not_be_hidden_is_said(self, stage: Callable[..., Stage]):
        """It was made, so it is no failure; but its maker has to know."""
        staged = stage(ServerKind.JELLYFIN)
        staged.link("carol", private=True)
        staged.fake.answers = lambda seen: (
            (404, None)
            if seen.path.startswith("/Playlists/")
            else staged.fake.answer(seen)
        )

        made = staged.make("user:carol")

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

    def test_lms_takes_a_key_as_a_password(self, stage: Callable[..., Stage]):
        """Of its owner, so it is still their own account."""
        staged = stage(ServerKind.LMS, takes_keys=False)
        staged.link("carol")
        staged.host.shared[id(staged.rigs[0])] = {}

        assert staged.make("user:carol").status_code == 201
        assert staged.fake.owners() == {"mix": "carol"}

    def test_others_do_not(self, stage: Callable[..., Stage]):
        """The key would be dropped and everybody's account be used: refused."""
        staged = stage(ServerKind.OPENSUBSONIC, takes_keys=False)
        staged.fake.add_key("carol", "key")
        entered = staged.rigs[0].entered("carol", "key")
        entered = replace(entered, proof=Proof.API_KEY)
        staged.accounts.link("user:carol", "s0", entered, by=BY)

        refused(staged.make("user:carol"), "host-too-old")
        assert staged.fake.owners() == {}


def test_an_app_without_the_functions_has_no_hook(stage: Callable[..., Stage]):
    """Said when it is put together, with what is missing."""
    host = stage(ServerKind.NAVIDROME).host
    with pytest.raises(HookMissing, match="active_creds, active_server"):
        HostHook(object(), host.config)
    with pytest.raises(HookMissing, match="MEDIASERVER_TYPE"):
        HostHook(host.context, object())


def test_the_hook_can_be_taken_out_again(stage: Callable[..., Stage]):
    """What was there is there again."""
    host = stage(ServerKind.NAVIDROME).host
    before = host.context.active_creds
    hook = HostHook(host.context, host.config)
    assert hook.in_place
    hook.remove()

    assert host.context.active_creds == before
    assert not hook.in_place


def test_a_mode_is_a_word():
    """What is stored can be read by people."""
    assert [str(mode) for mode in Mode] == ["own", "shared"]


def test_what_is_sent_is_json(stage: Callable[..., Stage]):
    """The answer holds nothing secret and is not kept by caches."""
    staged = stage(ServerKind.NAVIDROME, shared=False)
    response = staged.make("user:eve")

    assert response.headers["Cache-Control"] == "no-store"
    assert json.loads(response.data)["request_id"] == staged.sink.events[0].request_id
