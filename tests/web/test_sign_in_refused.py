"""Every refusal of sign-in has a cause: in the log and on the page."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from authz.extension import get_authz
from authz.identity.guesser import PER_ACCOUNT
from authz.identity.hashing_queue import HashingQueue
from tests.web.apps import BOB, Client, RecordingSink, browser_of

MakeApp = Callable[..., Flask]
LAN = {"HTTP_HOST": "music.lan"}


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A way in which signing in with the right password is refused."""

    #: The reason in the audit log.
    why: str
    #: What the page says.
    told: str
    status: int = 400
    tag: str = "session:sign-in:refused"
    settings: dict[str, str] = field(default_factory=dict)
    environ: dict[str, Any] = field(default_factory=dict)
    password: str = BOB
    #: What happens between opening the form and sending it.
    meanwhile: Callable[[Client], object] = lambda _: None


def _guessed(client: Client) -> None:
    for _ in range(PER_ACCOUNT.amount):
        Client(client.app).sign_in("bob", "wrong")


def _busy(client: Client) -> None:
    get_authz(client.app).runtime.accounts.queue = HashingQueue(0)


def _another_form(client: Client) -> None:
    for name in [name for name in client.cookies if name.endswith("-form")]:
        client.cookies[name] = "another"


REFUSED = [
    Refused(
        why="origin-port-differs",
        told="a proxy in between drops the port",
        environ=LAN | {"HTTP_ORIGIN": "http://music.lan:8080"},
    ),
    Refused(
        why="origin-host-differs",
        told="a proxy in between writes another host",
        environ={"HTTP_HOST": "app:8000", "HTTP_ORIGIN": "http://music.lan"},
    ),
    Refused(
        why="origin-hidden",
        told="does not say which page",
        environ=LAN | {"HTTP_ORIGIN": "null"},
    ),
    Refused(
        why="secure-cookie-over-http",
        told="cookies over HTTPS only",
        settings={"AUTHZ_COOKIE_SECURE": "true"},
        environ=LAN | {"HTTP_ORIGIN": "http://music.lan"},
        # A browser keeps no secure cookie that came over HTTP.
        meanwhile=lambda client: client.cookies.clear(),
    ),
    Refused(
        why="form-cookie-missing",
        told="Allow cookies",
        meanwhile=lambda client: client.cookies.clear(),
    ),
    Refused(why="form-too-old", told="too old", meanwhile=_another_form),
    Refused(
        why="foreign-site",
        told="from another site",
        environ={"HTTP_SEC_FETCH_SITE": "cross-site"},
    ),
    Refused(
        why="outside-cookie-domain",
        told="below home.example",
        settings={"AUTHZ_COOKIE_DOMAIN": "home.example"},
    ),
    Refused(
        why="several-processes",
        told="several processes",
        status=503,
        environ={"wsgi.multiprocess": True},
    ),
    Refused(why="too-busy", told="busy", status=503, meanwhile=_busy),
    Refused(
        why="too-many-attempts",
        told="Too many attempts",
        status=429,
        tag="session:sign-in:delayed",
        meanwhile=_guessed,
    ),
    Refused(
        why="wrong-name-or-password",
        told="name or the password is wrong",
        status=401,
        tag="session:sign-in:failure",
        password="wrong",
    ),
]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.why)
def test_each_has_a_cause_of_its_own(
    refused: Refused, make_app: MakeApp, sink: RecordingSink
):
    """The event has the reason, with `Origin` and `Host` where they matter."""
    client = Client(make_app(**refused.settings))
    client(path="/authz/sign-in", environ=refused.environ)
    form = {"username": "bob", "password": refused.password}
    form["csrf_token"] = client.form_token
    refused.meanwhile(client)

    answer = client("POST", "/authz/sign-in", form=form, environ=refused.environ)

    assert answer.status == refused.status
    assert refused.told in answer.text
    event = sink.events[-1]
    assert (event.tag, event.reason) == (refused.tag, refused.why)
    assert event.peer == event.client == "192.0.2.1"
    if refused.tag == "session:sign-in:refused":
        assert event.detail["host"] == refused.environ.get("HTTP_HOST", "app.test")
        assert event.detail["origin"] == refused.environ.get("HTTP_ORIGIN", "")


def test_no_cause_is_left_out():
    """Whatever the modules behind the sign-in form can say is walked through here."""
    web = Path(__file__).parents[2] / "authz" / "web"
    code = "".join(
        (web / f"{n}.py").read_text() for n in ("login", "origin", "cookies")
    )
    named = set(re.findall(r"Why\.([A-Z_]+)", code))
    walked = {r.why.replace("-", "_").upper() for r in REFUSED}

    assert named <= walked


def test_a_host_with_its_port_signs_in(make_app: MakeApp):
    """The mends that the page names do help."""
    origin = {"HTTP_ORIGIN": "http://music.lan:8080"}
    for settings, host in (
        ({}, "music.lan:8080"),
        ({"AUTHZ_TRUSTED_ORIGINS": "http://music.lan:8080"}, "music.lan"),
    ):
        client = Client(make_app(**settings))
        environ = origin | {"HTTP_HOST": host}

        assert client.sign_in("bob", BOB, environ=environ).status == 303


def test_a_refused_page_of_the_app_says_so_too(make_app: MakeApp, sink: RecordingSink):
    """Whoever is signed in meets the same proxy at every form of the app."""
    client = browser_of(make_app(), "bob")

    answer = client(
        "POST", "/api/playlist", environ=LAN | {"HTTP_ORIGIN": "http://music.lan:8080"}
    )

    assert answer.status == 403
    assert "a proxy in between drops the port" in answer.text
    assert sink.events[-1].reason == "cross-origin"
    assert sink.events[-1].detail == {
        "cause": "origin-port-differs",
        "origin": "http://music.lan:8080",
        "host": "music.lan",
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"SEC_FETCH_MODE": "navigate", "ACCEPT": "*/*"}, 302),
        ({"ACCEPT": "text/html,*/*;q=0.8"}, 302),
        ({"ACCEPT": "application/xhtml+xml"}, 302),
        ({"SEC_FETCH_MODE": "cors", "ACCEPT": "text/html"}, 401),
        ({"SEC_FETCH_MODE": "same-origin", "ACCEPT": "text/html"}, 401),
        ({"SEC_FETCH_MODE": "no-cors", "ACCEPT": "image/avif,image/*,*/*"}, 401),
        ({"SEC_FETCH_MODE": "websocket", "ACCEPT": "*/*"}, 401),
        ({"ACCEPT": "*/*"}, 401),
        ({"ACCEPT": ""}, 401),
        ({"ACCEPT": "text/event-stream"}, 401),
        ({"ACCEPT": "application/manifest+json"}, 401),
        ({"ACCEPT": "image/webp,*/*"}, 401),
        ({"ACCEPT": "text/html", "X_REQUESTED_WITH": "XMLHttpRequest"}, 401),
        ({"ACCEPT": "text/html", "UPGRADE": "websocket"}, 401),
        ({"ACCEPT": "text/html", "HX_REQUEST": "true"}, 401),
    ],
)
def test_only_a_navigation_is_led_to_the_page(
    client: Client, headers: dict[str, str], status: int
):
    """A program would take the page for the answer."""
    answer = client(path="/map", **headers)

    assert answer.status == status
    assert ("Location" in answer.headers) == (status == 302)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    ("shown", "leads_to"),
    [
        ("http://app.test/map?x=1", "/authz/sign-in?next=%2Fmap%3Fx%3D1"),
        ("http://evil.test//other.test/", "/authz/sign-in"),
        ("http://[", "/authz/sign-in"),
        ("", "/authz/sign-in"),
    ],
)
def test_htmx_is_made_to_navigate(client: Client, shown: str, leads_to: str):
    """It would put the sign-in page into the page; it comes back to where it was."""
    answer = client(path="/map", hx_request="true", hx_current_url=shown)

    assert answer.status == 401
    assert answer.headers["HX-Redirect"] == leads_to
