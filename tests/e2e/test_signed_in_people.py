"""People who signed in at the provider, in front of an app that a policy guards."""

import json

import pytest

from tests.e2e.browser import Browser, send
from tests.e2e.rig import Rig

pytestmark = pytest.mark.slow

PAGES = ("/who", "/members", "/admin")
ALLOWED = {
    "alice": {"/who", "/members", "/admin"},
    "bob": {"/who", "/members"},
    "mallory": {"/who"},
    "carol": set[str](),
}


@pytest.fixture(name="proxy", params=["caddy", "nginx"])
def _proxy(request: pytest.FixtureRequest, rig: Rig) -> str:
    return rig.proxy(request.param)


@pytest.fixture(name="people")
def _people(proxy: str) -> dict[str, Browser]:
    """Everybody's browser, signed in."""
    browsers = {name: Browser() for name in ALLOWED}
    for name, browser in browsers.items():
        assert browser.sign_in(f"{proxy}/seen", name).status == 200
    return browsers


def test_the_policy_decides_by_group(proxy: str, people: dict[str, Browser]):
    """Who is in which group at the provider opens what the policy gives the group."""
    got = {
        name: {p for p in PAGES if browser.send("GET", f"{proxy}{p}").status == 200}
        for name, browser in people.items()
    }

    assert got == ALLOWED


def test_the_names_are_the_providers(proxy: str, people: dict[str, Browser]):
    """The source is part of the name; groups and the way of signing in are names."""
    who = json.loads(people["alice"].send("GET", f"{proxy}/who").text)

    assert who["name"] == "user:authentik/alice"
    assert set(who["names"]) == {
        "user:authentik/alice", "group:admins", "group:users", "auth:jwt",
        "role:everyone", "role:authenticated",
    }  # fmt: skip


def test_somebody_without_a_group_is_told(proxy: str, people: dict[str, Browser]):
    """No group, no role: refused, on a page that says who one is."""
    answer = people["carol"].send("GET", f"{proxy}/who")

    assert answer.status == 403
    assert "Carol" in answer.text


def test_a_forged_identity_opens_nothing(
    proxy: str, people: dict[str, Browser], rig: Rig
):
    """Not by headers, not by their twins, not by somebody else's good token."""
    alices = rig.token_of("alice")
    forgeries = [
        [("X-authentik-username", "alice"), ("X-authentik-groups", "admins")],
        [("X_authentik_username", "alice"), ("X_authentik_groups", "admins")],
        [("X-authentik_username", "alice"), ("x_AUTHENTIK-groups", "admins")],
        [("X-authentik-jwt", alices)],
        [("X-authentik-jwt", alices), ("X-authentik-jwt", alices)],
        [("X_authentik_jwt", alices)],
        [("X-authentik-groups", "admins"), ("Connection", "X-authentik-groups")],
        [("Connection", "X-authentik-jwt"), ("X-authentik-username", "alice")],
        [("Remote-User", "alice"), ("X-Forwarded-User", "alice")],
        [("X-Forwarded-For", "127.0.0.1"), ("X-authentik-username", "alice")],
        [("X-Forwarded-Uri", "/health"), ("X-Original-URL", "/health")],
    ]  # fmt: skip

    for headers in forgeries:
        for name in ("bob", "mallory", "carol"):
            got = {
                page
                for page in PAGES
                if people[name].send("GET", f"{proxy}{page}", headers).status == 200
            }
            assert got <= ALLOWED[name], headers
        who = json.loads(people["bob"].send("GET", f"{proxy}/who", headers).text)
        assert who["name"] == "user:authentik/bob", headers


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2"])
def test_headers_straight_to_the_app_say_nothing(rig: Rig, source: str):
    """Who gets past the proxy is a stranger, whatever they write."""
    headers = [
        ("X-authentik-username", "alice"),
        ("X-authentik-groups", "admins|users"),
        ("X-Forwarded-For", "127.0.0.1"),
    ]

    for page in PAGES:
        answer = send("GET", f"{rig.app}{page}", headers, source=source)
        assert answer.status == 401


def test_signing_out_ends_it(proxy: str, people: dict[str, Browser]):
    """After signing out at the outpost the app asks to sign in again."""
    browser = people["bob"]
    assert browser.send("GET", f"{proxy}/who").status == 200

    browser.send("GET", f"{proxy}/outpost.goauthentik.io/sign_out")
    browser.get(f"{proxy}/outpost.goauthentik.io/sign_out")

    assert browser.send("GET", f"{proxy}/who").status == 302
