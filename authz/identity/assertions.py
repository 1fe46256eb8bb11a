"""Signed statements about who asks, for an app behind forward-auth (RFC 7519).

Short-lived, for one audience each. More keys are published than sign, so that a new
one can be known before it signs, and an old one is known until the last token that it
signed is over.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, Final, Protocol

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from authz.decision import Subject
from authz.errors import InvalidValue

#: How long a statement holds: an app looks at it at once. In seconds.
LIFETIME: Final = 60
_PEM: Final = re.compile(
    r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----\n.*?-----END \1-----", re.DOTALL
)
_SHORTEST_RSA: Final = 2048
_HINT: Final = "make one with `authz secrets signing-key`"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key, what it is called, and how it is published."""

    kid: str
    algorithm: str
    private: Ed25519PrivateKey | RSAPrivateKey
    #: The public part as a JWK (RFC 7517).
    public: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldIdentity:
    """Who asks, as an app is told."""

    subject: Subject
    #: The roles they hold at that app, without `role:`, in order.
    roles: tuple[str, ...]

    @property
    def user(self) -> str:
        """What they are called: `alice`, `authentik/alice`, `token:backup`."""
        return self.subject.name.removeprefix("user:")

    @property
    def email(self) -> str:
        """Their address, if that is what they are called; else empty."""
        last = self.user.rpartition("/")[2]
        return last if "@" in last[1:-1] else ""


class SigningKeys(Protocol):
    """The keys of somebody who signs. Asking is no I/O."""

    def signing(self, now: int) -> SigningKey:
        """Return what signs at *now*, in seconds since 1970."""
        ...

    def published(self, now: int) -> tuple[SigningKey, ...]:
        """Return what is published at *now*, in seconds since 1970."""
        ...


@dataclass(frozen=True, slots=True)
class FixedKeys:
    """Keys that stay as they are until a restart: the first signs."""

    keys: tuple[SigningKey, ...]

    def signing(self, now: int) -> SigningKey:  # noqa: ARG002 - always the same
        """Return what signs."""
        return self.keys[0]

    def published(self, now: int) -> tuple[SigningKey, ...]:  # noqa: ARG002
        """Return what is published."""
        return self.keys


class Assertions:
    """Says, signed, who asks."""

    def __init__(self, keys: SigningKeys | None, *, issuer: str) -> None:
        """Sign with *keys*, as *issuer*; with None there are no statements."""
        self._keys = keys
        self._issuer = issuer

    def token(self, who: ToldIdentity, *, audience: str, now: int) -> str:
        """Return the statement that *who* asks, which holds from *now* on.

        Empty if there are no keys.

        Args:
            who: Who asks, as the app is told.
            audience: The app that it is meant for.
            now: Seconds since 1970.
        """
        if self._keys is None:
            return ""
        key = self._keys.signing(now)
        claims = {
            "iss": self._issuer,
            "aud": audience,
            "sub": who.subject.name,
            "preferred_username": who.user,
            "name": who.subject.display_name,
            "groups": list(who.roles),
            **({"email": who.email} if who.email else {}),
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "jti": token_urlsafe(12),
        }
        return jwt.encode(
            claims, key.private, algorithm=key.algorithm, headers={"kid": key.kid}
        )

    def published(self, *, now: int) -> dict[str, Any]:
        """Return the public keys as a JWK Set (RFC 7517, 5)."""
        keys = () if self._keys is None else self._keys.published(now)
        return {"keys": [dict(key.public) for key in keys]}


def read_signing_keys(text: str) -> tuple[SigningKey, ...]:
    """Return the private keys in *text*, in PEM one after the other.

    Raises:
        InvalidValue: if there is none, or one that cannot sign.
    """
    blocks = [match[0] for match in _PEM.finditer(text.replace("\r\n", "\n"))]
    if len(blocks) != text.count("-----BEGIN "):
        raise InvalidValue("what is in it is not all private keys in PEM", _HINT)
    keys = [_signing_key(block.encode()) for block in blocks]
    if not keys:
        raise InvalidValue("there is no private key in it", _HINT)
    if len({key.kid for key in keys}) != len(keys):
        raise InvalidValue("a key is in it twice", "leave one of them out")
    return tuple(keys)


def new_signing_key() -> str:
    """Return a new Ed25519 key in PEM."""
    made = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    return made.decode("ascii")


def _signing_key(pem: bytes) -> SigningKey:
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Not the error's own text: it may quote the key.
        raise InvalidValue("a private key cannot be read", _HINT) from None
    if isinstance(private, Ed25519PrivateKey):
        algorithm = "EdDSA"
        public = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
        named = ("crv", "kty", "x")
    elif isinstance(private, RSAPrivateKey) and private.key_size >= _SHORTEST_RSA:
        algorithm = "RS256"
        public = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
        named = ("e", "kty", "n")
    else:
        raise InvalidValue(
            f"a private key is neither Ed25519 nor RSA of {_SHORTEST_RSA} bits or more",
            _HINT,
        )
    members = {name: public[name] for name in named}
    # RFC 7638, 3: these members, in this order, without blanks.
    thumbprint = sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    kid = base64url_encode(thumbprint).decode("ascii")
    return SigningKey(
        kid=kid,
        algorithm=algorithm,
        private=private,
        public={**members, "use": "sig", "alg": algorithm, "kid": kid},
    )
