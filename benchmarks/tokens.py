"""What it costs to know who sent a signed token."""

import time
import timeit
from collections.abc import Iterator
from typing import Any

import jmespath
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from authz.identity.claims import ClaimRules
from authz.identity.jwks import FixedKeys
from authz.identity.keys import Key, KeySet
from authz.identity.proxy_jwt import Issuer, SignedTokens
from authz.identity.source import RequestFacts
from benchmarks.results import Bar

ROUNDS = 9
CALLS = 20_000
#: What a token that was verified a moment ago may cost, in microseconds.
HIT = 3.0
AUDIENCE = "music"
ISSUER = "https://auth.example/application/o/music/"


def _claims() -> dict[str, Any]:
    """Return claims as Authentik sends them; the token is some 1,270 bytes long."""
    now = int(time.time())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "900347b8a29876b45ca6f75722635ecfedf0e931c6022e3a29a8aa13fb5516fb",
        "exp": now + 86_400,
        "iat": now,
        "acr": "goauthentik.io/providers/oauth2/default",
        "preferred_username": "bob",
        "name": "Bob B.",
        "email": "bob@example.org",
        "groups": [f"a group of people, number {number}" for number in range(10)],
        "ak_proxy": {"user_attributes": {}, "is_superuser": False},
    }


def bars() -> Iterator[Bar]:
    """Yield each promise, what was measured, and whether it holds."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = jwt.encode(_claims(), private, "RS256", headers={"kid": "1"})
    algorithms = frozenset({"RS256"})
    key = Key(kid="1", algorithms=algorithms, material=private.public_key())
    source = SignedTokens(
        "X-authentik-jwt",
        [
            Issuer(
                algorithms=algorithms,
                keys=FixedKeys(KeySet([key])),
                rules=ClaimRules(
                    issuer=ISSUER,
                    audiences=frozenset({AUDIENCE}),
                    leeway=30.0,
                    max_lifetime=7 * 86_400.0,
                    source="authentik",
                    subject=jmespath.compile("preferred_username"),
                    groups=jmespath.compile("groups"),
                ),
            )
        ],
    )
    facts = RequestFacts({"HTTP_X_AUTHENTIK_JWT": token})

    def first() -> None:
        source._identify(token, b"")  # noqa: SLF001 - as if it had not been seen

    hit = _best(lambda: source.identify(facts), CALLS)
    miss = _best(first, CALLS // 100)
    yield Bar(
        promise=f"a token verified a moment ago costs at most {HIT:.0f} us",
        measured=f"{hit:.2f} us ({len(token)} bytes; the first time {miss:.0f} us, RS256)",
        holds=hit <= HIT,
    )


def _best(call: Any, calls: int) -> float:
    """Return the least time of a call, in microseconds."""
    return min(timeit.repeat(call, number=calls, repeat=ROUNDS)) / calls * 1e6
