"""Each preset understands exactly what its proxy sends."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from authz.decision import Subject
from authz.errors import InvalidCredentials
from authz.identity.presets import PRESETS
from authz.identity.source import RequestFacts, header_key
from authz.identity_factory import Sources, build_sources
from authz.settings import read_settings
from tests.key_server import KeyServer, answer
from tests.minting import SECRET, Signer, as_json, jwks, signer
from tests.services import until

PROXY = "172.18.0.5"
ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/lb/50dc6c49"
TEAM = "https://team.cloudflareaccess.com"
TAG = "32eafc7626e737969628daa2f9e0eec5b9c4c4e4ae2a4cbc6a6d6b3d6a5c1a11"
KID = "b8a31ef0-0c1d-4c4d-9d7a-0f3a2f4b6c01"


def now() -> int:
    """Return the time in whole seconds, as tokens have it."""
    return int(time.time())


@dataclass(frozen=True)
class Sent:
    """What a proxy sends, and who that is."""

    preset: str
    settings: dict[str, str]
    headers: dict[str, str]
    name: str
    groups: set[str]
    display_name: str
    keys: bytes | None = None


def plain(preset: str, headers: dict[str, str], **expected: Any) -> Sent:
    """Return plain headers of a proxy."""
    return Sent(preset, {"AUTHZ_TRUSTED_PROXIES": PROXY}, headers, **expected)


def signed(
    preset: str,
    honest: Signer,
    payload: dict[str, Any],
    header: dict[str, Any] | None = None,
    *,
    keys: bytes | None = None,
    **expected: Any,
) -> Sent:
    """Return a signed token of a proxy, and the settings that name who made it."""
    preset_jwt = PRESETS[preset].jwt
    assert preset_jwt is not None
    audience = payload["aud"]
    settings = {
        "AUTHZ_JWT_AUDIENCE": audience if isinstance(audience, str) else audience[0]
    }
    if preset_jwt.issuer is None:
        settings["AUTHZ_JWT_ISSUER"] = payload["iss"]
    if honest.algorithm == "HS256":
        settings["AUTHZ_JWT_SECRET"] = SECRET.decode()
    elif keys is None:
        keys = jwks(honest.jwk())
    token = honest.token(payload, header)
    if preset_jwt.header == "Authorization":
        token = f"Bearer {token}"
    return Sent(preset, settings, {preset_jwt.header: token}, keys=keys, **expected)


def authentik_claims(**changes: Any) -> dict[str, Any]:
    """Return an access token's claims, as an outpost sends them on."""
    return {
        "iss": "https://auth.example/application/o/music/",
        "sub": "900347b8a29876b45ca6f75722635ecfedf0e931c6022e3a29a8aa13fb5516fb",
        "aud": "music-client",
        "exp": now() + 86_400,
        "iat": now(),
        "auth_time": now(),
        "acr": "goauthentik.io/providers/oauth2/default",
        "amr": ["pwd"],
        "sid": "9f6f",
        "ak_proxy": {"user_attributes": {"settings": {}}, "is_superuser": True},
        "email": "bob@example.org",
        "email_verified": False,
        "entitlements": [],
        "roles": [],
        "name": "Bob B.",
        "given_name": "Bob B.",
        "preferred_username": "bob",
        "nickname": "bob",
        "groups": ["music fans", "authentik Admins"],
        "azp": "music-client",
        "uid": "Mx1",
    } | changes


def oidc_claims(**changes: Any) -> dict[str, Any]:
    """Return an ID token's claims."""
    return {
        "iss": "https://idp.example",
        "sub": "248289761001",
        "aud": "music",
        "exp": now() + 86_400,
        "iat": now(),
        "nonce": "n-0S6_WzA2Mj",
        "email": "bob@example.org",
        "email_verified": True,
        "name": "Bob B.",
        "preferred_username": "bob",
        "groups": ["fans"],
    } | changes


def sent() -> Iterator[Sent]:
    """Yield what each proxy sends, in each of its modes."""
    rsa, curve = signer("RS256"), signer("ES256")
    known = {
        "name": "user:authentik/bob",
        "groups": {"group:music fans", "group:authentik Admins"},
        "display_name": "Bob B.",
    }
    yield signed(
        "authentik",
        signer("HS256"),
        authentik_claims(),
        **known,
    )
    yield signed(
        "authentik",
        rsa,
        authentik_claims(),
        keys=jwks(rsa.jwk(x5c=["MIIB"], x5t="abc", **{"x5t#S256": "def"})),
        **known,
    )
    yield plain(
        "authentik",
        {
            "X-authentik-username": "bob",
            "X-authentik-groups": "music fans|authentik Admins",
            "X-authentik-entitlements": "",
            "X-authentik-email": "bob@example.org",
            "X-authentik-name": "Bob B.",
            "X-authentik-uid": "900347b8a29876b45ca6f75722635ecf",
            "X-authentik-meta-jwks": "https://auth.example/application/o/music/jwks/",
            "X-authentik-meta-outpost": "authentik Embedded Outpost",
            "X-authentik-meta-provider": "music",
            "X-authentik-meta-app": "music",
            "X-authentik-meta-version": "goauthentik.io/outpost/2026.8.6",
        },
        **known,
    )
    yield plain(
        "authelia",
        {
            "Remote-User": "bob",
            "Remote-Groups": "admin,dev",
            "Remote-Name": "Bob B.",
            "Remote-Email": "bob@example.org",
        },
        name="user:authelia/bob",
        groups={"group:admin", "group:dev"},
        display_name="Bob B.",
    )
    for preset, prefix in (
        ("oauth2-proxy", "X-Forwarded"),
        ("oauth2-proxy-auth-request", "X-Auth-Request"),
    ):
        yield plain(
            preset,
            {
                f"{prefix}-User": "248289761001",
                f"{prefix}-Email": "bob@example.org",
                f"{prefix}-Preferred-Username": "bob",
                f"{prefix}-Groups": "fans,role:music:user",
            },
            name=f"user:{preset}/bob",
            groups={"group:fans", "group:role:music:user"},
            display_name="bob",
        )
        yield signed(
            preset,
            rsa,
            oidc_claims(),
            name=f"user:{preset}/bob",
            groups={"group:fans"},
            display_name="Bob B.",
        )
    yield signed(
        "cloudflare-access",
        rsa,
        {
            "aud": [TAG],
            "email": "bob@example.org",
            "exp": now() + 86_400,
            "iat": now(),
            "nbf": now(),
            "iss": TEAM,
            "type": "app",
            "identity_nonce": "6ei69kawdKzMIAPF",
            "sub": "7335d417-61da-459d-899c-0a01c76a2f94",
            "custom": {"groups": ["fans"]},
            "country": "US",
        },
        keys=json.dumps(
            {
                "keys": [signer("RS256", 2).jwk(), rsa.jwk()],
                "public_cert": {
                    "kid": "key-1",
                    "cert": "-----BEGIN CERTIFICATE-----",
                },
                "public_certs": [],
            }
        ).encode(),
        name="user:cloudflare-access/bob@example.org",
        groups={"group:fans"},
        display_name="bob@example.org",
    )
    yield signed(
        "cloudflare-access",
        rsa,
        {
            "aud": TAG,
            "exp": now() + 86_400,
            "iat": now(),
            "iss": TEAM,
            "type": "app",
            "common_name": "e367826f93b8d71185e03fe518aff3b4.access",
            "sub": "",
        },
        name="user:cloudflare-access/e367826f93b8d71185e03fe518aff3b4.access",
        groups=set(),
        display_name="e367826f93b8d71185e03fe518aff3b4.access",
    )
    yield signed(
        "google-iap",
        curve,
        {
            "iss": "https://cloud.google.com/iap",
            "aud": "/projects/1234/global/backendServices/5678",
            "exp": now() + 86_400,
            "iat": now() - 30,
            "email": "bob@example.org",
            "sub": "accounts.google.com:113328376519273",
            "hd": "example.org",
            "azp": "/projects/1234/global/backendServices/5678",
            "google": {"access_levels": []},
            "identity_source": "GOOGLE",
        },
        name="user:google-iap/bob@example.org",
        groups=set(),
        display_name="bob@example.org",
    )
    yield signed(
        "pomerium",
        curve,
        {
            "iss": "music.example.org",
            "aud": "music.example.org",
            "jti": "0c1d",
            "iat": now(),
            "exp": now() + 86_400,
            "sub": "115123",
            "user": "115123",
            "email": "bob@example.org",
            "name": "Bob B.",
            "groups": ["fans", "fans@example.org"],
            "sid": "s-1",
        },
        name="user:pomerium/bob@example.org",
        groups={"group:fans", "group:fans@example.org"},
        display_name="Bob B.",
    )
    yield plain(
        "tailscale",
        {
            "Tailscale-User-Login": "bob@example.org",
            "Tailscale-User-Name": "Bob B.",
            "Tailscale-User-Profile-Pic": "https://example.org/bob.jpg",
        },
        name="user:tailscale/bob@example.org",
        groups=set(),
        display_name="Bob B.",
    )
    yield signed(
        "keycloak",
        rsa,
        oidc_claims(
            iss="https://id.example/realms/home",
            aud=["music", "account"],
            typ="Bearer",
            azp="web",
            realm_access={"roles": ["offline_access", "fans"]},
            resource_access={"account": {"roles": ["view-profile"]}},
            scope="openid profile",
        ),
        keys=jwks(signer("RS256", 2).jwk(use="enc", alg="RSA-OAEP"), rsa.jwk()),
        name="user:keycloak/bob",
        groups={"group:offline_access", "group:fans"},
        display_name="Bob B.",
    )
    for algorithm in ("RS256", "ES256"):
        yield signed(
            "teleport",
            signer(algorithm),
            {
                "aud": ["http://127.0.0.1:34679"],
                "iss": "cluster.example",
                "nbf": now() - 60,
                "iat": now(),
                "sub": "bob",
                "username": "bob",
                "roles": ["access"],
                "traits": {"logins": ["root", "ubuntu"]},
                "exp": now() + 86_400,
            },
            {"alg": algorithm, "typ": "JWT"},
            name="user:teleport/bob",
            groups={"group:access"},
            display_name="bob",
        )


CASES = list(sent())
NAMES = [f"{case.preset} {number}" for number, case in enumerate(CASES)]


def sources(case: Sent, tmp_path: Path) -> Sources:
    """Return the sources that an operator gets who chooses the preset of *case*."""
    settings = {"AUTHZ_PROXY_PRESET": case.preset, **case.settings}
    if case.keys is not None:
        file = tmp_path / "jwks.json"
        file.write_bytes(case.keys)
        settings["AUTHZ_JWT_JWKS_FILE"] = str(file)
    built = build_sources(read_settings({}, settings), record=lambda *_, **__: None)
    for keys in built.keys.values():
        if hasattr(keys, "refresh"):
            keys.refresh()
    return built


def identify(built: Sources, headers: dict[str, str], peer: str = PROXY) -> Subject:
    """Return whom *headers* speak of."""
    environ = {"REMOTE_ADDR": peer, "SERVER_SOFTWARE": "gunicorn/27.0.1"}
    environ |= {header_key(name): value for name, value in headers.items()}
    assert built.proxied is not None
    subject = built.proxied.identify(RequestFacts(environ))
    assert subject is not None
    return subject


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_it_understands(case: Sent, tmp_path: Path):
    """One word, and the issuer and audience of one's own, are enough."""
    subject = identify(sources(case, tmp_path), case.headers)

    assert subject.name == case.name
    assert {n for n in subject.names if n.startswith("group:")} == case.groups
    assert subject.display_name == case.display_name


@pytest.mark.parametrize(
    "case", [c for c in CASES if "AUTHZ_JWT_AUDIENCE" in c.settings]
)
def test_another_audience_is_refused(case: Sent, tmp_path: Path):
    """A token for another app of the same proxy gets nobody in."""
    other = replace(case, settings={**case.settings, "AUTHZ_JWT_AUDIENCE": "other"})

    with pytest.raises(InvalidCredentials, match="wrong-audience"):
        identify(sources(other, tmp_path), case.headers)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_from_elsewhere(case: Sent, tmp_path: Path):
    """Plain headers count from the proxy only; a token proves itself."""
    built = sources(case, tmp_path)

    if "AUTHZ_TRUSTED_PROXIES" in case.settings:
        with pytest.raises(AssertionError):
            identify(built, case.headers, peer="203.0.113.9")
    else:
        assert identify(built, case.headers, peer="203.0.113.9")


def test_every_preset_has_a_case():
    """No preset is there that nobody has tried."""
    assert {case.preset for case in CASES} | {"aws-alb"} == set(PRESETS)


def test_every_preset_says_where_it_is_from():
    """What a preset claims can be looked up."""
    for preset in PRESETS.values():
        assert preset.documented.startswith("https://")
        assert preset.note
        assert preset.jwt or preset.headers


def padded(part: bytes) -> str:
    """Return base64url with its padding, as Amazon sends it."""
    return urlsafe_b64encode(part).decode()


def alb_token(honest: Signer, **changes: Any) -> str:
    """Return `x-amzn-oidc-data`: the claims that matter stand in the header."""
    header = {
        "typ": "JWT",
        "kid": KID,
        "alg": "ES256",
        "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
        "client": "1h57kf5cpq17m0eml12EXAMPLE",
        "signer": ARN,
        "exp": now() + 86_400,
    } | changes
    payload = {
        "sub": "a1b2c3d4",
        "email_verified": "true",
        "email": "bob@example.org",
        "username": "bob",
        "client": "1h57kf5cpq17m0eml12EXAMPLE",  # says the provider, not Amazon
        "exp": now() + 86_400,
        "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
    }
    signing_input = f"{padded(as_json(header))}.{padded(as_json(payload))}"
    return f"{signing_input}.{padded(honest.sign(signing_input.encode()))}"


ALB = {
    "AUTHZ_PROXY_PRESET": "aws-alb",
    "AUTHZ_JWT_ISSUER": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
    "AUTHZ_JWT_AUDIENCE": ARN,
}


class TestAwsAlb:
    def test_the_address_of_the_keys(self):
        """It follows from the region in the ARN."""
        [issuer] = read_settings({}, ALB).proxy.issuers

        assert issuer.pem_url == "https://public-keys.auth.elb.eu-west-1.amazonaws.com/"

    def test_it_understands(self):
        """The first request waits for nothing and is refused; then the key is there."""
        honest = signer("ES256")
        with KeyServer(answer(honest.pem)) as server:
            settings = {
                **ALB,
                "AUTHZ_JWT_PEM_URL": server.url,
                "AUTHZ_JWT_REQUIRE": "client=1h57kf5cpq17m0eml12EXAMPLE",
            }
            built = build_sources(
                read_settings({}, settings), record=lambda *_, **__: None
            )
            built.start()
            headers = {"X-Amzn-Oidc-Data": alb_token(honest)}
            with pytest.raises(InvalidCredentials, match="unknown-key"):
                identify(built, headers)

            def fetched() -> bool:
                with suppress(InvalidCredentials):
                    return bool(identify(built, headers))
                return False

            until(fetched)
            assert identify(built, headers).name == "user:aws-alb/bob@example.org"
            assert server.asked == [f"/keys/{KID}"]
            for changes, why in (
                ({"signer": ARN.replace("lb/", "other/")}, "wrong-audience"),
                ({"signer": None}, "wrong-audience"),
                ({"iss": "https://evil.test"}, "wrong-issuer"),
                ({"exp": now() - 31}, "expired"),
                ({"exp": str(now() + 60)}, "bad-claim"),
                ({"kid": "../../x"}, "unknown-key"),
                ({"alg": "HS256"}, "wrong-algorithm"),
                ({"client": "another"}, "claim-mismatch"),
                ({"crit": ["exp"]}, "header-not-allowed"),
            ):
                with pytest.raises(InvalidCredentials, match=why):
                    identify(built, {"X-Amzn-Oidc-Data": alb_token(honest, **changes)})
            for odd in (f"{alb_token(honest)}=", f"{alb_token(honest)}===="):
                with pytest.raises(InvalidCredentials, match="malformed-token"):
                    identify(built, {"X-Amzn-Oidc-Data": odd})
            with pytest.raises(InvalidCredentials, match="bad-signature"):
                identify(built, {"X-Amzn-Oidc-Data": alb_token(signer("ES256", 2))})
            for poller in built.pollers:
                poller.close()
