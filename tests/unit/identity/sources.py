"""Makes identity sources as settings would, with keys of every kind."""

from typing import Any

import jmespath

from authz.identity.claims import ClaimRules
from authz.identity.jwks import FixedKeys, KeySource
from authz.identity.keys import keys_from_jwks, keys_from_pem, keys_from_secret
from authz.identity.proxy_jwt import Issuer, SignedTokens
from authz.identity.source import RequestFacts
from tests.minting import AUDIENCE, ISSUER, NOW, SECRET, Signer, jwks

HEADER = "X-authentik-jwt"
KEY = "HTTP_X_AUTHENTIK_JWT"


def rules(**changes: Any) -> ClaimRules:
    """Return what the claims of an honest token must be, with *changes*."""
    return ClaimRules(
        **{
            "issuer": ISSUER,
            "audiences": frozenset({AUDIENCE}),
            "leeway": 30.0,
            "max_lifetime": 31 * 86_400.0,
            "source": "authentik",
            "subject": jmespath.compile("preferred_username"),
            "display_name": jmespath.compile("name"),
            "groups": jmespath.compile("groups"),
            **changes,
        }
    )


def keys(honest: Signer) -> KeySource:
    """Return the keys of *honest*: its secret, or a key set with others in it."""
    algorithms = frozenset({honest.algorithm})
    if honest.algorithm.startswith("HS"):
        return FixedKeys(keys_from_secret(SECRET, algorithms))
    return FixedKeys(keys_from_jwks(jwks(honest.jwk()), algorithms))


def pem_keys(honest: Signer) -> KeySource:
    """Return the one key of *honest*, as a PEM file has it."""
    return FixedKeys(keys_from_pem(honest.pem, frozenset({honest.algorithm})))


def source(
    honest: Signer, *, key_source: KeySource | None = None, **changes: Any
) -> SignedTokens:
    """Return the source that believes *honest*."""
    issuer = Issuer(
        algorithms=frozenset({honest.algorithm}),
        keys=key_source or keys(honest),
        rules=rules(**changes),
    )
    return SignedTokens(HEADER, [issuer], now=lambda: NOW)


def facts(token: str, key: str = KEY, **environ: Any) -> RequestFacts:
    """Return a request with *token* in its header."""
    return RequestFacts({key: token, **environ})
