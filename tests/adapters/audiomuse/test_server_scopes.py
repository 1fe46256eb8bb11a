"""With scopes in the policy, people see and use the music servers that are theirs.

The stand-in reads the server of a request as AudioMuse-AI 3.4.0 does; see its
`app_server_context.py`.
"""

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import authz_audiomuse
import pytest

from tests.adapters.audiomuse.rig import ACCOUNTS, Caller, Rig, guarded, policy_file
from tests.cli.commands import run
from tests.web.apps import Answer

SHIPPED = Path(authz_audiomuse.__file__).with_name("policy.csv")
MODEL = Path(__file__).parents[3] / "model-scoped.conf"
#: AUTHZ_USER gives bob his role everywhere, so it is given by a line instead.
PEOPLE = {
    "AUTHZ_ADMIN": ACCOUNTS["AUTHZ_ADMIN"],
    "AUTHZ_ADMIN_PASSWORD": ACCOUNTS["AUTHZ_ADMIN_PASSWORD"],
    "AUTHZ_ACCOUNTS": f"bob:nothing:{ACCOUNTS['AUTHZ_USER_PASSWORD']}",
    "AUTHZ_AUDIOMUSE_SERVERS": "*",
}
PLAYLIST = "/api/create_playlist"
SEARCH = "/api/search_tracks"


@pytest.fixture(name="scoped", scope="module")
def _scoped(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the shipped policy, turned into one with scopes."""
    into = tmp_path_factory.mktemp("scoped") / "into"
    ran = run("scope", "add", str(SHIPPED), "--into", str(into))
    assert ran.exit_code == 0, ran.output
    return (into / "policy.csv").read_text(encoding="utf-8")


@contextlib.contextmanager
def house(scoped: str, *lines: str, **settings: str) -> Iterator[Rig]:
    """Guard the stand-in with the shipped policy with scopes, and *lines*."""
    more = {**PEOPLE, **settings, "AUTHZ_MODEL": str(MODEL)}
    with (
        policy_file("\n".join([scoped, *lines, ""])) as file,
        guarded(**more, AUTHZ_POLICY=file) as rig,
    ):
        yield rig


@pytest.fixture(name="attic", scope="module")
def _attic(scoped: str) -> Iterator[Rig]:
    """Bob has the attic, which is not the default server."""
    with house(scoped, "g, user:bob, role:user, server:attic") as rig:
        yield rig


@pytest.fixture(name="bob", scope="module")
def _bob(attic: Rig) -> Caller:
    return attic.signed_in("bob")


def used(answer: Answer) -> Any:
    """Return the server that the app worked on."""
    assert answer.status == 200, answer.text
    return json.loads(answer.text)["used"]


def test_the_picker_the_lists_and_the_page_show_what_is_theirs(bob: Caller):
    """What is not theirs is nowhere named, and the default is one of theirs."""
    told = json.loads(bob(path="/api/servers").text)
    board = json.loads(bob(path="/api/dashboard/summary").text)["content"]
    browse = bob(path="/browse").text

    assert [each["server_id"] for each in told["servers"]] == ["attic"]
    assert told["default_id"] == "attic"
    assert told["servers"][0]["is_default"] is True
    assert [each["name"] for each in board["music_servers"]] == ["The attic"]
    assert "[The attic*]" in browse
    for page in ("/map", "/browse", "/"):
        text = bob(path=page).text
        assert "Living room" not in text
        assert "Garden shed" not in text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", SEARCH),
        ("GET", f"{SEARCH}?server="),
        ("GET", "/api/map"),
        ("GET", "/api/dashboard/browse"),
        ("GET", "/api/dashboard/browse?server=all"),
        ("GET", "/external/get_score?id=1"),
        ("POST", PLAYLIST),
        ("POST", "/chat/api/create_playlist"),
        ("POST", "/api/alchemy"),
        ("GET", f"{SEARCH}?server=attic"),
        ("GET", f"{SEARCH}?server=THE+ATTIC"),
        ("GET", f"{SEARCH}?server_id=attic"),
        ("POST", f"{PLAYLIST}?server=attic"),
    ],
)
def test_the_app_works_on_their_server_named_or_not(
    bob: Caller, method: str, path: str
):
    """Without a word the app would take its default one, or all catalogues."""
    answer = (
        bob(path=path)
        if method == "GET"
        else bob.json(method, path, {"playlist_name": "x"})
    )

    assert used(answer) == "attic"


@pytest.mark.parametrize("named", ["attic", "The attic", "tHE aTTIC"])
@pytest.mark.parametrize("field", ["server", "server_id"])
def test_a_body_names_it_too(bob: Caller, field: str, named: str):
    """By id, or by name whatever its capitals, as the app reads it."""
    answer = bob.json("POST", PLAYLIST, {"playlist_name": "x", field: named})

    assert used(answer) == "attic"
    assert json.loads(answer.text)["json"]["playlist_name"] == "x"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{SEARCH}?server=living-room", None),
        (f"{SEARCH}?server=Living+room", None),
        (f"{SEARCH}?server_id=shed", None),
        (f"{SEARCH}?server=cellar", None),
        ("/api/dashboard/browse?server=shed", None),
        ("/api/dashboard/browse?filter=orphan", None),
        ("/api/dashboard/browse?filter=+Orphan&server=attic", None),
        (PLAYLIST, {"server": "living-room"}),
        (PLAYLIST, {"server_id": "shed"}),
        (f"{PLAYLIST}?server=shed", {}),
        (PLAYLIST, {"server": 7}),
    ],
)
def test_a_server_that_is_not_theirs_is_refused(
    attic: Rig, bob: Caller, path: str, body: Any
):
    """403 whether the app has it or not, and the app does not see the request."""
    answer = bob(path=path) if body is None else bob.json("POST", path, body)

    assert (answer.status, answer.ran) == (403, None)
    assert "scope" in attic.sink.events[-1].detail


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        (f"{SEARCH}?server=attic&server=attic", None, "scope-doubled"),
        (f"{SEARCH}?server=attic&server=shed", None, "scope-doubled"),
        (f"{SEARCH}?server=attic&server_id=shed", None, "scope-contradicts"),
        (f"{PLAYLIST}?server=attic", {"server": "shed"}, "scope-contradicts"),
        (PLAYLIST, {"server": "attic", "server_id": "shed"}, "scope-contradicts"),
        (PLAYLIST, {"server": ["attic"]}, "scope-malformed"),
        (PLAYLIST, {"server": {"a": 1}}, "scope-malformed"),
        (PLAYLIST, {"server": True}, "scope-malformed"),
        (PLAYLIST, {"server": " "}, "scope-malformed"),
        (PLAYLIST, {"server": "a\u0000"}, "scope-malformed"),
    ],
)
def test_what_cannot_be_read_in_one_way_is_refused(
    attic: Rig, bob: Caller, path: str, body: Any, why: str
):
    """400, recorded with the reason."""
    answer = bob(path=path) if body is None else bob.json("POST", path, body)

    assert (answer.status, answer.ran) == (400, None)
    assert attic.sink.events[-1].reason == why


def test_a_body_with_a_name_twice_is_refused(attic: Rig, bob: Caller):
    """Which of the two the app would take is not for us to guess."""
    data = b'{"server": "attic", "server": "shed"}'
    answer = bob.body("POST", PLAYLIST, data, "application/json")

    assert answer.status == 400
    assert attic.sink.events[-1].reason == "member-twice"


def test_the_default_one_stays_the_default_if_it_is_theirs(scoped: str):
    """Of two, the app's own default comes first; the app is told so all the same."""
    lines = (
        "g, user:bob, role:user, server:living-room",
        "g, user:bob, role:user, server:shed",
    )
    with house(scoped, *lines) as rig:
        bob = rig.signed_in("bob")

        assert used(bob(path=SEARCH)) == "living-room"
        assert used(bob(path=f"{SEARCH}?server=shed")) == "shed"
        assert bob(path=f"{SEARCH}?server=attic").status == 403
        told = json.loads(bob(path="/api/servers").text)
        assert told["default_id"] == "living-room"
        assert [each["is_default"] for each in told["servers"]] == [True, False]


def test_a_rule_that_forbids_one_server_leaves_the_others(scoped: str):
    """Also one that is added later; and nobody is asked for all catalogues at once."""
    lines = (
        "g, user:bob, role:user, server:*",
        "p, role:user, server:living-room, /*, *, deny",
    )
    with house(scoped, *lines) as rig:
        bob = rig.signed_in("bob")

        assert used(bob(path=SEARCH)) == "attic"
        assert used(bob(path=f"{SEARCH}?server=shed")) == "shed"
        assert bob(path=f"{SEARCH}?server=living-room").status == 403
        told = json.loads(bob(path="/api/servers").text)
        assert [each["server_id"] for each in told["servers"]] == ["attic", "shed"]


def test_whoever_may_all_servers_meets_the_app_as_it_is(scoped: str):
    """With a policy that scopes nothing, no request is changed."""
    with house(scoped, "g, user:bob, role:user, *") as rig:
        bob, alice = rig.signed_in("bob"), rig.signed_in("alice")

        assert used(bob(path=SEARCH)) is None
        for who in (bob, alice):
            told = json.loads(who(path="/api/servers").text)
            assert told["default_id"] == "living-room"
            assert len(told["servers"]) == 3
        assert used(bob(path=f"{SEARCH}?server={quote('Garden shed')}")) == "shed"
        assert used(alice(path=f"{SEARCH}?server=shed")) == "shed"
        assert alice(path=f"{SEARCH}?server=cellar").status == 400
        assert alice.json("POST", "/api/analysis/start", {}).ran


@pytest.mark.parametrize("where", ["server:*", "*"])
def test_all_servers_at_once_is_no_dead_choice(scoped: str, where: str):
    """The list offers it: people get their default one, administrators everything."""
    with house(scoped, f"g, user:bob, role:user, {where}") as rig:
        bob, alice = rig.signed_in("bob"), rig.signed_in("alice")

        path = "/api/dashboard/browse?server=all"
        assert used(bob(path=path)) == "living-room"
        assert json.loads(alice(path=path).text)["server"] == "all"


def test_the_setting_keeps_servers_from_everybody(
    scoped: str, caplog: pytest.LogCaptureFixture
):
    """It is asked besides the policy, so scopes open no more; the log says so."""
    caplog.set_level(logging.WARNING)
    lines = ("g, user:bob, role:user, *",)
    with house(scoped, *lines, AUTHZ_AUDIOMUSE_SERVERS="attic") as rig:
        bob = rig.signed_in("bob")

        told = json.loads(bob(path="/api/servers").text)
        names = [each["server_id"] for each in told["servers"]]
        assert names == ["living-room", "attic"]
        assert bob(path=f"{SEARCH}?server=shed").status == 403
    assert "set it to `*`" in caplog.text


def test_an_administrator_of_one_server_is_none_of_the_app(scoped: str):
    """What belongs to no one server is the whole app's, whatever server is named."""
    with house(scoped, "g, user:bob, role:admin, server:attic") as rig:
        bob = rig.signed_in("bob")

        assert used(bob(path=SEARCH)) == "attic"
        assert used(bob(path="/api/sync")) == "attic"
        assert used(bob.json("POST", "/api/radios/run", {})) == "attic"
        for method, path in (
            ("POST", "/api/analysis/start?server=attic"),
            ("POST", "/api/users"),
            ("POST", "/api/servers"),
            ("PUT", "/api/servers/attic"),
            ("POST", "/api/backup/restore"),
            ("POST", "/api/setup"),
        ):
            answer = bob.json(method, path, {"server": "attic"})
            assert (answer.status, answer.ran) == (403, None), path
        for path in ("/api/backup/download/x", "/setup", "/cron", "/users"):
            assert bob(path=path).status == 403, path


def test_whoever_has_no_server_has_nothing_of_one(scoped: str):
    """A role in another kind of scope opens no server, and no body is read for it."""
    with house(scoped, "g, user:bob, role:user, library:kids") as rig:
        bob = rig.signed_in("bob")

        assert bob(path=SEARCH).status == 403
        assert bob(path="/api/servers").status == 403
        assert bob.json("POST", PLAYLIST, {"server": "attic"}).status == 403
        assert rig.stranger()(path=SEARCH).status in {302, 401}


def test_a_role_in_the_whole_app_is_none_on_a_server(scoped: str):
    """`app:audiomuse` is what belongs to no server, a plug-in's page for example."""
    lines = (
        "g, user:bob, role:user, app:audiomuse",
        "p, role:user, *, /plugins/news/, GET",
    )
    with house(scoped, *lines) as rig:
        assert rig.signed_in("bob")(path=SEARCH).status == 403


def test_a_list_that_the_app_cannot_tell_opens_nothing(scoped: str):
    """While its servers are unknown, only who may all of them is let in."""
    with house(scoped, "g, user:bob, role:user, server:attic") as rig:
        bob, alice = rig.signed_in("bob"), rig.signed_in("alice")
        rig.host.servers.SERVERS.clear()  # type: ignore[union-attr]

        assert bob(path=SEARCH).status == 403
        assert bob(path=f"{SEARCH}?server=living-room").status == 403
        assert used(alice(path=SEARCH)) is None
