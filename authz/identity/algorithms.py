"""The signature algorithms of signed tokens (RFC 7518, 3.1; RFC 8037)."""

from typing import Final

#: Algorithms with a secret that both sides know.
SYMMETRIC: Final = frozenset({"HS256", "HS384", "HS512"})
#: Algorithms with a public key, which can verify and not sign.
ASYMMETRIC: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}
    | {"EdDSA"}
)
