"""HTTP Basic authentication, for programs that can do nothing else."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from authz.identity.guesser import PER_CLIENT
from tests.web.apps import ALICE, BOB, Client, RecordingSink

MakeApp = Callable[..., Flask]
TOKEN = "0123456789abcdef0123456789abcdef"
ON = {"AUTHZ_API_TOKEN": TOKEN, "AUTHZ_API_TOKEN_ROLE": "user"}
ON |= {"AUTHZ_BASIC_AUTH": "true"}


def basic(password: str, name: str = "player") -> dict[str, Any]:
    """Return the header of a program."""
    pair = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"AUTHORIZATION": f"Basic {pair}", "ACCEPT": "*/*"}


def test_a_token_as_the_password(make_app: MakeApp):
    """Whatever the name beside it is, it is the token, and may what the token may."""
    client = Client(make_app(**ON))

    assert client(path="/map", **basic(TOKEN)).ran == "map"
    assert client(path="/map", **basic(TOKEN, "")).ran == "map"
    assert client(path="/admin", **basic(TOKEN)).status == 403


def test_it_is_off_by_default(make_app: MakeApp):
    """A program is told what to send instead, and is not asked for Basic."""
    client = Client(make_app(**{**ON, "AUTHZ_BASIC_AUTH": ""}))

    answer = client(path="/map", **basic(TOKEN))

    assert answer.status == 401
    assert "Bearer" in answer.text
    assert "Basic" not in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(("name", "password"), [("alice", ALICE), ("bob", BOB)])
def test_a_persons_password_is_none(make_app: MakeApp, name: str, password: str):
    """It would be sent with every request, and guessed at everywhere."""
    client = Client(make_app(**ON))

    assert client(path="/map", **basic(password, name)).status == 401


@pytest.mark.parametrize(
    "value", ["Basic", "Basic ", "Basic %%%", "Basic YQ==", "basic " + "A" * 9000]
)
def test_what_holds_no_token_is_refused(make_app: MakeApp, value: str):
    """Present and not good is never anonymous, not even where strangers may."""
    client = Client(make_app(**ON))

    expected = 200 if value == "Basic" else 401  # no scheme with credentials at all
    assert client(path="/health", authorization=value).status == expected


def test_a_program_is_asked_for_it_and_a_browser_is_not(make_app: MakeApp):
    """A browser would open a window of its own over the page."""
    client = Client(make_app(**ON))

    program = client(path="/map", accept="*/*")
    script = client(path="/map", accept="*/*", sec_fetch_mode="cors")

    assert program.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert "Basic" not in script.headers["WWW-Authenticate"]
    assert client(path="/map").status == 302


def test_guessing_is_slowed_and_a_good_token_is_not(
    make_app: MakeApp, sink: RecordingSink
):
    """Others at the same address do not keep a program out."""
    client = Client(make_app(**ON))
    for _ in range(PER_CLIENT.amount):
        assert client(path="/map", **basic("wrong")).status == 401

    answer = client(path="/map", **basic("wrong"))

    assert answer.status == 429
    assert "Retry-After" in answer.headers
    assert sink.events[-1].reason == "too-many-attempts"
    assert client(path="/map", **basic(TOKEN)).ran == "map"


def test_a_browser_cannot_be_made_to_use_it(make_app: MakeApp):
    """It sends what was typed in once by itself, so another site's form is refused."""
    client = Client(make_app(**ON))
    foreign = {"sec_fetch_site": "cross-site"}

    assert client("POST", "/api/playlist", **basic(TOKEN)).ran == "playlist"
    assert client("POST", "/api/playlist", **basic(TOKEN), **foreign).status == 403


@pytest.mark.parametrize("name", ["token", "api_key", "access_token", "apiKey"])
def test_a_token_in_the_address_is_not_looked_at(make_app: MakeApp, name: str):
    """Addresses end up in logs; the page and the problem say what to do instead."""
    client = Client(make_app(**ON))

    for accept in ("*/*", "application/json"):
        answer = client(path=f"/map?{name}={TOKEN}", accept=accept)

        assert answer.status == 401
        assert "A token in the address is not looked at" in answer.text


@pytest.mark.parametrize(
    "value",
    [
        "Basic {good},Bearer {token}",
        "Bearer {token},Basic {good}",
        "Basic {good},Basic {good}",
        "Basic {good},Basic {wrong}",
    ],
)
def test_two_headers_are_none(make_app: MakeApp, value: str):
    """Servers join them by a comma, and one of them may be planted."""
    client = Client(make_app(**ON))
    good, wrong = (basic(word)["AUTHORIZATION"][6:] for word in (TOKEN, "wrong"))

    sent = value.format(good=good, wrong=wrong, token=TOKEN)
    assert client(path="/health", authorization=sent).status == 401
