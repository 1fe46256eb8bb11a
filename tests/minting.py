"""Makes keys and tokens: honest ones, and every other kind."""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

ISSUER = "https://idp.test/application/o/music/"
AUDIENCE = "music"
NOW = 1_800_000_000
SECRET = b"a secret that both sides know, 64 bytes of it, so that HS512 fits."

_ALGORITHMS = get_default_algorithms()


def b64(data: bytes) -> str:
    """Return *data* as base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def as_json(value: Any) -> bytes:
    """Return *value* as JSON; bytes are taken as they are."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@dataclass(frozen=True)
class Signer:
    """A key pair, or a secret, and the algorithm it signs with."""

    algorithm: str
    private: Any = field(repr=False)
    kid: str | None = "key-1"

    @property
    def public(self) -> Any:
        """The public key."""
        return self.private.public_key()

    @property
    def pem(self) -> bytes:
        """The public key in PEM."""
        return self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def jwk(self, **members: Any) -> dict[str, Any]:
        """Return the public key as a JWK; a member that is None is left out."""
        algorithm = _ALGORITHMS[self.algorithm]
        key = self.private if isinstance(self.private, bytes) else self.public
        jwk = json.loads(algorithm.to_jwk(key))
        jwk.pop("key_ops", None)
        jwk |= {"kid": self.kid, "use": "sig", "alg": self.algorithm} | members
        return {name: value for name, value in jwk.items() if value is not None}

    def sign(self, message: bytes) -> bytes:
        """Return the signature of *message*."""
        return _ALGORITHMS[self.algorithm].sign(message, self.private)

    def token(self, payload: Any = None, header: Any = None, **changes: Any) -> str:
        """Return a token with *payload* and *header*, or honest ones with *changes*."""
        if header is None:
            header = {"alg": self.algorithm, "typ": "JWT"}
            if self.kid is not None:
                header["kid"] = self.kid
        return self.join(
            as_json(header), as_json(claims(**changes) if payload is None else payload)
        )

    def join(self, header: bytes, payload: bytes) -> str:
        """Return the token with these bytes, signed."""
        signing_input = f"{b64(header)}.{b64(payload)}"
        return f"{signing_input}.{b64(self.sign(signing_input.encode()))}"


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of an honest token with *changes*; None leaves one out."""
    honest = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "6f1ed002ab5595859014ebf0951522d9",
        "preferred_username": "bob",
        "name": "Bob B.",
        "groups": ["listeners", "family"],
        "iat": NOW - 60,
        "exp": NOW + 3600,
    } | changes
    return {name: value for name, value in honest.items() if value is not None}


@cache
def signer(algorithm: str, number: int = 1) -> Signer:
    """Return key *number* for *algorithm*; the same one each time."""
    kid = f"key-{number}"
    if algorithm.startswith("HS"):
        return Signer(algorithm, SECRET, kid=None)
    return Signer(algorithm, private_key(algorithm, number), kid=kid)


@cache
def private_key(algorithm: str, number: int = 1) -> Any:
    """Return private key *number* of the kind that *algorithm* needs."""
    if algorithm.startswith(("RS", "PS")):
        return rsa_key(number)
    curves = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
    if algorithm in curves:
        return ec.generate_private_key(curves[algorithm]())
    if algorithm == "Ed448":
        return ed448.Ed448PrivateKey.generate()
    return ed25519.Ed25519PrivateKey.generate()


@cache
def rsa_key(number: int = 1, bits: int = 2048, exponent: int = 65537) -> Any:
    """Return an RSA key. Making one takes a while, so each is made once."""
    return rsa.generate_private_key(public_exponent=exponent, key_size=bits)


def jwks(*keys: dict[str, Any]) -> bytes:
    """Return a JWK Set."""
    return json.dumps({"keys": keys}).encode()
