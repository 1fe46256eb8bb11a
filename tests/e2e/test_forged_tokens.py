"""Tokens that do not hold get nothing: from anybody, and through the proxies too."""

import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.e2e.browser import Answer, send
from tests.e2e.outpost import answer_for, claims
from tests.e2e.rig import CLIENT_ID, Provider, Rig, new_key
from tests.minting import Signer, as_json, b64

pytestmark = pytest.mark.slow

FORGED_BY_WORD = {
    "expired": "expired",
    "without-exp": "no-expiry",
    "not-yet": "not-yet-valid",
    "wrong-aud": "wrong-audience",
    "without-aud": "wrong-audience",
    "wrong-iss": "wrong-issuer",
    "iss-with-a-slash": "wrong-issuer",
    "without-iss": "wrong-issuer",
    "another-key": "bad-signature",
    "unknown-kid": "unknown-key",
    "kid-is-a-path": "unknown-key",
    "alg-none": "wrong-algorithm",
    "alg-None": "wrong-algorithm",
    "alg-none-no-signature": "wrong-algorithm",
    "hs256-with-the-public-key": "wrong-algorithm",
    "hs256-with-the-jwk": "wrong-algorithm",
    "hs256-with-nothing": "wrong-algorithm",
    "embedded-jwk": "header-not-allowed",
    "jku": "header-not-allowed",
    "payload-changed": "bad-signature",
    "signature-gone": "bad-signature",
    "twice": "several-values",
    "encrypted": "encrypted-token",
    "not-a-token": "malformed-token",
}


def forge(word: str, provider: Provider) -> str:
    """Return alice's token, wrong in one way."""
    key = provider.keys[0]
    private = jwt.PyJWK(key).key
    now = int(time.time())
    good: dict[str, Any] = {
        "iss": provider.issuer,
        "aud": CLIENT_ID,
        "sub": "alice",
        "preferred_username": "alice",
        "groups": ["admins"],
        "iat": now,
        "exp": now + 600,
    }

    def sign(
        changes: Mapping[str, Any] | None = None,
        *,
        without: str = "",
        with_key: Any = private,
        kid: str = key["kid"],
        **header: Any,
    ) -> str:
        body = {**good, **(changes or {})}
        body.pop(without, None)
        return jwt.encode(body, with_key, "RS256", headers={"kid": kid, **header})

    public = {name: key[name] for name in ("kty", "n", "e", "kid", "use", "alg")}
    pem = private.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    other = jwt.PyJWK(new_key("other")).key
    header, body, signature = sign().split(".")

    def hs256(secret: bytes) -> str:
        """Sign with whatever *secret* is: PyJWT would refuse some."""
        return Signer("HS256", secret, kid=key["kid"]).token(good)

    return {
        "good": sign,
        "expired": lambda: sign({"exp": now - 3600, "iat": now - 7200}),
        "without-exp": lambda: sign(without="exp"),
        "not-yet": lambda: sign({"nbf": now + 300}),
        "wrong-aud": lambda: sign({"aud": "another-app"}),
        "without-aud": lambda: sign(without="aud"),
        "wrong-iss": lambda: sign({"iss": "https://evil.test"}),
        "iss-with-a-slash": lambda: sign({"iss": f"{provider.issuer}/"}),
        "without-iss": lambda: sign(without="iss"),
        "another-key": lambda: sign(with_key=other),
        "unknown-kid": lambda: sign(with_key=other, kid="nobody's"),
        "kid-is-a-path": lambda: sign(with_key=other, kid="../../dev/null"),
        "alg-none": lambda: f"{b64(as_json({'alg': 'none'}))}.{body}.",
        "alg-None": lambda: (
            f"{b64(as_json({'alg': 'NoNe', 'typ': 'JWT'}))}.{body}.AAAA"
        ),
        "alg-none-no-signature": lambda: jwt.encode(good, None, "none"),
        "hs256-with-the-public-key": lambda: hs256(pem),
        "hs256-with-the-jwk": lambda: hs256(json.dumps(public).encode()),
        "hs256-with-nothing": lambda: hs256(b""),
        "embedded-jwk": lambda: sign(with_key=other, jwk=public),
        "jku": lambda: sign(with_key=other, jku="https://evil.test/jwks"),
        "payload-changed": lambda: (
            f"{header}.{b64(as_json(good | {'x': 1}))}.{signature}"
        ),
        "signature-gone": lambda: f"{header}.{body}.",
        "twice": lambda: f"{sign()},{sign()}",
        "encrypted": lambda: f"{header}.a.b.c.{signature}",
        "not-a-token": lambda: "alice",
    }[word]()


def reasons(rig: Rig, name: str, after: int) -> list[str]:
    """Return the reasons in the audit log of the app *name* from a point on."""
    lines = rig.servers.log(name)[after:].splitlines()
    events = [json.loads(line) for line in lines if line.startswith("{")]
    return [e["reason"] for e in events if e["event"] == "identity:invalid"]


class TestStraightToTheApp:
    """An app that believes RS256 tokens of the provider, by its key set."""

    def test_the_control(self, rig: Rig):
        """What is forged below is otherwise good."""
        header = ("X-authentik-jwt", forge("good", rig.provider))

        assert send("GET", f"{rig.app}/admin", [header]).status == 200

    @pytest.mark.parametrize("word", FORGED_BY_WORD)
    def test_it_is_refused_with_a_reason(self, rig: Rig, word: str):
        """401 everywhere, for what strangers may see too, and the log says why."""
        before = len(rig.servers.log("app"))
        token = forge(word, rig.provider)
        header = ("X-authentik-jwt", token)

        for page in ("/admin", "/who", "/health"):
            assert send("GET", f"{rig.app}{page}", [header]).status == 401

        assert set(reasons(rig, "app", before)) == {FORGED_BY_WORD[word]}

    def test_no_token_is_in_the_log(self, rig: Rig):
        """Neither a good one nor a forged one, nor a part of it that is secret."""
        tokens = [forge(word, rig.provider) for word in ("good", "expired", "alg-none")]
        for token in tokens:
            send("GET", f"{rig.app}/admin", [("X-authentik-jwt", token)])

        log = rig.servers.log("app")

        assert "identity:invalid" in log
        assert [t for t in tokens if t in log or t.split(".")[1] in log] == []


class TestSignedWithTheClientSecret:
    """An Authentik provider without a signing key: HS256, no key set."""

    @pytest.fixture(name="home", params=["caddy", "nginx"])
    def _home(self, request: pytest.FixtureRequest, rig: Rig) -> str:
        return rig.home(request.param)

    def ask(
        self, rig: Rig, home: str, page: str, headers: list[tuple[str, str]]
    ) -> Answer:
        """Ask for *page* as somebody for whom the outpost answers *headers*."""
        return send("GET", f"{home}{page}", [rig.outpost.session(headers)])

    def made(self, rig: Rig, name: str, *groups: str) -> dict[str, Any]:
        """Return the claims that Authentik makes of *name*."""
        return claims(rig.outpost.issuer, CLIENT_ID, name, groups)

    def test_people_are_admitted_by_group(self, rig: Rig, home: str):
        """The tokens of a stock installation are believed, by the shared secret."""
        alice = answer_for(rig.home_secret, self.made(rig, "alice", "admins", "users"))
        bob = answer_for(rig.home_secret, self.made(rig, "bob", "users"))
        carol = answer_for(rig.home_secret, self.made(rig, "carol"))

        got = [
            [self.ask(rig, home, page, who).status for page in ("/admin", "/who")]
            for who in (alice, bob, carol)
        ]

        assert got == [[200, 200], [403, 200], [403, 403]]

    def test_a_bad_token_beside_good_headers_is_refused(self, rig: Rig, home: str):
        """The plain headers of a listed proxy are no way round the token."""
        alice = self.made(rig, "alice", "admins")
        bad = {
            "another secret": jwt.encode(alice, "x" * 64, "HS256"),
            "expired": jwt.encode(
                alice | {"exp": 1_700_000_000, "iat": 1_600_000_000},
                rig.home_secret, "HS256",
            ),
            "another app": jwt.encode(
                alice | {"aud": "other"}, rig.home_secret, "HS256"
            ),
            "RS256": jwt.encode(alice, jwt.PyJWK(new_key("k")).key, "RS256"),
            "none": jwt.encode(alice, None, "none"),
            "HS512": jwt.encode(alice, rig.home_secret, "HS512"),
        }  # fmt: skip

        got = {
            what: self.ask(
                rig, home, "/admin", answer_for(rig.home_secret, alice, token=token)
            ).status
            for what, token in bad.items()
        }

        assert got == dict.fromkeys(bad, 401)

    def test_a_token_and_headers_that_disagree_are_refused(self, rig: Rig, home: str):
        """Bob's token beside alice's name: one of them was forged."""
        bobs = jwt.encode(self.made(rig, "bob", "users"), rig.home_secret, "HS256")
        mixed = answer_for(
            rig.home_secret, self.made(rig, "alice", "admins"), token=bobs
        )

        assert self.ask(rig, home, "/who", mixed).status == 401

    def test_plain_headers_alone_are_believed_from_the_proxy(self, rig: Rig, home: str):
        """An outpost that sends no token: the weaker way, which this app allows."""
        alice = answer_for(rig.home_secret, self.made(rig, "alice", "admins"))
        plain = [h for h in alice if h[0] != "X-authentik-jwt"]

        assert self.ask(rig, home, "/admin", plain).status == 200

    def test_plain_headers_from_elsewhere_are_not(self, rig: Rig):
        """The same headers from an address that is not the proxy's."""
        alice = answer_for(rig.home_secret, self.made(rig, "alice", "admins"))
        plain = [h for h in alice if h[0] != "X-authentik-jwt"]

        for forwarded in ([], [("X-Forwarded-For", "127.0.0.1")]):
            for page in ("/admin", "/who"):
                answer = send(
                    "GET", f"{rig.home_app}{page}", plain + forwarded,
                    source="127.0.0.2",
                )  # fmt: skip
                assert answer.status == 401

    def test_an_answer_that_names_nobody_is_a_stranger(self, rig: Rig, home: str):
        """200 without headers is no identity (as after a malformed cookie)."""
        assert self.ask(rig, home, "/who", []).status == 401
        assert self.ask(rig, home, "/health", []).status == 200
