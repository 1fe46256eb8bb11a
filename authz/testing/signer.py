"""A throw-away issuer of signed tokens, with the key set that verifies them."""

import json
import time
from pathlib import Path
from typing import Any, Final, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

_BITS: Final = 2048


class Signer:
    """Signs tokens with a key that lives as long as the test.

    ```python
    signer = Signer(issuer="https://auth.test", audience="app")
    app.config.update(signer.settings(tmp_path / "jwks.json"))
    Authz(app)
    token = signer.token(sub="alice", groups=["admins"])
    app.test_client().get("/", headers={"Authorization": f"Bearer {token}"})
    ```
    """

    def __init__(
        self,
        *,
        issuer: str = "https://issuer.test",
        audience: str = "app",
        algorithm: Literal["RS256", "ES256"] = "ES256",
        key_id: str = "test-key",
    ) -> None:
        """Make a new key for *algorithm*; RS256 takes a moment."""
        self.issuer = issuer
        self.audience = audience
        self.algorithm = algorithm
        self.key_id = key_id
        self._key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = (
            rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
            if algorithm == "RS256"
            else ec.generate_private_key(ec.SECP256R1())
        )

    def __repr__(self) -> str:
        return f"Signer({self.algorithm}, {self.issuer}, {self.key_id})"

    @property
    def jwks(self) -> dict[str, Any]:
        """The key set that verifies its tokens (RFC 7517). No private part."""
        public = self._key.public_key()
        kind: Any = RSAAlgorithm if self.algorithm == "RS256" else ECAlgorithm
        key: dict[str, Any] = kind.to_jwk(public, as_dict=True)
        key.pop("key_ops", None)
        return {
            "keys": [{**key, "kid": self.key_id, "alg": self.algorithm, "use": "sig"}]
        }

    @property
    def public_pem(self) -> bytes:
        """The public key, as PEM."""
        return self._key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

    def write_jwks(self, path: Path) -> Path:
        """Write the key set to *path*, for AUTHZ_JWT_JWKS_FILE; return *path*."""
        path.write_text(json.dumps(self.jwks), encoding="utf-8")
        return path

    def settings(self, jwks: Path, *, name: str = "test") -> dict[str, str]:
        """Write its keys to *jwks*; return the settings of an app that takes tokens.

        The token comes as `Authorization: Bearer`; its `sub` is `user:<name>/<sub>` to
        the policy. Settings that an app has already stay in force beside these.
        """
        return {
            "AUTHZ_JWT_NAME": name,
            "AUTHZ_JWT_HEADER": "Authorization",
            "AUTHZ_JWT_ISSUER": self.issuer,
            "AUTHZ_JWT_AUDIENCE": self.audience,
            "AUTHZ_JWT_ALGORITHMS": self.algorithm,
            "AUTHZ_JWT_JWKS_FILE": str(self.write_jwks(jwks)),
        }

    def token(
        self,
        *,
        sub: str = "alice",
        lifetime: float = 300,
        headers: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Return a token for *sub* with *claims* that holds *lifetime* seconds.

        A claim that is None is left out; so `exp=None` makes a token without end. A
        negative *lifetime* makes one that is over.
        """
        now = int(time.time())
        everything = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": sub,
            "iat": now,
            "exp": now + int(lifetime),
            **claims,
        }
        return jwt.encode(
            {key: value for key, value in everything.items() if value is not None},
            self._key,
            algorithm=self.algorithm,
            headers={"kid": self.key_id, **(headers or {})},
        )
