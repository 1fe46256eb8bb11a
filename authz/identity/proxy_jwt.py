"""Who is asking, by a signed token that a proxy or a program sends (a JWT, RFC 7519).

Nothing a token says about itself is believed: which algorithm, whose key and which
audience are what the operator wrote down (RFC 8725).
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from authz.decision import Subject
from authz.errors import InvalidCredentials
from authz.identity.claims import METHOD, ClaimRules, check_claims, subject_of
from authz.identity.jwks import KeySource
from authz.identity.jws import Jws, read_jws, read_object
from authz.identity.source import RequestFacts, header_key
from authz.identity.verified import VerifiedTokens, digest_of
from authz.identity.why import Refused, Why

#: RFC 7519, 5.1 and RFC 9068, 2.1, in small letters: it is a media type, which has no
#: case, and `application/` may stand before it (RFC 7515, 4.1.9). A token need not say
#: its type.
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_AUTHORIZATION: Final = "HTTP_AUTHORIZATION"
_BEARER: Final = "bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One issuer whose tokens are accepted, and how they are verified."""

    algorithms: frozenset[str]
    keys: KeySource
    rules: ClaimRules
    #: Whether it leaves the `=` of base64 in (AWS).
    padded: bool = False


class SignedTokens:
    """The identity source for one header that carries signed tokens."""

    method = METHOD
    # A proxy adds the header to whatever a browser sends, so it proves no intent.
    ambient = True

    def __init__(
        self,
        header: str,
        issuers: Iterable[Issuer],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Read tokens of *issuers*, of whom each has another `iss`, from *header*."""
        self.header = header
        #: How WSGI spells it.
        self.key = header_key(header)
        self.issuers = tuple(issuers)
        self._by_iss = {issuer.rules.issuer: issuer for issuer in self.issuers}
        self._padded = all(issuer.padded for issuer in self.issuers)
        self._is_authorization = self.key == _AUTHORIZATION
        self.clock = now
        self._verified = VerifiedTokens()

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return whom the token speaks of, or None if there is no token.

        Raises:
            InvalidCredentials: if there is one and it does not hold.
        """
        token = facts.environ.get(self.key)
        if not token:
            return None
        if self._is_authorization:
            if token[: len(_BEARER)].lower() != _BEARER:
                return None  # another scheme, and nothing of ours
            token = token[len(_BEARER) :].strip(" ")
        if not token.isascii():
            raise InvalidCredentials(METHOD, Why.MALFORMED_TOKEN)
        digest = digest_of(token)
        return self._verified.find(digest) or self._identify(token, digest)

    def _identify(self, token: str, digest: bytes) -> Subject:
        source = METHOD
        try:
            jws = self._read(token)
            claims = read_object(jws.payload)
            issuer = self._issuer(jws, claims.get("iss"))
            source = issuer.rules.source
            generation = issuer.keys.generation
            verify(jws, issuer)
            now = self.clock()
            until = check_claims(issuer.rules, jws.header, claims, now)
            subject = subject_of(issuer.rules, claims)
        except Refused as error:
            raise error.by(source) from None
        self._verified.keep(
            digest,
            subject,
            seconds=until - now,
            keys=issuer.keys,
            generation=generation,
        )
        return subject

    def _read(self, token: str) -> Jws:
        if "," in token:
            raise Refused(Why.SEVERAL_VALUES)  # WSGI joins what was sent twice
        jws = read_jws(token, padded=self._padded)
        kind = jws.header.get("typ", "jwt")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise Refused(Why.WRONG_TYPE, place="the token's `typ`", value=str(kind))
        return jws

    def _issuer(self, jws: Jws, claimed: object) -> Issuer:
        """Return whose token it claims to be; that decides which key must fit."""
        if len(self.issuers) == 1:
            return self.issuers[0]
        if self._padded:
            claimed = jws.header.get("iss")
        issuer = self._by_iss.get(claimed) if isinstance(claimed, str) else None
        if issuer is None:
            raise Refused(Why.WRONG_ISSUER)
        return issuer


def verify(jws: Jws, issuer: Issuer) -> None:
    """Check that *jws* is signed by *issuer*.

    Raises:
        Refused: if the algorithm, the key or the signature is another one.
    """
    if jws.algorithm not in issuer.algorithms:
        raise Refused(Why.WRONG_ALGORITHM)
    key = issuer.keys.find(jws.kid, jws.algorithm)
    if key is None:
        raise Refused(Why.UNKNOWN_KEY)
    if not key.verifies(jws.algorithm, jws.signing_input, jws.signature):
        # Another key may have this id by now.
        issuer.keys.doubt(jws.kid)
        raise Refused(Why.BAD_SIGNATURE)
