"""authz.testing, as the tests of an app use it."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from flask import Flask

from authz import Subject, current_subject
from authz.decision import AUTHENTICATED, EVERYONE
from authz.testing import Signer, as_subject, assert_every_route_is_classified
from tests.key_server import KeyServer, answer
from tests.services import until
from tests.web.apps import POLICY

MakeApp = Callable[..., Flask]


@pytest.fixture(name="app")
def _app(make_app: MakeApp) -> Flask:
    app = make_app()
    app.add_url_rule(
        "/chat/names", "names", lambda: {"names": sorted(current_subject.names)}
    )
    return app


class TestAsSubject:
    def test_somebody_with_a_role(self, app: Flask):
        """They may what the role may, without signing in."""
        with as_subject(app, "carol", roles=["user"]) as client:
            assert client.get("/map").status_code == 200
            assert client.get("/admin").status_code == 403
            assert client.post("/api/playlist").status_code == 200

    def test_the_policys_grants_count(self, app: Flask):
        """An account of the settings has the role they give."""
        with as_subject(app, "alice") as client:
            assert client.get("/admin").status_code == 200

    def test_it_ends_with_the_block(self, app: Flask):
        """Nobody is anybody afterwards, also when the block fails."""
        with pytest.raises(ZeroDivisionError), as_subject(app, "alice"):
            raise ZeroDivisionError
        assert app.test_client().get("/admin").status_code == 401

    def test_blocks_nest(self, app: Flask):
        """The inner one counts."""
        with as_subject(app, "alice") as alice, as_subject(app, "x", roles=["user"]):
            assert alice.get("/admin").status_code == 403

    @pytest.mark.parametrize(
        ("name", "options", "expected"),
        [
            ("carol", {"roles": ["user"]}, {"user:carol", "role:user", "auth:local"}),
            ("user:sso/carol", {"groups": ["a b"]}, {"user:sso/carol", "group:a b"}),
            ("token:backup", {"roles": ["role:x"]}, {"token:backup", "role:x"}),
        ],
    )
    def test_their_names(
        self, make_app: MakeApp, name: str, options: dict, expected: set[str]
    ):
        """Everything that the policy may know them by."""
        app = make_app("p, role:everyone, /n, *\np, role:admin, /*, *\n")
        app.add_url_rule("/n", "n", lambda: {"names": sorted(current_subject.names)})
        with as_subject(app, name, **options) as client:
            names = set(client.get("/n").json["names"])

        assert names - {EVERYONE, AUTHENTICATED} == expected
        assert {EVERYONE, AUTHENTICATED} <= names

    def test_anonymous(self, app: Flask):
        """Whatever cookie there is."""
        with as_subject(app, "anonymous") as client:
            assert client.get("/map").status_code == 401
            assert client.get("/health").status_code == 200

    def test_a_subject_as_it_is(self, app: Flask):
        """One that a source of your own would make."""
        subject = Subject(
            name="user:x",
            names=frozenset({"user:x", "role:admin"}),
            source="x",
            display_name="X",
        )
        with as_subject(app, subject) as client:
            assert client.get("/admin").status_code == 200

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("a:b", {}),
            ("carol", {"roles": [""]}),
            ("carol", {"groups": ["x*"]}),
            ("anonymous", {"roles": ["user"]}),
            ("anonymous", {"groups": ["user"]}),
        ],
    )
    def test_what_cannot_be(self, app: Flask, name: str, options: dict):
        """A name that no policy could know is a mistake of the test."""
        with pytest.raises(ValueError, match=":"), as_subject(app, name, **options):
            pass  # pragma: no cover

    def test_an_app_without_authz(self):
        """So is an app that nobody guards."""
        with (
            pytest.raises(RuntimeError, match="does not guard"),
            as_subject(Flask("plain"), "x"),
        ):
            pass  # pragma: no cover


class TestRoutes:
    def test_all_are_classified(self, app: Flask):
        """Every route is somebody's."""
        assert_every_route_is_classified(app)

    def test_some_are_not(self, make_app: MakeApp):
        """Each one is named with its endpoint."""
        app = make_app(
            "p, role:user, /map, GET\np, role:admin, /authz/*, *\n",
            AUTHZ_ADMIN_ENABLED=False,
        )

        with pytest.raises(
            AssertionError, match=r"routes are open to nobody"
        ) as caught:
            assert_every_route_is_classified(app)
        assert "POST /api/analysis (analysis)" in str(caught.value)
        assert "GET /map" not in str(caught.value)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
class TestSigner:
    def test_its_key_set_verifies_its_tokens(self, algorithm, tmp_path: Path):
        """Whoever has the key set, or the key, can tell that a token is its."""
        signer = Signer(issuer="https://i", audience="a", algorithm=algorithm)
        token = signer.token(sub="alice", groups=["admins"])
        written = json.loads(signer.write_jwks(tmp_path / "j.json").read_text())
        key = jwt.PyJWKSet.from_dict(written)["test-key"]

        for verifier in (key, signer.public_pem):
            claims = jwt.decode(
                token,
                verifier,
                algorithms=[algorithm],
                issuer="https://i",
                audience="a",
            )
            assert (claims["sub"], claims["groups"]) == ("alice", ["admins"])
        assert time.time() < claims["exp"] <= time.time() + 300

    def test_tokens_that_do_not_hold(self, algorithm):
        """Over, without an end, with another header, from another issuer."""
        signer = Signer(algorithm=algorithm)
        read = {"algorithms": [algorithm], "audience": "app"}

        with pytest.raises(jwt.ExpiredSignatureError):
            jwt.decode(signer.token(lifetime=-10), signer.public_pem, **read)
        endless = jwt.decode(signer.token(exp=None), signer.public_pem, **read)
        assert "exp" not in endless
        header = jwt.get_unverified_header(signer.token(headers={"kid": "other"}))
        assert header["kid"] == "other"
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(Signer(algorithm=algorithm).token(), signer.public_pem, **read)

    def test_nothing_tells_the_key(self, algorithm):
        """Neither the key set nor what is printed holds its private part."""
        signer = Signer(algorithm=algorithm)
        (key,) = signer.jwks["keys"]

        assert not {"d", "p", "q", "dp", "dq", "qi"} & key.keys()
        assert {"kid", "alg", "use", "kty"} <= key.keys()
        assert repr(signer) == f"Signer({algorithm}, https://issuer.test, test-key)"


GRANTS = (
    POLICY
    + """
g, group:admins, role:admin
g, user:test/dan, role:user
"""
)


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries *token*."""
    return {"Authorization": f"Bearer {token}"}


#: Tokens that are not as the settings want them, made from those of a real signer.
FORGED: dict[str, Callable[[Signer], str]] = {
    "another key with its id": lambda real: Signer().token(groups=["admins"]),
    "another key": lambda real: Signer(key_id="another").token(groups=["admins"]),
    "another id": lambda real: real.token(
        groups=["admins"], headers={"kid": "another"}
    ),
    "over": lambda real: real.token(groups=["admins"], lifetime=-60),
    "without end": lambda real: real.token(groups=["admins"], exp=None),
    "another issuer": lambda real: real.token(
        groups=["admins"], iss="https://evil.test"
    ),
    "another audience": lambda real: real.token(groups=["admins"], aud="another-app"),
    "nobody": lambda real: real.token(sub="", groups=["admins"]),
    "changed": lambda real: real.token(groups=["admins"])[:-4] + "AAAA",
    "unsigned": lambda real: unsigned(real, "none"),
    "HMAC with the public key": lambda real: unsigned(real, "HS256", real.public_pem),
    "HMAC with the key set": lambda real: unsigned(
        real, "HS256", json.dumps(real.jwks).encode()
    ),
}


class TestSignerAndAnApp:
    """The whole way: settings, a request with a token, and the policy."""

    @pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
    def test_its_tokens_are_taken(
        self, make_app: MakeApp, algorithm: Any, tmp_path: Path
    ):
        """Groups and names of the token are what the policy knows them by."""
        signer = Signer(algorithm=algorithm)
        client = make_app(
            GRANTS, **signer.settings(tmp_path / "jwks.json")
        ).test_client()
        admin = bearer(signer.token(sub="carol", groups=["admins"]))
        user = bearer(signer.token(sub="dan"))
        nobody = bearer(signer.token(sub="eve", groups=["users"]))

        assert client.get("/admin", headers=admin).status_code == 200
        assert client.post("/api/analysis", headers=admin).status_code == 200
        assert client.get("/map", headers=user).status_code == 200
        assert client.post("/api/analysis", headers=user).status_code == 403
        assert client.get("/map", headers=nobody).status_code == 403
        assert client.get("/map").status_code == 401

    def test_keys_from_an_address(self, make_app: MakeApp):
        """The key set is published, as an identity provider does."""
        signer = Signer()
        published = json.dumps(signer.jwks).encode()
        with KeyServer(answer(published, Content_Type="application/json")) as server:
            app = make_app(
                GRANTS,
                AUTHZ_JWT_HEADER="X-Token",
                AUTHZ_JWT_NAME="test",
                AUTHZ_JWT_ISSUER=signer.issuer,
                AUTHZ_JWT_AUDIENCE=signer.audience,
                AUTHZ_JWT_ALGORITHMS="ES256",
                AUTHZ_JWT_JWKS_URL=server.url,
            )
            client = app.test_client()
            shown = {"X-Token": signer.token(groups=["admins"])}
            until(lambda: client.get("/admin", headers=shown).status_code == 200)
            foreign = {"X-Token": Signer().token(groups=["admins"])}

            assert client.get("/admin", headers=foreign).status_code == 401

    @pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
    def test_others_are_refused(
        self, make_app: MakeApp, forged: Callable[[Signer], str], tmp_path: Path
    ):
        """Another key, time, issuer or audience: 401, never somebody lesser.

        Also on a path that is open to everyone.
        """
        signer = Signer()
        client = make_app(
            GRANTS, **signer.settings(tmp_path / "jwks.json")
        ).test_client()
        shown = bearer(forged(signer))

        assert client.post("/api/analysis", headers=shown).status_code == 401
        assert client.get("/map", headers=shown).status_code == 401


def unsigned(real: Signer, algorithm: str, secret: bytes = b"") -> str:
    """Return a token like those of *real* that anybody could have made."""

    def part(value: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    claims = jwt.decode(
        real.token(groups=["admins"]), options={"verify_signature": False}
    )
    text = part({"alg": algorithm, "kid": real.key_id}) + b"." + part(claims)
    made = hmac.digest(secret, text, "sha256") if secret else b""
    return (text + b"." + base64.urlsafe_b64encode(made).rstrip(b"=")).decode()
