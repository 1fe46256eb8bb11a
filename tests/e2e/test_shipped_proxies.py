"""What the shipped Caddy and nginx configurations let through to the app."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.browser import Answer, Browser, send
from tests.e2e.outpost import answer_for, claims
from tests.e2e.rig import CLIENT_ID, Rig, start_caddy, start_nginx
from tests.e2e.servers import free_ports

pytestmark = pytest.mark.slow

PROXIES = ("caddy", "nginx")
#: Every header of Authentik's outpost.
NAMES = (
    "username", "groups", "entitlements", "email", "name", "uid", "jwt",
    "meta-jwks", "meta-outpost", "meta-provider", "meta-app", "meta-version",
)  # fmt: skip
SPELLINGS = (
    "X-authentik-{}", "x-authentik-{}", "X-AUTHENTIK-{}", "X_authentik_{}",
    "X-authentik_{}", "x_AUTHENTIK-{}", "X.authentik.{}", "X~authentik~{}",
)  # fmt: skip
FORGED = [
    (spelling.format(name), "forged")
    for name in NAMES
    for spelling in (
        *SPELLINGS,
        *(s.replace("{}", "{0}").upper() for s in SPELLINGS if "_" in s),
    )
]


@pytest.fixture(name="proxy", params=PROXIES)
def _proxy(request: pytest.FixtureRequest, rig: Rig) -> str:
    return rig.proxy(request.param)


def signed_in(proxy: str, name: str) -> Browser:
    """Return the browser of somebody who signed in."""
    browser = Browser()
    assert browser.sign_in(f"{proxy}/seen", name).status == 200
    return browser


def seen(answer: Answer) -> dict[str, str]:
    """Return the identity headers that the app saw, those that say nothing left out."""
    assert answer.status == 200, answer.text
    return {key: value for key, value in json.loads(answer.text).items() if value}


def test_a_stranger_is_sent_to_the_provider_and_comes_back(proxy: str, rig: Rig):
    """Who opens a page signs in at the provider, and is then at that very page."""
    browser = Browser()

    page = browser.get(f"{proxy}/seen?page=1&more=2")
    assert page.url.startswith(rig.provider.issuer)
    assert 'name="login"' in page.text

    page = browser.sign_in(f"{proxy}/seen?page=1&more=2", "alice")
    assert page.url == f"{proxy}/seen?page=1&more=2"


def test_a_stranger_never_reaches_the_app(proxy: str):
    """Whatever a stranger claims to be, the app does not hear of the request."""
    for method in ("GET", "POST", "HEAD", "OPTIONS", "PROPFIND"):
        answer = send(method, f"{proxy}/seen", FORGED)

        assert answer.status in {302, 401}
        assert "outpost.goauthentik.io" in answer.headers.get("Location", "")


def test_the_app_sees_what_the_relying_party_says(proxy: str):
    """The headers of its answer arrive, the signed token among them."""
    assert seen(signed_in(proxy, "alice").send("GET", f"{proxy}/seen")) == {
        "HTTP_X_AUTHENTIK_USERNAME": "alice",
        "HTTP_X_AUTHENTIK_GROUPS": "admins|users",
        "HTTP_X_AUTHENTIK_EMAIL": "alice@home.test",
        "HTTP_X_AUTHENTIK_NAME": "Alice",
        "HTTP_X_AUTHENTIK_UID": "alice",
        "HTTP_X_AUTHENTIK_JWT": "a token",
    }


def test_nothing_that_a_client_says_about_itself_arrives(proxy: str):
    """No header of Authentik's, in any spelling, alone or with all others."""
    browser = signed_in(proxy, "bob")
    honest = seen(browser.send("GET", f"{proxy}/seen"))
    assert honest["HTTP_X_AUTHENTIK_USERNAME"] == "bob"

    for forged in ([], *([header] for header in FORGED), [*FORGED, *FORGED]):
        assert seen(browser.send("GET", f"{proxy}/seen", forged)) == honest, forged


def test_what_the_relying_party_leaves_out_stays_out(proxy: str):
    """A header that its answer lacks is not the client's, nor a placeholder."""
    browser = signed_in(proxy, "carol")

    got = seen(browser.send("GET", f"{proxy}/seen", FORGED))

    assert "HTTP_X_AUTHENTIK_GROUPS" not in got
    assert "HTTP_X_AUTHENTIK_ENTITLEMENTS" not in got
    assert [value for value in got.values() if "{" in value or value == "forged"] == []


@pytest.mark.parametrize("name", NAMES)
def test_connection_takes_no_identity_away(proxy: str, name: str):
    """`Connection: X-authentik-groups` would lift what a rule denies to a group."""
    browser = signed_in(proxy, "mallory")
    honest = seen(browser.send("GET", f"{proxy}/seen"))

    for value in (
        f"X-authentik-{name}",
        f"close, x-AUTHENTIK-{name}",
        f"a,X-Authentik-{name},b",
    ):
        got = seen(browser.send("GET", f"{proxy}/seen", [("Connection", value)]))
        assert got == honest


@contextmanager
def behind(name: str, rig: Rig, outpost: int) -> Iterator[str]:
    """Run the proxy *name* with another relying party at the port *outpost*."""
    (port,) = free_ports(1)
    app = int(rig.app.rsplit(":", 1)[1])
    start = {"caddy": start_caddy, "nginx": start_nginx}[name]
    start(rig.servers, f"{name}-{port}", port=port, outpost=outpost, app=app)
    try:
        rig.servers.wait(f"{name}-{port}", port)
        yield f"http://127.0.0.1:{port}"
    finally:
        rig.servers.stop(f"{name}-{port}")


@pytest.mark.parametrize("name", PROXIES)
def test_nobody_gets_in_while_the_relying_party_is_down(name: str, rig: Rig):
    """A server error, and the app does not hear of the request."""
    (nobody,) = free_ports(1)

    with behind(name, rig, nobody) as proxy:
        for path in ("/seen", "/health", "/outpost.goauthentik.io/start"):
            assert send("GET", f"{proxy}{path}", FORGED).status in {500, 502, 503}


@pytest.mark.parametrize("name", PROXIES)
def test_a_long_token_passes(name: str, rig: Rig):
    """Hundreds of groups make a token of 12 KB; the proxies have buffers for it."""
    groups = [f"a group with a long name {number:03}" for number in range(280)]
    made = claims(rig.outpost.issuer, CLIENT_ID, "alice", groups)
    answer = answer_for(rig.home_secret, made)
    assert len(dict(answer)["X-authentik-jwt"]) > 12_000

    got = seen(send("GET", f"{rig.home(name)}/seen", [rig.outpost.session(answer)]))

    assert got["HTTP_X_AUTHENTIK_JWT"] == "a token"
    assert len(got["HTTP_X_AUTHENTIK_GROUPS"]) > 7_500
