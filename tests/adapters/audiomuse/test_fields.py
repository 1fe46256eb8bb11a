"""What people send along: nothing that is an administrator's to choose reaches the app.

The corpus is what an attacker would try; each line is sent to a route that a user
may use, and what the app could read is looked at.
"""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from authz_audiomuse.fields.listed import Action, read_fields
from authz_audiomuse.fields.sent import MAX_BODY
from authz_audiomuse.servers import HostServers, ListedServers
from hypothesis import given
from hypothesis import strategies as st

from authz.decision import ANONYMOUS
from tests.adapters.audiomuse.corpus import (
    BODIES,
    CHAT,
    DISGUISED,
    FINGERPRINT,
    ORDINARY_BODIES,
    ORDINARY_QUERY,
    PLAYLIST,
    SPELLINGS,
)
from tests.adapters.audiomuse.rig import ACCOUNTS, Caller, Rig, guarded
from tests.adapters.audiomuse.test_attach import ROUTES
from tests.web.apps import Answer

#: What must never be seen by the app, or in an event.
LOOT = "http://169.254.169.254/loot"
USERS = [
    (method, path)
    for method, path, proposed in ROUTES
    if proposed.startswith("user") and path != "/"
]
WRITES = [(m, p) for m, p in USERS if m in {"POST", "PUT"}]
FIELDS = read_fields()


def read(answer: Answer) -> dict[str, Any]:
    """Return what the app could read."""
    assert answer.status == 200, answer.text
    found: dict[str, Any] = json.loads(answer.text)
    return found


def refused(answer: Answer, status: int = 403) -> bool:
    """Whether the request was refused, before the app saw anything."""
    return (
        answer.status == status
        and answer.ran is None
        and answer.headers["Content-Type"] == "application/problem+json"
        and LOOT not in answer.text
    )


class TestOnEveryRoute:
    """What is listed for every route, and what looks like it, is caught on each."""

    @pytest.mark.parametrize(
        "name", ["server", "server_id", "api_key", "media_server_url", "user_creds.url"]
    )
    def test_in_the_query(self, bob: Caller, name: str):
        """Whatever the route does with its query."""
        query = urlencode({"title": "x", name: LOOT})
        got_through = [
            (method, path)
            for method, path in USERS
            if not refused(bob(method, f"{path}?{query}", accept="application/json"))
        ]

        assert got_through == []

    @pytest.mark.parametrize(
        "name", ["server", "server_id", "api_key", "media_server_url", "host"]
    )
    def test_in_a_json_body(self, bob: Caller, name: str):
        """Whatever the route does with its body, at any depth."""
        bodies = (
            {"title": "x", name: LOOT},
            {"a": [{"b": {name: LOOT}}]},
            [{name: LOOT}],
        )
        got_through = [
            (method, path, body)
            for method, path in WRITES
            for body in bodies
            if not refused(bob.json(method, path, body))
        ]

        assert got_through == []

    def test_in_a_form(self, bob: Caller):
        """Forms too, in both kinds, and as the name of a file."""
        plain = urlencode({"title": "x", "server": LOOT}).encode()
        bodies = [(plain, "application/x-www-form-urlencoded")]
        for part in ('name="server"', 'name="server"; filename="x"'):
            head = f"--b\r\nContent-Disposition: form-data; {part}\r\n\r\n"
            data = f"{head}{LOOT}\r\n--b--\r\n".encode()
            bodies.append((data, "multipart/form-data; boundary=b"))
        got_through = [
            (method, path, kind)
            for method, path in WRITES
            for data, kind in bodies
            if not refused(bob.body(method, path, data, kind))
        ]

        assert got_through == []

    def test_ordinary_fields_pass(self, bob: Caller):
        """What the pages of the app send is not hindered, on any route."""
        query = urlencode(ORDINARY_QUERY)
        hindered = [
            (method, path)
            for method, path in USERS
            if any(
                why in bob(method, f"{path}?{query}").text
                for why in ("not-allowed", "unreadable", "not yours")
            )
        ]

        assert hindered == []


@pytest.mark.parametrize(("path", "sent"), ORDINARY_BODIES)
def test_what_the_pages_send_arrives(bob: Caller, path: str, sent: dict[str, Any]):
    """Ordinary bodies reach the app to the letter."""
    assert read(bob.json("POST", path, sent))["json"] == sent


class TestTheChatPage:
    """It always sends the addresses it was told."""

    @pytest.mark.parametrize("path", [CHAT, "/chat/api/chatPlaylistStream"])
    @pytest.mark.parametrize("name", ["ollama_server_url", "openai_server_url"])
    def test_the_address_of_a_model_is_the_administrators(
        self, bob: Caller, path: str, name: str
    ):
        """It is taken out, so the page works and the app uses its own."""
        answer = bob.json("POST", path, {"userInput": "rain", name: LOOT})

        assert read(answer)["json"] == {"userInput": "rain"}
        assert LOOT not in answer.text

    @pytest.mark.parametrize("name", ["openai_api_key", "gemini_api_key"])
    def test_keys_are_refused_unless_they_are_empty(self, bob: Caller, name: str):
        """The page may send an empty one; a filled one is somebody trying."""
        assert refused(bob.json("POST", CHAT, {"userInput": "x", name: "sk-1"}))
        for empty in ("", None):
            answer = bob.json("POST", CHAT, {"userInput": "x", name: empty})
            assert read(answer)["json"] == {"userInput": "x"}
        assert refused(bob.json("POST", CHAT, {"userInput": "x", name: " "}))

    def test_it_is_another_routes_field(self, bob: Caller):
        """Elsewhere the same name is not expected, so it is refused."""
        assert refused(bob.json("POST", PLAYLIST, {"ollama_server_url": LOOT}))


class TestPlaylists:
    """A playlist is made in the account the app uses, or the person's own."""

    def test_the_account_that_the_page_sends_is_taken_out(self, bob: Caller):
        """The page sends what it was told, and an empty token."""
        sent = {
            "playlist_name": "x",
            "track_ids": ["1"],
            "user_creds": {"user_identifier": "carols-id", "token": ""},
        }
        answer = bob.json("POST", PLAYLIST, sent)

        assert read(answer)["json"] == {"playlist_name": "x", "track_ids": ["1"]}

    @pytest.mark.parametrize(
        "creds",
        [
            {"user_identifier": "x", "token": "t"},
            {"user": "x", "password": "p"},
            {"api_key": "k"},
            {"url": LOOT},
            {"server": LOOT},
            {"user": {"token": "t"}},
            {"other": 1},
            {"token": ["t"]},
            {"token": {"x": "t"}},
            [{"token": "t"}],
            [[{"url": LOOT}]],
        ],
    )
    def test_credentials_are_refused(self, bob: Caller, creds: Any):
        """Whoever types one is told, and not served with another account silently."""
        sent = {"playlist_name": "x", "track_ids": ["1"], "user_creds": creds}
        assert refused(bob.json("POST", PLAYLIST, sent))

    @pytest.mark.parametrize("creds", ["a string", 7, True, [], ["x"], None, {}])
    def test_other_kinds_are_taken_out(self, bob: Caller, creds: Any):
        """Whatever it is, the app does not read it."""
        sent = {"playlist_name": "x", "user_creds": creds}
        assert read(bob.json("POST", PLAYLIST, sent))["json"] == {"playlist_name": "x"}

    def test_in_chat_there_is_no_such_field(self, bob: Caller):
        """A field that the route does not have is refused."""
        sent = {"playlist_name": "x", "user_creds": {"user": "x"}}
        assert refused(bob.json("POST", "/chat/api/create_playlist", sent))


class TestTheFingerprint:
    """Whose listening is looked at is not for a user to say."""

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_it_is_the_shared_account(self, bob: Caller, method: str):
        """The id is set to the account that the app itself uses."""
        sent = {"n": "5", "jellyfin_user_identifier": "carols-id", "jellyfin_token": ""}
        if method == "GET":
            found = read(bob(path=f"{FINGERPRINT}?{urlencode(sent)}"))["args"]
            assert found == {
                "n": ["5"],
                "jellyfin_user_identifier": ["shared-account-id"],
            }
        else:
            found = read(bob.json(method, FINGERPRINT, sent))["json"]
            assert found == {"n": "5", "jellyfin_user_identifier": "shared-account-id"}

    def test_naming_it_twice_does_not_help(self, bob: Caller):
        """Each of them is set."""
        query = "jellyfin_user_identifier=a&jellyfin_user_identifier=carols-id"
        found = read(bob(path=f"{FINGERPRINT}?{query}"))["args"]

        assert set(found["jellyfin_user_identifier"]) == {"shared-account-id"}

    @pytest.mark.parametrize("value", [["carols-id"], [{}], 7, True])
    def test_whatever_it_is(self, bob: Caller, value: Any):
        """No kind of value gets through."""
        sent = {"jellyfin_user_identifier": value}
        found = read(bob.json("POST", FINGERPRINT, sent))["json"]
        assert found == {"jellyfin_user_identifier": "shared-account-id"}

    @pytest.mark.parametrize("name", ["jellyfin_token", "navidrome_password"])
    def test_credentials_are_refused(self, bob: Caller, name: str):
        """In the query and in the body."""
        assert refused(bob(path=f"{FINGERPRINT}?{name}=x"))
        assert refused(bob.json("POST", FINGERPRINT, {name: "x"}))

    def test_without_a_shared_account_nothing_is_said(self):
        """Then the app has to say that it needs one."""
        with guarded({"JELLYFIN_USER_ID": ""}, **ACCOUNTS) as rig:
            sent = {"n": 5, "jellyfin_user_identifier": "carols-id"}
            answer = rig.signed_in("bob").json("POST", FINGERPRINT, sent)
            assert read(answer)["json"] == {"n": 5}

    def test_a_navidrome_name_is_taken_out(self, bob: Caller):
        """The app falls back to its own account."""
        answer = bob.json("POST", FINGERPRINT, {"n": 5, "navidrome_user": "carol"})
        assert read(answer)["json"] == {"n": 5}


class TestChoosingAServer:
    """The default one, and those that the operator names."""

    def test_the_default_one_may_be_named(self, bob: Caller):
        """Naming it changes nothing."""
        found = read(bob(path="/api/search_tracks?server=living-room"))
        assert found["server"] == "living-room"

    def test_another_one_may_not(self, bob: Caller):
        """By query, by body, and by a body beside a harmless query."""
        assert refused(bob(path="/api/search_tracks?server=attic"))
        assert refused(bob.json("POST", PLAYLIST, {"server_id": "attic"}))
        both = bob.json("POST", f"{PLAYLIST}?server=living-room", {"server": "attic"})
        assert refused(both)
        both = bob.json("POST", f"{PLAYLIST}?server=attic", {"server": "living-room"})
        assert refused(both)
        assert refused(bob(path="/api/search_tracks?server=living-room&server=attic"))

    @pytest.mark.parametrize(
        "value", [["living-room"], {"a": 1}, 7, True, " ", "\u0000"]
    )
    def test_only_text_names_a_server(self, bob: Caller, value: Any):
        """Another kind of value is not compared, it is refused."""
        assert refused(bob.json("POST", PLAYLIST, {"server": value}))

    @pytest.mark.parametrize("value", ["", None, 0, False, [], {}])
    def test_an_empty_one_is_taken_out(self, bob: Caller, value: Any):
        """The app looks further then, in the query, which was looked at too."""
        answer = bob.json("POST", PLAYLIST, {"playlist_name": "x", "server": value})
        assert read(answer)["json"] == {"playlist_name": "x"}

    def test_those_that_the_operator_names(self):
        """By id or by name; the app itself does not tell capitals apart in a name."""
        with guarded(**ACCOUNTS, AUTHZ_AUDIOMUSE_SERVERS="attic, Garden shed") as rig:
            bob = rig.signed_in("bob")
            search = "/api/search_tracks?server"
            assert read(bob(path=f"{search}=attic"))["server"] == "attic"
            assert read(bob(path=f"{search}=The+attic"))["server"] == "The attic"
            assert read(bob(path="/api/track?server=garden+Shed"))["server"]
            assert refused(bob(path=f"{search}=cellar"))

    def test_all_of_them(self):
        """If the operator says so; one that the app does not have is nobody's."""
        with guarded(**ACCOUNTS, AUTHZ_AUDIOMUSE_SERVERS="*") as rig:
            bob = rig.signed_in("bob")
            assert read(bob(path="/api/search_tracks?server=shed"))["server"] == "shed"
            assert refused(bob(path="/api/search_tracks?server=any"))
            assert refused(bob.json("POST", PLAYLIST, {"server": ["shed"]}))

    @pytest.mark.parametrize(
        ("setting", "theirs"),
        [
            ({}, ["Living room"]),
            ({"AUTHZ_AUDIOMUSE_SERVERS": "attic"}, ["Living room", "The attic"]),
            (
                {"AUTHZ_AUDIOMUSE_SERVERS": "*"},
                ["Living room", "The attic", "Garden shed"],
            ),
        ],
    )
    def test_whatever_is_offered_may_be_chosen(
        self, setting: dict[str, str], theirs: list[str]
    ):
        """The picker, the API and the dashboard list the same, and all of it works."""
        with guarded(**ACCOUNTS, **setting) as rig:
            bob, alice = rig.signed_in("bob"), rig.signed_in("alice")
            told = json.loads(bob(path="/api/servers").text)
            page = bob(path="/map").text
            board = json.loads(bob(path="/api/dashboard/summary").text)["content"]

            assert [server["name"] for server in told["servers"]] == theirs
            assert [server["name"] for server in board["music_servers"]] == theirs
            for name in ("Living room", "The attic", "Garden shed"):
                offered = f"<option>{name}</option>" in page
                assert offered is (name in theirs and len(theirs) > 1)
                answer = bob(path=f"/api/search_tracks?server={quote(name)}")
                assert (answer.status == 200) is (name in theirs)
            assert alice(path="/map").text.count("<option>") == 3

    def test_a_registry_that_fails_is_no_permission(
        self, caplog: pytest.LogCaptureFixture
    ):
        """If the app cannot tell its servers, none may be named."""

        def broken() -> None:
            raise RuntimeError("the database is gone")

        servers = HostServers(broken, ListedServers(["*"]))

        assert not servers.may_choose(ANONYMOUS, "living-room")
        assert "cannot tell its music servers" in caplog.text


@pytest.mark.parametrize("name", BODIES)
def test_a_body_with_two_meanings_is_refused(bob: Caller, name: str):
    """What two readers could read differently is read by none."""
    data, kind = BODIES[name]

    assert refused(bob.body("POST", PLAYLIST, data, kind), 400)


@pytest.mark.parametrize("name", DISGUISED)
def test_json_is_looked_at_whatever_it_is_called(bob: Caller, name: str):
    """The app may read JSON without looking at the type."""
    assert refused(bob.body("POST", PLAYLIST, b'{"server": "attic"}', DISGUISED[name]))


@pytest.mark.parametrize("name", SPELLINGS)
def test_other_spellings_are_caught(bob: Caller, name: str):
    """Case, separators, width and brackets make no other name of it."""
    assert refused(bob.json("POST", PLAYLIST, {name: "x"}))
    assert refused(bob(path=f"/api/search_tracks?{quote(name)}=x"))


class TestTheEdges:
    """Bodies where none are expected, large ones, and other people."""

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_a_body_where_none_belongs(self, bob: Caller, method: str):
        """The app may read the body of a GET; so nobody sends one."""
        answer = bob.json(method, FINGERPRINT, {"jellyfin_user_identifier": "carol"})

        assert answer.status == 400
        assert answer.ran is None

    def test_a_chunked_body(self, bob: Caller):
        """A body without a length is read too."""

        def send(data: bytes) -> Answer:
            return bob(
                "POST",
                PLAYLIST,
                environ={
                    "wsgi.input": BytesIO(data),
                    "wsgi.input_terminated": True,
                    "HTTP_TRANSFER_ENCODING": "chunked",
                    "CONTENT_TYPE": "application/json",
                },
            )

        assert refused(send(b'{"server": "attic"}'))
        assert read(send(b'{"playlist_name": "x"}'))["json"] == {"playlist_name": "x"}

    def test_a_body_that_is_too_large(self, bob: Caller):
        """No page of the app sends so much."""
        data = json.dumps({"playlist_name": "x" * MAX_BODY}).encode()
        assert refused(bob.body("POST", PLAYLIST, data, "application/json"), 400)

    def test_ten_thousand_tracks_fit(self, bob: Caller):
        """A long playlist is not too large."""
        tracks = [f"{number:064x}" for number in range(10_000)]
        sent = {"playlist_name": "all", "track_ids": tracks}
        assert read(bob.json("POST", PLAYLIST, sent))["json"] == sent

    def test_a_compressed_body(self, bob: Caller):
        """Nobody unpacks it here, so nobody is to unpack it behind."""
        answer = bob.body(
            "POST", PLAYLIST, b'{"a": 1}', "application/json", content_encoding="gzip"
        )
        assert refused(answer, 400)

    def test_a_form_passes_whole(self, bob: Caller):
        """What is harmless in a form is left as it is."""
        data = urlencode({"title": "x", "server": ""}).encode()
        kind = "application/x-www-form-urlencoded"
        found = read(bob.body("POST", PLAYLIST, data, kind))

        assert found["form"] == {"title": ["x"], "server": [""]}

    def test_administrators_send_what_they_like(self, alice: Caller):
        """They set servers and credentials; nothing of theirs is touched."""
        sent = {"server": "attic", "user_creds": {"token": "t"}, "api_key": "k"}
        assert read(alice.json("POST", PLAYLIST, sent))["json"] == sent
        found = read(alice(path="/api/search_tracks?server=attic&api_key=k"))
        assert found["args"] == {"server": ["attic"], "api_key": ["k"]}
        odd = alice.body("POST", PLAYLIST, b'{"a": 1, "a": 2}', "application/json")
        assert odd.ran

    def test_strangers_of_a_demo_are_looked_at_too(self):
        """Whoever holds a role without signing in is no administrator either."""
        with guarded(**ACCOUNTS, AUTHZ_ANONYMOUS_ROLE="user") as rig:
            stranger = rig.stranger()
            assert read(stranger.json("POST", CHAT, {"userInput": "x"}))
            assert refused(stranger.json("POST", CHAT, {"api_key": LOOT}))

    def test_a_person_is_told_on_a_page(self, bob: Caller):
        """Not everybody who is refused is a program."""
        answer = bob(path="/map?server=attic", accept="text/html")

        assert answer.status == 403
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "which music server is used" in answer.text

    def test_a_name_that_cannot_be_printed(self, bob: Caller):
        """Half a character in a name is no server error."""
        data = b'{"token\\ud800": "x"}'
        assert refused(bob.body("POST", PLAYLIST, data, "application/json"))

    def test_what_was_refused_is_noted_without_its_value(self, rig: Rig, bob: Caller):
        """The log names the field and not what stood in it."""
        bob.json("POST", PLAYLIST, {"api_key": "sk-very-secret"})
        event = rig.sink.events[-1]

        assert event.reason == "field-not-allowed"
        assert event.detail == {"field": "api_key"}
        assert event.subject == "user:bob"
        assert "sk-very-secret" not in event.as_json()


_NAMES = st.one_of(
    st.sampled_from(
        ["server", "user_creds", "token", "a", "items", "ollama_server_url"]
    ),
    st.text(max_size=8),
)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_NAMES, inner, max_size=3)
    ),
    max_leaves=12,
)


@given(sent=_JSON, path=st.sampled_from([PLAYLIST, CHAT, FINGERPRINT]))
def test_nothing_listed_ever_arrives(bob: Caller, sent: Any, path: str):
    """Whatever JSON is sent: refused, or read by the app without what is not its own.

    And what arrives is what was sent, less the fields that were taken out.
    """
    answer = bob.json("POST", path, sent)
    if answer.status != 200:
        assert answer.status in {400, 403}
        assert answer.ran is None
        return
    arrived = json.loads(answer.text)["json"]
    for name, _value in _members(arrived):
        field = FIELDS.find(path, name)
        assert field is None or field.action in {Action.CHOOSE, Action.ALLOW}
    assert isinstance(arrived, type(sent))


def _members(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield prefix + name, inner
            yield from _members(inner, f"{prefix}{name}.")
    elif isinstance(value, list):
        for inner in value:
            yield from _members(inner, prefix or ".")
