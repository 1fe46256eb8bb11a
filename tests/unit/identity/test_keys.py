"""Keys are bound to what they may verify, and unfit ones verify nothing."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from authz.identity.jws import read_jws
from authz.identity.keys import (
    ASYMMETRIC,
    SYMMETRIC,
    KeySetError,
    keys_from_jwks,
    keys_from_pem,
    keys_from_secret,
)
from tests.minting import SECRET, b64, jwks, private_key, rsa_key, signer

RS256 = frozenset({"RS256"})


def problem(data: bytes, algorithms: frozenset[str] = RS256) -> str:
    """Return why *data* is no key set to use."""
    with pytest.raises(KeySetError) as caught:
        keys_from_jwks(data, algorithms)
    return str(caught.value)


class TestKnownAnswers:
    """Tokens and keys printed in standards."""

    @pytest.mark.parametrize(
        ("key", "token", "algorithm"),
        [
            pytest.param(
                {
                    "kty": "oct",
                    "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Y"
                    "j0iPS4hcgUuTwjAzZr1Z9CAow",
                },
                "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAi"
                "OjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBj"
                "ftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                "HS256",
                id="RFC 7515, A.1",
            ),
            pytest.param(
                {
                    "kty": "EC",
                    "crv": "P-256",
                    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                },
                "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
                "Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqO"
                "yKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
                "ES256",
                id="RFC 7515, A.3",
            ),
            pytest.param(
                {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                },
                "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCj"
                "P0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM"
                "0KAg",
                "EdDSA",
                id="RFC 8037, A.4",
            ),
        ],
    )
    def test_verifies(self, key: dict[str, str], token: str, algorithm: str):
        """The signatures in the standards hold, and no changed one does."""
        jws = read_jws(token)
        keys = keys_from_jwks(jwks(key), frozenset({algorithm}))
        found = keys.find(None, algorithm)

        assert found is not None
        assert found.verifies(algorithm, jws.signing_input, jws.signature)
        assert not found.verifies(algorithm, jws.signing_input + b"x", jws.signature)
        assert not found.verifies("RS256", jws.signing_input, jws.signature)


class TestKeySets:
    def test_each_kind(self):
        """RSA keys do RS and PS; a curve does its one algorithm."""
        names = ("RS256", "ES256", "ES384", "ES512", "EdDSA")
        entries = [signer(name).jwk(alg=None, kid=name) for name in names]

        keys = keys_from_jwks(jwks(*entries), ASYMMETRIC)

        able = {kid: set(key.algorithms) for kid, key in keys.kids.items()}
        assert able == {
            "RS256": {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"},
            "ES256": {"ES256"},
            "ES384": {"ES384"},
            "ES512": {"ES512"},
            "EdDSA": {"EdDSA"},
        }

    def test_alg_binds_a_key(self):
        """A key that names its algorithm verifies that one and no other."""
        keys = keys_from_jwks(jwks(signer("RS256").jwk(alg="PS384")), ASYMMETRIC)

        assert keys.keys[0].algorithms == {"PS384"}

    def test_pinned(self):
        """A key verifies what the operator allowed, whatever else it could."""
        keys = keys_from_jwks(jwks(signer("RS256").jwk(alg=None)), RS256)

        assert keys.keys[0].algorithms == RS256

    def test_a_token_without_id(self):
        """It fits if exactly one key has its algorithm."""
        one = keys_from_jwks(
            jwks(signer("RS256").jwk(), signer("ES256").jwk(kid="other")), ASYMMETRIC
        )
        two = keys_from_jwks(
            jwks(signer("RS256").jwk(), signer("RS256", 2).jwk()), ASYMMETRIC
        )

        assert one.find(None, "RS256") is one.kids["key-1"]
        assert two.find(None, "RS256") is None

    def test_a_key_without_id(self):
        """A token that names a key does not get one without a name."""
        keys = keys_from_jwks(jwks(signer("RS256").jwk(kid=None)), RS256)

        assert keys.find(None, "RS256")
        assert keys.find("key-1", "RS256") is None

    def test_keys_for_other_things_are_left_out(self):
        """Keycloak publishes a key for encryption beside the one for signatures."""
        keys = keys_from_jwks(
            jwks(
                signer("RS256", 2).jwk(use="enc", alg="RSA-OAEP"), signer("RS256").jwk()
            ),
            RS256,
        )

        assert list(keys.kids) == ["key-1"]
        assert keys.left_out == ("key 1: it is not for signatures (`use`)",)

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"use": "enc"}, "not for signatures"),
            ({"use": "SIG"}, "not for signatures"),
            ({"use": ["sig"]}, "not for signatures"),
            ({"key_ops": ["encrypt"]}, "not for verifying"),
            ({"key_ops": ["sign"]}, "not for verifying"),
            ({"key_ops": "verify"}, "not for verifying"),
            ({"key_ops": []}, "not for verifying"),
            ({"alg": "ES256"}, "does not fit"),
            ({"alg": "none"}, "does not fit"),
            ({"alg": ["RS256"]}, "does not fit"),
            ({"alg": "RS512"}, "not for RS256"),
            ({"kty": "EC"}, "`x` is not base64url"),
            ({"kty": "rsa"}, "unknown"),
            ({"kty": ["RSA"]}, "unknown"),
            ({"kty": None}, "unknown"),
            ({"kid": 1}, "id is not a word"),
            ({"kid": ""}, "id is not a word"),
            ({"n": "AQAB=="}, "`n` is not base64url"),
            ({"n": 5}, "`n` is not base64url"),
            ({"n": ""}, "`n` is not base64url"),
            ({"e": None}, "`e` is not base64url"),
            ({"e": "AA"}, "cannot be read"),
            ({"e": "AAAA"}, "cannot be read"),
            ({"e": "Aw"}, "exponent 3 is too small"),
            ({"d": "AQAB"}, "private key"),
            ({"p": "AQAB"}, "private key"),
        ],
        ids=str,
    )
    def test_unfit_keys(self, changes: dict[str, Any], why: str):
        """A key that is not plainly for this is none, and the operator learns why."""
        assert why in problem(jwks(signer("RS256").jwk(**changes)))

    @pytest.mark.parametrize(
        ("bits", "exponent", "why"),
        [(1024, 65537, "1024 bits"), (2048, 3, "exponent 3 is too small")],
    )
    def test_weak_rsa(self, bits: int, exponent: int, why: str):
        """Weak keys can be broken, and then anybody can be anybody."""
        weak = RSAAlgorithm.to_jwk(
            rsa_key(9, bits, exponent).public_key(), as_dict=True
        )

        assert why in problem(jwks(weak | {"key_ops": ["verify"]}))

    def test_a_key_that_takes_a_second_to_verify(self):
        """Nor may a key be so long that verifying keeps a processor busy."""
        modulus = b64(((1 << 8200) + 1).to_bytes(1026, "big"))

        assert "8201 bits" in problem(jwks({"kty": "RSA", "n": modulus, "e": "AQAB"}))

    def test_roca(self):
        """Keys of a chip that made them badly are told by their modulus."""
        # The product of the primes that the fingerprint looks at, and then some:
        # 65537 to the 0 modulo each is 1.
        primorial = 1
        for p in range(3, 168):
            if all(p % q for q in range(2, p)):
                primorial *= p
        modulus = primorial * (1 << (2047 - primorial.bit_length() + 1)) + 1
        assert modulus.bit_length() == 2048
        entry = {"kty": "RSA", "n": b64(modulus.to_bytes(256, "big")), "e": "AQAB"}

        assert "CVE-2017-15361" in problem(jwks(entry))

    @pytest.mark.parametrize(
        "changes",
        [
            {"crv": "P-384"},
            {"crv": "secp256k1"},
            {"crv": "P-256K"},
            {"crv": None},
            {"x": "AAAA"},
            {"y": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"},  # not on the curve
        ],
        ids=str,
    )
    def test_bad_curves(self, changes: dict[str, Any]):
        """A point that is not on its curve, or a curve nobody asked for, is no key."""
        entry = signer("ES256").jwk(**changes)

        assert "cannot be read" in problem(jwks(entry), frozenset({"ES256"}))

    def test_a_curve_for_agreeing_on_keys(self):
        """X25519 makes no signatures."""
        public = x25519.X25519PrivateKey.generate().public_key()
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        entry = {"kty": "OKP", "crv": "X25519", "x": b64(raw)}

        assert "cannot be read" in problem(jwks(entry), frozenset({"EdDSA"}))

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (b"{}", "Authentik provider without a signing key"),
            (b'{"keys": []}', "it is empty"),
            (b'{"keys": {}}', "no list `keys`"),
            (b'{"key": []}', "no list `keys`"),
            (b"[]", "not a JWK Set"),
            (b"", "not a JWK Set"),
            (b"<html>", "not a JWK Set"),
            (b'{"keys": [], "keys": []}', "duplicate-member"),
            (b"\xff\xfe", "not a JWK Set"),
            (b'{"keys": [1]}', "not an object"),
            (b"[" * 100_000, "not a JWK Set"),
        ],
        ids=lambda value: repr(value)[:30],
    )
    def test_no_key_set(self, data: bytes, why: str):
        """What is no key set says so; the trap of Authentik is named."""
        assert why in problem(data)

    def test_two_keys_with_one_id(self):
        """Which one is meant cannot be known, so neither is used."""
        twins = [signer("RS256").jwk(), signer("RS256", 2).jwk(kid="key-1")]

        assert "several keys have the id `key-1`" in problem(jwks(*twins))

    def test_a_secret_among_public_keys(self):
        """A set that mixes the two is refused whole (RFC 8725, 3.1)."""
        secret = {"kty": "oct", "k": b64(SECRET), "kid": "s"}

        assert "shared secret among" in problem(jwks(signer("RS256").jwk(), secret))
        assert "public keys, where" in problem(
            jwks(secret, signer("RS256").jwk()), SYMMETRIC
        )

    @pytest.mark.parametrize(
        ("key", "algorithm", "why"),
        [
            ("c2hvcnQ", "HS256", "too short"),
            (b64(SECRET[:47]), "HS384", "too short"),
            (b64(SECRET[:63]), "HS512", "too short"),
            ("not base64", "HS256", "not base64url"),
            (None, "HS256", "not base64url"),
            ("A", "HS256", "cannot be read"),
        ],
    )
    def test_secrets_in_a_set(self, key: str | None, algorithm: str, why: str):
        """A secret in a file is as long as the hash, or it is none."""
        entry = {"kty": "oct", "k": key}

        assert why in problem(jwks(entry), frozenset({algorithm}))


class TestPem:
    def test_a_certificate(self):
        """A certificate is as good as the key in it."""
        private = private_key("RS256")
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private.public_key())
            .serial_number(1)
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=1))
            .sign(private, SHA256())
        )

        keys = keys_from_pem(certificate.public_bytes(Encoding.PEM), RS256)

        assert keys.find("any", "RS256")

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (b"", "not one PEM block"),
            (b"ssh-ed25519 AAAA", "not one PEM block"),
            (b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n", "be read"),
            (b"-----BEGIN CERTIFICATE-----\nx\n", "be read"),
        ],
        ids=repr,
    )
    def test_no_key(self, data: bytes, why: str):
        """What is no public key says so."""
        with pytest.raises(KeySetError, match=why):
            keys_from_pem(data, RS256)

    def test_a_private_key(self):
        """The private half does not belong on this machine."""
        data = private_key("RS256").private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )

        with pytest.raises(KeySetError, match="private key"):
            keys_from_pem(data, RS256)

    def test_two_keys(self):
        """One file holds one key."""
        with pytest.raises(KeySetError, match="not one PEM block"):
            keys_from_pem(signer("RS256").pem * 2, RS256)

    @pytest.mark.parametrize(
        ("public", "why"),
        [
            (lambda: rsa_key(9, 1024).public_key(), "1024 bits"),
            (lambda: dsa.generate_private_key(2048).public_key(), "kind is unknown"),
            (lambda: signer("ES256").public, "not one for RS256"),
            (
                lambda: ec.generate_private_key(ec.SECP256K1()).public_key(),
                "not one for RS256",
            ),
        ],
        ids=["short", "DSA", "a curve", "another curve"],
    )
    def test_unfit(self, public: Any, why: str):
        """A file's key must be fit as one of a set must."""
        data = public().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

        with pytest.raises(KeySetError, match=why):
            keys_from_pem(data, RS256)


class TestSecrets:
    @pytest.mark.parametrize(
        ("length", "algorithm"),
        [(31, "HS256"), (47, "HS384"), (63, "HS512"), (0, "HS256")],
    )
    def test_too_short(self, length: int, algorithm: str):
        """A secret that can be guessed from one token is none (RFC 7518, 3.2)."""
        with pytest.raises(KeySetError, match="bytes"):
            keys_from_secret(b"s" * length, frozenset({algorithm}))

    @pytest.mark.parametrize(
        "secret",
        [
            lambda: signer("RS256").pem,
            lambda: json.dumps(signer("RS256").jwk()).encode(),
            lambda: signer("RS256").public.public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            ),
            lambda: b"ssh-rsa " + b"A" * 64,
        ],
        ids=["PEM", "JWK", "DER", "ssh"],
    )
    def test_a_public_key_by_mistake(self, secret: Any):
        """With a public key as secret everybody could sign."""
        with pytest.raises(KeySetError, match="public key"):
            keys_from_secret(secret(), frozenset({"HS256"}))

    def test_it_is_not_shown(self):
        """A key never shows its material."""
        keys = keys_from_secret(SECRET, frozenset({"HS256"}))

        assert SECRET.decode() not in repr(keys.keys)


def test_the_private_half_of_a_curve_is_left_out():
    """A published private key is known to everybody."""
    entry = OKPAlgorithm.to_jwk(private_key("EdDSA"), as_dict=True)

    assert "private key" in problem(jwks(entry), frozenset({"EdDSA"}))
