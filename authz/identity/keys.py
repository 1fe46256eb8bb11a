"""The keys that verify signed tokens, and what makes a key unfit to.

A key is bound to algorithms when it is read, never by what a token says. Keys with a
shared secret and keys with two halves are never in one set (RFC 8725, 3.1 and 3.2).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from jwt.algorithms import get_default_algorithms
from jwt.exceptions import PyJWTError

from authz.errors import AuthzError
from authz.identity.algorithms import ASYMMETRIC, SYMMETRIC
from authz.identity.jws import read_object
from authz.identity.why import Refused

_VERIFIERS: Final = {
    name: algorithm
    for name, algorithm in get_default_algorithms().items()
    if name in SYMMETRIC | ASYMMETRIC
}
_RSA: Final = frozenset(name for name in ASYMMETRIC if name[:2] in {"RS", "PS"})
_BY_CURVE: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_READERS: Final = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}

#: RSA keys outside these bounds are too weak, or a way to keep a processor busy.
_RSA_BITS: Final = range(2048, 8192 + 1)
_SMALLEST_EXPONENT: Final = 65537
_SHORTEST_SECRET: Final = 32
#: RFC 7518, 3.2: a secret is at least as long as the hash.
_SECRET_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
_NUMBERS: Final = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}

_PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey


class KeySetError(AuthzError):
    """A set of keys cannot be used at all."""


class _Unfit(Exception):
    """One key is not for us; it is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key, and the algorithms it may verify."""

    kid: str | None = None
    algorithms: frozenset[str]
    material: Any = field(repr=False, compare=False)

    def verifies(self, algorithm: str, message: bytes, signature: bytes) -> bool:
        """Return whether *signature* is this key's, by *algorithm*, on *message*."""
        if algorithm not in self.algorithms:
            return False
        return _VERIFIERS[algorithm].verify(message, self.material, signature)


class KeySet:
    """Keys of one issuer. Immutable."""

    def __init__(
        self,
        keys: Iterable[Key] = (),
        *,
        any_kid: bool = False,
        left_out: Iterable[str] = (),
    ) -> None:
        """Hold *keys*. *any_kid*: there is one, whatever a token calls it."""
        self.keys = tuple(keys)
        self.any_kid = any_kid
        #: Keys that were not taken, and why.
        self.left_out = tuple(left_out)
        self._by_kid = {key.kid: key for key in self.keys if key.kid is not None}

    @property
    def kids(self) -> Mapping[str, Key]:
        """The keys that have an id, by it."""
        return self._by_kid

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """Return the key for a token that names *kid* and *algorithm*, or None.

        A token that names no key fits only if exactly one key has its algorithm.
        """
        if kid is not None and not self.any_kid:
            key = self._by_kid.get(kid)
            return key if key is not None and algorithm in key.algorithms else None
        suitable = [key for key in self.keys if algorithm in key.algorithms]
        return suitable[0] if len(suitable) == 1 else None


def keys_from_jwks(data: bytes, algorithms: frozenset[str]) -> KeySet:
    """Return the keys of a JWK Set (RFC 7517) that can verify by *algorithms*.

    A key that is for something else, or too weak, is left out; `KeySet.left_out` says
    why.

    Raises:
        KeySetError: if it is no key set, if no key is left, if two keys have one id, or
            if it mixes secrets with public keys.
    """
    try:
        document = read_object(data)
    except Refused as error:
        raise KeySetError(f"this is not a JWK Set ({error.why})") from None
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise KeySetError(
            "the key set has no `keys`: an Authentik provider without a signing key "
            "answers so; its tokens are signed with the client secret (HS256)"
            if not document
            else "this is not a JWK Set: it has no list `keys`"
        )
    keys: list[Key] = []
    left_out: list[str] = []
    for number, entry in enumerate(entries, start=1):
        try:
            keys.append(_key_from_jwk(entry, algorithms))
        except _Unfit as why:
            left_out.append(f"key {number}: {why}")
    twice = [kid for kid, n in Counter(k.kid for k in keys if k.kid).items() if n > 1]
    if twice:
        raise KeySetError(f"several keys have the id `{twice[0][:80]}`")
    if not keys:
        what = "; ".join(left_out) or "it is empty"
        raise KeySetError(f"the key set has no key for {_words(algorithms)}: {what}")
    return KeySet(keys, left_out=left_out)


def keys_from_pem(data: bytes, algorithms: frozenset[str]) -> KeySet:
    """Return the one public key in *data*: a PEM public key or certificate.

    Raises:
        KeySetError: if it is something else, several, or unfit for *algorithms*.
    """
    return KeySet([key_from_pem(data, algorithms)], any_kid=True)


def key_from_pem(
    data: bytes, algorithms: frozenset[str], *, kid: str | None = None
) -> Key:
    """Return the public key in *data* as the key *kid*. Raises as `keys_from_pem`."""
    if b"PRIVATE KEY" in data:
        raise KeySetError("this is a private key; only the public half belongs here")
    if data.count(b"-----BEGIN ") != 1:
        raise KeySetError("this is not one PEM block, a public key or a certificate")
    public: object
    try:
        if b"-----BEGIN CERTIFICATE-----" in data:
            public = load_pem_x509_certificate(data).public_key()
        else:
            public = load_pem_public_key(data)
        able = _able(public) & algorithms
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeySetError("this public key cannot be read") from None
    except _Unfit as why:
        raise KeySetError(f"this public key cannot be used: {why}") from None
    if not able:
        raise KeySetError(f"this public key is not one for {_words(algorithms)}")
    return Key(kid=kid, algorithms=able, material=public)


def keys_from_secret(secret: bytes, algorithms: frozenset[str]) -> KeySet:
    """Return the key that a shared *secret* is.

    Raises:
        KeySetError: if it is too short, or a public key by mistake (then everybody
            could sign).
    """
    needed = max((_SECRET_BYTES[name] for name in algorithms), default=0)
    if len(secret) < max(needed, _SHORTEST_SECRET):
        raise KeySetError(
            f"the secret has {len(secret)} bytes; {_words(algorithms)} needs {needed}"
        )
    try:
        material = _VERIFIERS["HS256"].prepare_key(secret)
    except PyJWTError:
        raise KeySetError("this is a public key, not a secret") from None
    return KeySet([Key(algorithms=algorithms, material=material)], any_kid=True)


def _key_from_jwk(entry: object, algorithms: frozenset[str]) -> Key:
    if not isinstance(entry, dict):
        raise _Unfit("it is not an object")
    kty, kid = entry.get("kty"), entry.get("kid")
    if kid is not None and (not isinstance(kid, str) or not kid):
        raise _Unfit("its id is not a word")
    if entry.get("use", "sig") != "sig":
        raise _Unfit("it is not for signatures (`use`)")
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise _Unfit("it is not for verifying (`key_ops`)")
    if (kty == "oct") != (algorithms <= SYMMETRIC):
        raise KeySetError(
            "the key set holds a shared secret among public keys"
            if kty == "oct"
            else "the key set holds public keys, where a shared secret was expected"
        )
    if kty == "oct":
        able, material = _secret_from_jwk(entry, algorithms)
    else:
        able, material = _public_from_jwk(entry, kty)
    if "alg" in entry:
        # Not `able & {alg}`: `alg` may be anything, a list even.
        able = frozenset(name for name in able if name == entry["alg"])
        if not able:
            raise _Unfit("its `alg` does not fit the key")
    able &= algorithms
    if not able:
        raise _Unfit(f"it is not for {_words(algorithms)}")
    return Key(kid=kid, algorithms=able, material=material)


def _secret_from_jwk(
    entry: dict[str, Any], algorithms: frozenset[str]
) -> tuple[frozenset[str], Any]:
    text = entry.get("k")
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text):
        raise _Unfit("its secret is not base64url")
    try:
        secret = _VERIFIERS["HS256"].from_jwk(entry)
    except (PyJWTError, ValueError, TypeError):
        raise _Unfit("its secret cannot be read") from None
    able = frozenset(name for name in algorithms if len(secret) >= _SECRET_BYTES[name])
    if not able:
        raise _Unfit("its secret is too short")
    return able, secret


def _public_from_jwk(
    entry: dict[str, Any], kty: object
) -> tuple[frozenset[str], _PublicKey]:
    reader = _READERS.get(kty) if isinstance(kty, str) else None
    if reader is None:
        raise _Unfit("its type (`kty`) is unknown")
    if not _PRIVATE_MEMBERS.isdisjoint(entry):
        raise _Unfit("it is a private key, which everybody can read now")
    for name in _NUMBERS[str(kty)]:
        number = entry.get(name)
        if not isinstance(number, str) or not _BASE64URL.fullmatch(number):
            raise _Unfit(f"`{name}` is not base64url")
    try:
        public = _VERIFIERS[reader].from_jwk(entry)
    except (PyJWTError, ValueError, TypeError, UnsupportedAlgorithm):
        raise _Unfit("it cannot be read") from None
    return _able(public), public


def _able(public: object) -> frozenset[str]:
    """Return the algorithms that a public key can verify."""
    if isinstance(public, RSAPublicKey):
        numbers = public.public_numbers()
        if public.key_size not in _RSA_BITS:
            raise _Unfit(
                f"an RSA key of {public.key_size} bits is too weak or too long"
            )
        if numbers.e < _SMALLEST_EXPONENT:
            raise _Unfit(f"the RSA exponent {numbers.e} is too small")
        if _has_roca(numbers.n):
            raise _Unfit("the RSA key was made by a faulty chip (CVE-2017-15361)")
        return _RSA
    if isinstance(public, EllipticCurvePublicKey):
        name = _BY_CURVE.get(public.curve.name)
        return frozenset({name} if name else ())
    if isinstance(public, (Ed25519PublicKey, Ed448PublicKey)):
        return frozenset({"EdDSA"})
    raise _Unfit("its kind is unknown")


#: The faulty chips make moduli that are powers of 65537 modulo each of these primes.
_ROCA_PRIMES: Final = tuple(p for p in range(3, 168) if all(p % q for q in range(2, p)))
_ROCA_POWERS: Final = {
    p: frozenset(pow(65537, k, p) for k in range(p)) for p in _ROCA_PRIMES
}


def _has_roca(modulus: int) -> bool:
    return all(modulus % p in powers for p, powers in _ROCA_POWERS.items())


def _words(algorithms: Iterable[str]) -> str:
    return " or ".join(sorted(algorithms))
