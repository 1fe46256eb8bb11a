"""One signed token (a compact JWS, RFC 7515), read strictly.

A token is taken apart once, and what is verified is what was read: there is no second
reader who might see something else in the same bytes.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from authz.identity.why import Refused, Why

#: A token with more characters than this is refused unread.
MAX_TOKEN: Final = 16 * 1024
#: Its header, decoded, has at most this many bytes.
MAX_HEADER: Final = 1024
_MAX_KID: Final = 256

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]*")
_SIGNED, _ENCRYPTED = 3, 5
#: Members by which a token would bring its own key, name one to fetch, or change how it
#: is to be read. RFC 8725, 3.10: what they say is the sender's word.
_NOT_ALLOWED: Final = frozenset(
    {"jwk", "jku", "x5u", "x5c", "zip", "crit", "b64", "cty", "enc"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jws:
    """A token taken apart. Nothing in it has been verified."""

    header: Mapping[str, Any]
    #: `alg` and `kid` of the header.
    algorithm: str
    kid: str | None
    payload: bytes = field(repr=False)
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def read_jws(token: str, *, padded: bool = False) -> Jws:
    """Take *token* apart. *padded*: the issuer leaves the `=` of base64 in (AWS).

    Raises:
        Refused: if it is not in its one canonical form, or its header holds something
            that no token here may hold.
    """
    if len(token) > MAX_TOKEN:
        raise Refused(Why.TOO_LONG)
    segments = token.split(".", _ENCRYPTED)
    if len(segments) == _ENCRYPTED:
        raise Refused(Why.ENCRYPTED_TOKEN)
    if len(segments) != _SIGNED:
        raise Refused(Why.MALFORMED_TOKEN)
    raw_header, payload, signature = (_decode(part, padded) for part in segments)
    if len(raw_header) > MAX_HEADER:
        raise Refused(Why.TOO_LONG)
    header = read_object(raw_header)
    if not _NOT_ALLOWED.isdisjoint(header):
        raise Refused(Why.HEADER_NOT_ALLOWED)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        raise Refused(Why.WRONG_ALGORITHM)
    kid = header.get("kid")
    if "kid" in header and not (isinstance(kid, str) and 0 < len(kid) <= _MAX_KID):
        raise Refused(Why.MALFORMED_TOKEN)
    return Jws(
        header=header,
        algorithm=algorithm,
        kid=kid,
        payload=payload,
        signing_input=token[: token.rindex(".")].encode("ascii"),
        signature=signature,
    )


def read_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object in *data*.

    Refuses what two readers could understand differently: a member that is there
    twice, `NaN` and `Infinity`, another encoding than UTF-8, a byte order mark.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_members,
            parse_constant=_not_json,
            parse_float=_finite,
        )
    except (ValueError, RecursionError):
        raise Refused(Why.MALFORMED_TOKEN) from None
    if not isinstance(value, dict):
        raise Refused(Why.MALFORMED_TOKEN)
    return value


def _decode(segment: str, padded: bool) -> bytes:  # noqa: FBT001 - private
    fill = "=" * (-len(segment) % 4)
    if padded and segment.endswith("="):
        bare = segment.rstrip("=")
        fill = "=" * (-len(bare) % 4)
        if bare + fill != segment:
            raise Refused(Why.MALFORMED_TOKEN)
        segment = bare
    if not _SEGMENT.fullmatch(segment):
        raise Refused(Why.MALFORMED_TOKEN)
    try:
        data = urlsafe_b64decode(segment + fill)
    except ValueError:
        raise Refused(Why.MALFORMED_TOKEN) from None
    # The last character may hold bits that decode to nothing: two texts, one token.
    if urlsafe_b64encode(data) != (segment + fill).encode("ascii"):
        raise Refused(Why.MALFORMED_TOKEN)
    return data


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Refused(Why.DUPLICATE_MEMBER)
    return members


def _not_json(text: str) -> None:
    raise ValueError(text)


def _finite(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError(text)
    return number
