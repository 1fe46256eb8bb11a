"""What an app behind forward-auth is told, and whether it can rely on it."""

from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from flask import Flask
from jwt import PyJWKSet

from authz.errors import InvalidValue, SettingsError
from authz.extension import get_authz
from authz.identity.assertions import new_signing_key, read_signing_keys
from authz.web.signals import access_decided
from tests.serve.served import GRAFANA, POLICY, PORTAL, TOLD, WIKI, Browser
from tests.web.apps import CHEAP_BOB, Client, browser_of

#: Roles of one host, and somebody whose name is not ASCII.
ROLES = """\
g, user:zo\u00eb, role:user, host:grafana.home.test
g, user:zo\u00eb, role:editor, host:wiki.home.test
g, user:bob@home.test, role:editor, *
"""


#: Nobody signs with it.
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505


def pem(private: object) -> str:
    """Return a private key in PEM."""
    made = private.private_bytes(  # type: ignore[attr-defined]
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    return str(made.decode())


def keys_of(browser: Browser) -> PyJWKSet:
    """Return the keys that are published."""
    answer = browser.portal("GET", "/authz/jwks.json")
    assert answer.status == 200
    assert "d" not in {name for key in answer.json["keys"] for name in key}
    return PyJWKSet.from_json(answer.text)


def claims(browser: Browser, token: str, audience: str) -> dict[str, object]:
    """Return what *token* says, if it is for *audience*."""
    key = keys_of(browser)[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(
        token,
        key,
        algorithms=["EdDSA", "RS256"],
        audience=audience,
        issuer=PORTAL,
        options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]},
    )


def test_roles_are_those_of_that_host(serve: Callable[..., Flask]):
    """Each app hears the roles that hold there, headers and token alike."""
    accounts = f"zo\u00eb:user:{CHEAP_BOB}\nbob@home.test:user:{CHEAP_BOB}"
    app = serve(POLICY + ROLES, AUTHZ_ACCOUNTS=accounts)
    zoe, bob = (browser_of(app, n, Browser) for n in ("zo\u00eb", "bob@home.test"))

    for site, roles, audience in (
        (GRAFANA, "user", "grafana"),
        (WIKI, "editor,user", "wiki"),
    ):
        answer = zoe.ask("/d", site=site)
        assert answer.headers["Remote-Groups"] == roles
        assert answer.headers["Remote-User"].encode("latin-1").decode() == "zo\u00eb"
        said = claims(zoe, answer.headers["X-Authz-Jwt"], audience)
        assert (said["sub"], said["groups"]) == ("user:zo\u00eb", roles.split(","))
        assert said["exp"] - said["iat"] == 60  # type: ignore[operator]
    assert bob.ask("/d").headers["Remote-Email"] == "bob@home.test"


@pytest.mark.parametrize(
    ("rule", "status", "roles"),
    [
        ("p, role:user, host:grafana.home.test, /*, *", 200, "user,viewer"),
        ("p, role:user, host:grafana.home.test, /*, *, deny", 503, None),
    ],
    ids=["allows as well", "denies"],
)
def test_roles_are_of_the_policy_that_says_yes(
    bob: Browser, tmp_path: Path, rule: str, status: int, roles: str | None
):
    """It may be replaced between the decision and what is told: then both are new."""
    written = f"p, role:admin, *, /*, *\n{rule}\ng, user:alice, role:admin, *\n"
    written += "g, user:bob, role:user, *\ng, user:bob, role:viewer, *\n"

    def replace(_: object, **__: object) -> None:
        (tmp_path / "policy.csv").write_text(written)
        get_authz(bob.app).runtime.refresh()

    with access_decided.connected_to(replace):
        answer = bob.ask("/d")

    assert (answer.status, answer.headers.get("Remote-Groups")) == (status, roles)


def test_a_token_for_one_app_is_none_for_another(bob: Browser):
    """Nor does a token of the past hold."""
    token = bob.ask("/d").headers["X-Authz-Jwt"]

    assert claims(bob, token, "grafana")["preferred_username"] == "bob"
    with pytest.raises(jwt.InvalidAudienceError):
        claims(bob, token, "wiki")


def test_another_authz_believes_the_token_and_nothing_else(
    bob: Browser, stranger: Browser, tmp_path: Path, make_app: Callable[..., Flask]
):
    """A guarded app behind forward-auth knows who asks, and that somebody does not."""
    (tmp_path / "keys.json").write_text(bob.portal("GET", "/authz/jwks.json").text)
    app = make_app(
        "p, role:admin, /*, *\np, role:user, /map, GET\n"
        "p, role:everyone, /health, GET\n"
        "g, user:home/bob, role:user\ng, user:home/alice, role:admin\n",
        AUTHZ_PROXY_NAME="home",
        AUTHZ_JWT_HEADER="X-Authz-Jwt",
        AUTHZ_JWT_ISSUER=PORTAL,
        AUTHZ_JWT_AUDIENCE="grafana",
        AUTHZ_JWT_ALGORITHMS="EdDSA",
        AUTHZ_JWT_JWKS_FILE=str(tmp_path / "keys.json"),
        AUTHZ_JWT_SUBJECT="preferred_username",
    )
    wiki = stranger.ask("/public/x", site=WIKI).headers["X-Authz-Jwt"]
    good = bob.ask("/d").headers["X-Authz-Jwt"]
    head, body, signature = good.split(".")

    assert Client(app)(path="/map", x_authz_jwt=good).status == 200
    assert Client(app)(path="/health", x_authz_jwt=wiki).status == 200
    assert (
        Client(app)(path="/map", x_authz_jwt=f"{head}.{body}.{signature[::-1]}").status
        == 401
    )
    assert Client(app)(path="/map", remote_user="alice").status in {302, 401}


def test_keys_are_changed_without_a_moment_at_which_a_token_does_not_hold(
    serve: Callable[..., Flask],
):
    """The new one is published before it signs, the old one after it did.

    So replicas need not change at once: what one signs holds by the keys that another
    publishes, which is a step behind it or before it.
    """
    was: Browser | None = None
    old, new = new_signing_key(), new_signing_key()
    kids = [key.kid for key in read_signing_keys(old + new)]

    for keys, signs, published in (
        (old, kids[0], kids[:1]),
        (old + new, kids[0], kids),
        (new + old, kids[1], kids[::-1]),
        (new, kids[1], kids[1:]),
    ):
        browser = browser_of(serve(AUTHZ_FORWARD_KEYS=keys), "bob", Browser)
        token = browser.ask("/d").headers["X-Authz-Jwt"]
        assert jwt.get_unverified_header(token)["kid"] == signs
        assert [key.key_id for key in keys_of(browser).keys] == published
        for one, other in ((was, browser), (browser, was)) if was else ():
            token = one.ask("/d").headers["X-Authz-Jwt"]
            assert claims(other, token, "grafana")["sub"] == "user:bob"
        was = browser


def test_rsa_signs_too(serve: Callable[..., Flask]):
    """For an app whose library knows no EdDSA."""
    key = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    browser = browser_of(serve(AUTHZ_FORWARD_KEYS=key), "bob", Browser)

    token = browser.ask("/d").headers["X-Authz-Jwt"]

    assert jwt.get_unverified_header(token)["alg"] == "RS256"
    assert claims(browser, token, "grafana")["sub"] == "user:bob"


def test_without_a_key_there_is_no_token(serve: Callable[..., Flask]):
    """And none is published; the plain headers are as ever."""
    browser = browser_of(serve(AUTHZ_FORWARD_KEYS=None), "bob", Browser)

    answer = browser.ask("/d")

    assert answer.headers["Remote-User"] == "bob"
    assert answer.headers["X-Authz-Jwt"] == ""
    assert browser.portal("GET", "/authz/jwks.json").json == {"keys": []}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no private key"),
        ("hunter2", "no private key"),
        (new_signing_key() * 2, "twice"),
        (new_signing_key().replace("M", "N", 1), "cannot be read"),
        (new_signing_key()[:60], "not all private keys"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither Ed25519 nor RSA"),
        (pem(SHORT), "nor RSA of 2048 bits"),
        (
            "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n",
            "not all private keys",
        ),
    ],
    ids=range(8),
)
def test_keys_that_cannot_sign_are_refused(text: str, words: str):
    """By a sentence that holds nothing of the key."""
    with pytest.raises(InvalidValue, match=words) as caught:
        read_signing_keys(text)

    assert not any(line in str(caught.value) for line in text.splitlines() if line)


def test_a_key_that_cannot_sign_stops_the_start(serve: Callable[..., Flask]):
    """Otherwise apps that verify would let nobody in."""
    with pytest.raises(SettingsError, match="AUTHZ_FORWARD_KEYS"):
        serve(AUTHZ_FORWARD_KEYS="-----BEGIN PRIVATE KEY-----\nx\n")


class TestTheStartPage:
    def test_it_shows_the_apps_that_are_theirs(
        self, bob: Browser, alice: Browser, stranger: Browser
    ):
        """Those whose first page they may open; a stranger signs in first."""
        assert stranger.portal("GET", "/authz/start").status == 302
        assert stranger.portal("GET", "/").headers["Location"] == "/authz/start"

        page = alice.portal("GET", "/authz/start").text
        assert f'href="{GRAFANA}/"' in page
        assert f'href="{WIKI}/"' in page
        page = bob.portal("GET", "/authz/start").text
        assert f'href="{GRAFANA}/"' in page
        assert WIKI not in page

    def test_it_leads_administrators_to_the_administration(
        self, bob: Browser, alice: Browser
    ):
        """And nobody else, whatever they may at some host."""
        assert "/authz/admin/" in alice.portal("GET", "/authz/start").text
        assert "/authz/admin/" not in bob.portal("GET", "/authz/start").text

    def test_it_leads_administrators_to_the_rules_of_each_app(
        self, bob: Browser, alice: Browser
    ):
        """Which are those that hold there, with who gets in and what to add to them."""
        link = "/authz/admin/rules?scope=host%3Agrafana.home.test"
        assert link not in bob.portal("GET", "/authz/start").text
        assert link in alice.portal("GET", "/authz/start").text

        page = alice.portal("GET", link).text

        assert "Rules of <bdi>Dashboards</bdi>" in page
        assert page.count("in <bdi>host:grafana.home.test</bdi>") == 2
        assert "wiki.home.test</bdi>" not in page
        # `/*` everywhere speaks of the portal's own pages too, the others of none.
        assert page.count('data-label="Routes" class="authz-number"></td>') == 2
        assert "New rule here" in page
        assert "rules/new?scope=host:grafana.home.test" in page
        facts = page.partition("May open its first page")[2].partition("</dd>")[0]
        names = [name in facts for name in ("admin", "user", "editor", "not signed in")]
        assert names == [True, True, False, False]
        form = alice.portal(
            "GET", "/authz/admin/rules/new?scope=host:grafana.home.test"
        ).text
        assert "such as host:wiki.home.test, host:* for every host, or *" in form

    def test_who_has_no_app_is_told_whom_to_ask(self, serve: Callable[..., Flask]):
        """An empty list would look like a fault."""
        policy = "p, role:admin, *, /*, *\ng, user:alice, role:admin, *\n"
        policy += "p, role:user, host:other.home.test, /, GET\n"
        browser = browser_of(serve(policy, AUTHZ_CONTACT="<b>Anna</b>"), "bob", Browser)

        page = browser.portal("GET", "/authz/start").text

        assert "no app here that you may open" in page
        assert "&lt;b&gt;Anna" in page

    def test_titles_are_text(self, serve: Callable[..., Flask]):
        """What stands in a title is shown as it stands there."""
        hosts = f"{GRAFANA} g <script>x</script>"
        browser = browser_of(serve(AUTHZ_FORWARD_HOSTS=hosts), "bob", Browser)

        assert "&lt;script&gt;x" in browser.portal("GET", "/authz/start").text
        assert set(TOLD) <= set(browser.ask("/").headers.keys())
