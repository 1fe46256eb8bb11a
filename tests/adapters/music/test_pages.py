"""People connect their own accounts; administrators see all; nobody sees a secret."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from authz_audiomuse.music.faults import Fault
from authz_audiomuse.music.listed import ServerKind

from authz.audit import AuditEvent, EventTag, utc_now
from authz.extension import get_authz
from authz.identity.people import Person
from tests.adapters.music.house import BY, MINE, Build
from tests.adapters.music.rigs import CAROLS, WITH_ACCOUNTS

pytestmark = pytest.mark.slow


class TestConnecting:
    @pytest.mark.parametrize("kind", WITH_ACCOUNTS)
    def test_what_is_entered_is_tried_and_kept(self, house: Build, kind: ServerKind):
        """Then the page says so, and playlists go there."""
        home = house(kind)

        response = home.connect()

        assert (response.status_code, response.location) == (303, MINE)
        page = home.get("user:carol")
        assert "The account <bdi>carol</bdi> is connected" in page
        assert "stored, encrypted" in page
        assert home.make("user:root").status_code == 201
        assert home.fake.owners() == {"mix": "admin"}

    @pytest.mark.parametrize("kind", [ServerKind.NAVIDROME, ServerKind.LMS])
    def test_a_wrong_password_is_said_where_it_was_entered(
        self, house: Build, kind: ServerKind
    ):
        """The name is still there; what was secret is not sent back."""
        home = house(kind)

        response = home.connect(account="c&rol", secret="not her S3cret")

        assert response.status_code == 422
        assert 'href="#secret-s0"' in response.text
        assert 'id="secret-s0-error"' in response.text
        assert 'aria-invalid="true"' in response.text
        assert "not her S3cret" not in response.text
        if kind is ServerKind.NAVIDROME:
            assert 'value="c&amp;rol"' in response.text
        assert home.accounts.of("user:carol") == {}

    def test_guessing_is_slowed_down(self, house: Build):
        """Authz is no way to try passwords of a music server."""
        home = house(ServerKind.NAVIDROME)
        for number in range(5):
            home.connect(secret=f"guess {number}")
        before = len(home.fake.seen)

        response = home.connect()

        assert "Too many wrong passwords" in response.text
        assert len(home.fake.seen) == before

    @pytest.mark.parametrize(
        ("form", "said"),
        [
            ({"server": "http://evil.test"}, "no such server"),
            ({"server": ""}, "no such server"),
            ({"secret": ""}, "Enter the password or key"),
            ({"account": " "}, "Enter the name"),
            ({"secret": "a\nb"}, "cannot be sent"),
        ],
    )
    def test_what_makes_no_sense_is_not_sent(
        self, house: Build, form: dict[str, str], said: str
    ):
        """And said."""
        home = house(ServerKind.NAVIDROME)
        token = home.token("user:carol")
        values = {
            "do": "link",
            "server": "s0",
            "proof": "password",
            "account": "carol",
            "secret": CAROLS,
        }

        response = home.post("user:carol", token=token, **(values | form))

        assert response.status_code == 422
        assert said in response.text
        assert home.fake.seen == []

    def test_a_server_that_does_not_answer_is_said(self, house: Build):
        """Without what only the operator may know."""
        home = house(ServerKind.NAVIDROME)
        home.fake.answers = lambda _: (500, None)

        response = home.connect()

        assert response.status_code == 422
        assert "cannot answer now; it may be starting" in response.text
        assert "127.0.0.1" not in response.text

    def test_it_can_be_looked_at_and_forgotten(self, house: Build):
        """By whose it is, with a button each."""
        home = house(ServerKind.NAVIDROME)
        home.connect()

        home.post("user:carol", do="check", server="s0")
        assert "The account <bdi>carol</bdi> works" in home.get("user:carol")
        home.fake.forget_tokens()
        home.post("user:carol", do="check", server="s0")
        page = home.get("user:carol")
        assert "does not accept this name" in page
        assert "nowhere until you enter it again" in page
        home.post("user:carol", do="unlink", server="s0")
        assert "The account was forgotten" in home.get("user:carol")
        assert home.accounts.of("user:carol") == {}

    def test_a_key_or_a_password(self, house: Build):
        """Where a server takes both, one chooses."""
        home = house(ServerKind.OPENSUBSONIC)
        home.fake.add_key("carol", "her-key")

        assert 'name="proof"' in home.get("user:carol")
        home.connect(proof="api-key", account="", secret="her-key")

        assert home.accounts.of("user:carol")["s0"].account == "carol"

    def test_a_key_is_not_offered_by_a_server_known_to_take_none(self, house: Build):
        """Once it was asked; whoever sends one all the same reads why it is refused."""
        home = house(ServerKind.NAVIDROME)
        refused = home.connect(proof="api-key", secret="her-key")
        assert "takes no API keys: use name and password" in refused.text

        home.accounts.tend(age=timedelta(days=1))

        assert 'value="api-key"' not in home.get("user:carol")

    def test_a_key_that_does_not_say_whose_it_is_needs_a_name(self, house: Build):
        """Lightweight Music Server: the page asks for both."""
        home = house(ServerKind.LMS)

        assert 'name="account"' in home.get("user:carol")
        assert "Enter the name" in home.connect(account="").text

    def test_an_account_without_a_password(self, house: Build):
        """The page says that it may be left empty, and the browser lets it."""
        home = house(ServerKind.JELLYFIN)
        home.fake.add_account("eve", "")

        page = home.get("user:carol")
        assert "leave the password empty if your account has none" in page
        assert home.connect(account="eve", secret="").status_code == 303

    def test_everybody_stops_short_of_what_stops_audiomuse_too(self, house: Build):
        """Five wrong keys in a row, and the server refuses all from this address."""
        home = house(ServerKind.LMS)
        for number in range(4):
            home.connect(secret=f"guess {number}")

        response = home.connect("user:dan", secret="a guess more")

        assert "Too many wrong passwords or keys" in response.text
        assert home.fake.wrong_in_a_row == 4

    def test_whoever_is_stopped_by_the_server_is_not_told_that_it_was_wrong(
        self, house: Build
    ):
        """The key is good; in a moment it is good there, too."""
        home = house(ServerKind.LMS)
        home.fake.wrong_in_a_row = 5

        response = home.connect()

        assert "no more attempts for the moment. Try again later." in response.text

    def test_a_token_is_given_back_with_the_account(self, house: Build):
        """If the server cannot be told, that is said, and tried again later."""
        home = house(ServerKind.JELLYFIN)
        fake = home.fake
        before = len(fake.tokens)
        home.connect()
        home.post("user:carol", do="unlink", server="s0")
        assert len(fake.tokens) == before

        home.connect()
        fake.answers = lambda _: (503, None)
        home.post("user:carol", do="unlink", server="s0")
        assert "<bdi>s0</bdi> could not be told yet" in home.get("user:carol")
        assert len(fake.tokens) == before + 1

        fake.answers = None
        home.accounts.tend(age=timedelta(days=1))
        assert len(fake.tokens) == before

    def test_playlists_are_hidden_at_the_press_of_a_button(self, house: Build):
        """And seen again; or from the start, as ticked when connecting."""
        home = house(ServerKind.JELLYFIN)
        home.connect(private="yes")
        assert "only you" in home.get("user:carol")

        home.post("user:carol", do="show", server="s0")
        assert "Others there see the playlists" in home.get("user:carol")
        home.post("user:carol", do="hide", server="s0")

        page = home.get("user:carol")
        assert "are hidden from others there" in page
        assert "only you" in page
        assert home.accounts.hides("user:carol", "s0")

    def test_a_dead_key_is_not_shown_again_and_again(self, house: Build):
        """Whoever presses "Check now" does not stop everybody at the server."""
        home = house(ServerKind.LMS)
        home.connect()
        home.fake.forget_tokens()
        for _ in range(6):
            home.post("user:carol", do="check", server="s0")

        assert home.fake.wrong_in_a_row == 4
        assert "Too many wrong passwords or keys" in home.get("user:carol")

    def test_lyrion_says_that_it_has_no_accounts(self, house: Build):
        """There is nothing to fill in."""
        home = house(ServerKind.LYRION)

        page = home.get("user:carol")

        assert "This server has no accounts" in page
        assert "No server with accounts" in home.get("user:root", "/authz/music/link")
        assert 'name="secret"' not in page

    def test_without_a_key_there_is_no_form(self, house: Build):
        """It is said what to set; sending one anyway stores nothing."""
        home = house(ServerKind.NAVIDROME, AUTHZ_ENCRYPTION_KEY="")
        token = home.token("user:root", "/authz/music/")

        assert "AUTHZ_ENCRYPTION_KEY" in home.get("user:carol")
        assert 'name="secret"' not in home.get("user:carol")
        response = home.post(
            "user:root",
            token=token,
            do="link",
            server="s0",
            account="carol",
            secret=CAROLS,
        )
        assert "cannot be kept" in response.text
        assert home.fake.seen == []

    def test_a_program_has_none(self, house: Build):
        """A token is told so, and links nothing."""
        home = house(ServerKind.NAVIDROME)

        assert "Only people" in home.get("token:ci")


class TestNobodyElse:
    def test_one_sees_only_ones_own(self, house: Build):
        """Neither the account nor that there is one."""
        home = house(ServerKind.NAVIDROME)
        home.connect("user:carol")

        page = home.get("user:dan")

        assert "carol" not in page
        assert "Not connected" in page

    @pytest.mark.parametrize("do", ["link", "check", "unlink", "share"])
    def test_a_form_cannot_name_another_person(self, house: Build, do: str):
        """Whoever sends it is whose account it is about."""
        home = house(ServerKind.NAVIDROME)
        home.connect("user:carol")
        before = home.accounts.of("user:carol")

        home.connect("user:dan", do=do, person="user:carol")

        assert home.accounts.of("user:carol") == before
        assert set(home.accounts.of("user:dan")) == ({"s0"} if do == "link" else set())

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/authz/music/"),
            ("POST", "/authz/music/"),
            ("GET", "/authz/music/link"),
            ("POST", "/authz/music/link"),
        ],
    )
    def test_administrators_pages_are_theirs(
        self, house: Build, method: str, path: str
    ):
        """By the policy: 403 for people who are none; strangers sign in first."""
        home = house(ServerKind.NAVIDROME)
        home.connect("user:carol")
        client = home.app.test_client()

        for who, status in (("user:dan", {403}), ("", {302, 401})):
            response = client.open(path, method=method, headers={"X-Who": who})
            assert response.status_code in status
        assert home.accounts.of("user:carol")

    @pytest.mark.parametrize("path", ["/authz/account/music", "/authz/music/"])
    @pytest.mark.parametrize("token", ["", "x", "none"])
    def test_a_form_of_another_site_does_nothing(
        self, house: Build, path: str, token: str
    ):
        """Without the token that the page gave to this browser."""
        home = house(ServerKind.NAVIDROME)
        home.link("carol", person="user:root")

        response = home.app.test_client().post(
            path,
            data={
                "csrf_token": token,
                "do": "unlink",
                "server": "s0",
                "person": "user:root",
            },
            headers={"X-Who": "user:root"},
        )

        assert response.status_code == 400
        assert "That form was not accepted" in response.text
        assert home.accounts.of("user:root")


class TestAdministrators:
    def test_they_see_everybodys(self, house: Build):
        """Who, which account, whether it works, where playlists go."""
        home = house(ServerKind.NAVIDROME, ServerKind.LYRION)
        home.connect("user:carol")
        home.accounts.share("user:dan", "s0", by=BY)

        page = home.get("user:root", "/authz/music/")

        assert "no accounts: shared only" in page
        assert page.count("stored, encrypted") == 1
        assert "the shared account" in page
        assert "not encrypted" in page
        assert CAROLS not in page
        link = home.accounts.of("user:carol")["s0"]
        assert link.sealed not in page

    def test_they_test_a_server(self, house: Build):
        """With its version, or why it does not answer."""
        home = house(ServerKind.NAVIDROME)
        assert "not asked yet" in home.get("user:root", "/authz/music/")

        home.post("user:root", "/authz/music/", do="test", server="s0")
        assert "Navidrome 0.63.2" in home.get("user:root", "/authz/music/")
        home.fake.answers = lambda _: (404, None)
        home.post("user:root", "/authz/music/", do="test", server="s0")
        assert "something else answers" in home.get("user:root", "/authz/music/")
        home.post("user:root", "/authz/music/", do="test", server="http://evil.test")

    def test_they_link_for_somebody(self, house: Build):
        """By the person's id, with or without its kind."""
        home = house(ServerKind.NAVIDROME)
        page = home.get("user:root", "/authz/music/link?person=user:dan&server=s0")
        assert 'value="user:dan"' in page

        response = home.post(
            "user:root",
            "/authz/music/link",
            do="link",
            server="s0",
            person="dan",
            account="carol",
            secret=CAROLS,
        )

        assert response.status_code == 303
        link = home.accounts.of("user:dan")["s0"]
        assert (link.account, link.linked_by) == ("carol", "user:root")

    def test_a_role_is_nobody(self, house: Build):
        """Said at the field."""
        home = house(ServerKind.NAVIDROME)

        response = home.post(
            "user:root",
            "/authz/music/link",
            do="link",
            server="s0",
            person="role:admin",
            account="carol",
            secret=CAROLS,
        )

        assert response.status_code == 422
        assert 'id="person-s0-error"' in response.text

    def test_they_let_share_and_forget(self, house: Build):
        """One button each; what makes no sense does nothing."""
        home = house(ServerKind.NAVIDROME, AUTHZ_MUSIC_UNLINKED="refuse")
        home.connect("user:carol")
        path = "/authz/music/"

        home.post("user:root", path, do="share", server="s0", person="user:carol")
        assert str(home.accounts.of("user:carol")["s0"].mode) == "shared"
        home.post("user:root", path, do="share", server="s9", person="user:dan")
        home.post("user:root", path, do="share", server="s0", person="role:user")
        home.post("user:root", path, do="dance", server="s0", person="user:dan")
        home.post("user:root", path, do="check", server="s0", person="user:carol")
        home.post("user:root", path, do="unlink", server="s0", person="user:carol")
        assert home.accounts.links.page(limit=9).total == 0

    def test_they_search(self, house: Build):
        """By person or account."""
        home = house(ServerKind.NAVIDROME)
        home.connect("user:carol")
        home.connect("user:dan")

        page = home.get("user:root", "/authz/music/?search=car")

        assert "carol" in page
        assert "dan" not in page
        assert "Nobody matches" in home.get("user:root", "/authz/music/?search=eve")


def test_the_account_page_leads_there(house: Build):
    """With what is connected already."""
    home = house(ServerKind.NAVIDROME)
    assert "None connected" in home.get("user:carol", "/authz/account")
    home.connect()

    page = home.get("user:carol", "/authz/account")

    assert "Music accounts" in page
    assert 'href="/authz/account/music"' in page


def test_the_menu_shows_what_one_may_open(house: Build):
    """People see their own page, administrators both."""
    home = house(ServerKind.NAVIDROME)

    assert 'href="/authz/music/"' not in home.get("user:carol")
    assert 'href="/authz/account/music"' in home.get("user:carol")
    assert 'href="/authz/music/"' in home.get("user:root")


def test_pages_are_kept_nowhere(house: Build):
    """Neither by caches nor in frames, and they run no script of others."""
    home = house(ServerKind.NAVIDROME)
    response = home.app.test_client().get(
        "/authz/account/music", headers={"X-Who": "user:carol"}
    )

    assert response.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


def test_every_id_on_a_page_is_one(house: Build):
    """With several servers, labels still lead to their own fields."""
    home = house(ServerKind.NAVIDROME, ServerKind.JELLYFIN, ServerKind.LMS)

    for who, path in (
        ("user:carol", "/authz/account/music"),
        ("user:root", "/authz/music/link"),
    ):
        page = home.get(who, path)
        ids = re.findall(r' id="([^"]+)"', page)
        labels = re.findall(r'<label for="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        assert set(labels) <= set(ids)


class TestPuttingTogether:
    def test_without_servers_there_is_nothing(self, house: Build):
        """No page, no hook, no database."""
        home = house(ServerKind.LYRION, AUTHZ_MUSIC_SERVERS="")

        assert home.music is None
        assert home.get("user:root", status=404)

    def test_the_database_of_authz_is_used_if_no_other_is_named(
        self, house: Build, tmp_path: Path
    ):
        """One file, one connection pool."""
        home = house(
            ServerKind.NAVIDROME,
            AUTHZ_STORE=f"sqlite:///{tmp_path}/authz.db",
            AUTHZ_MUSIC_STORE=None,
        )
        home.connect()

        stored = get_authz(home.app).runtime.stores.database
        assert stored
        with stored.database.read() as connection:
            rows = connection.exec_driver_sql("SELECT person FROM authz_music_link")
            assert rows.all() == [("user:carol",)]

    def test_without_admin_pages_playlists_go_on(self, house: Build):
        """The command links; the refusal then has no address to name."""
        home = house(
            ServerKind.NAVIDROME,
            AUTHZ_ADMIN_ENABLED=False,
            AUTHZ_MUSIC_UNLINKED="refuse",
        )
        response = home.make("user:carol")

        assert response.status_code == 409
        assert "connect" not in response.get_json(force=True)


def test_where_somebody_is_is_told_behind_a_proxy(house: Build):
    """Events of music accounts name the client, as all others do, and the proxy."""
    home = house(
        ServerKind.NAVIDROME,
        AUTHZ_FORWARDED_PROXIES="127.0.0.1",
        AUTHZ_MUSIC_UNLINKED="refuse",
    )
    browser = home.browser("user:carol")
    browser.environ_base["SERVER_SOFTWARE"] = "Werkzeug/3"
    browser.environ_base["HTTP_X_FORWARDED_FOR"] = "10.9.9.9, 203.0.113.9"
    refused = browser.post(
        "/api/create_playlist",
        json={"playlist_name": "mix", "track_ids": ["1"]},
        headers={"X-Who": "user:carol"},
    )
    home.connect()

    assert refused.status_code == 409
    assert len({e.tag for e in home.told}) == 2
    assert {(e.peer, e.client) for e in home.told} == {("127.0.0.1", "203.0.113.9")}


class TestLeaving:
    def test_whoever_is_removed_is_forgotten(self, house: Build):
        """Before the removal takes effect, by its audit record."""
        home = house(ServerKind.NAVIDROME)
        home.connect()
        sink = get_authz(home.app).runtime.audit

        for about in ("user:dan", "carol"):
            sink.record(
                AuditEvent(tag=EventTag.PERSON_REMOVED, at=utc_now(), about=about)
            )
        assert home.accounts.of("user:carol") == {}
        assert "linked-account:removed" in home.sink.tags

    @pytest.mark.parametrize("comes_back", [True, False])
    def test_nobody_inherits_anything_with_a_name(
        self, house: Build, tmp_path: Path, comes_back: bool
    ):
        """Even if the removal was not seen here: it was made by a command."""
        home = house(ServerKind.NAVIDROME, AUTHZ_STORE=f"sqlite:///{tmp_path}/authz.db")
        people = get_authz(home.app).runtime.people
        free: dict[str, Any] = {
            "check": lambda _: None,
            "before_commit": lambda *_: None,
        }
        carol = Person(id="carol", display_name="Carol", source="local")
        first = people.add(carol, **free)
        home.connect()
        assert home.accounts.of("user:carol")

        people.remove(first, **free)
        if comes_back:
            people.add(carol, **free)

        assert home.accounts.of("user:carol") == {}
        assert home.accounts.links.page(limit=1).total == 0

    def test_whom_only_a_provider_knows_keeps_theirs(
        self, house: Build, tmp_path: Path
    ):
        """They are noted in the background, after they connected."""
        home = house(ServerKind.NAVIDROME, AUTHZ_STORE=f"sqlite:///{tmp_path}/authz.db")
        name = "user:authentik/carol"
        home.link("carol", person=name)
        people = get_authz(home.app).runtime.people
        people.seen(
            [Person(id="authentik/carol", display_name="Carol", source="authentik")]
        )

        assert people.find("authentik/carol")
        assert home.accounts.of(name)


def test_a_fault_has_words():
    """Whatever a server does, a person can read it."""
    from authz_audiomuse.music.pages import SHORT, WORDS

    assert set(WORDS) == set(SHORT) == set(Fault)
