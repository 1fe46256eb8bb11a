"""One token that somebody has: does it hold here, and if not, what has to change?

Only its kind, its issuer, its audience and its times are shown, never the token itself
nor who it speaks of.
"""

from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from authz.admin.doctor.finding import Finding, fail, ok, warn
from authz.admin.doctor.hints import hint_of
from authz.admin.doctor.text import difference, json_object, plain
from authz.errors import InvalidCredentials
from authz.identity.source import RequestFacts, header_key
from authz.identity.why import Why
from authz.identity_factory import build_sources
from authz.settings import Settings
from authz.settings.jwt import JwtSetting

_CHECK: Final = "token"
_SIGNED, _ENCRYPTED = 3, 5
_BEARER: Final = "bearer "


def check(settings: Settings, token: str) -> Iterator[Finding]:
    """Yield what is to be said of *token*, judged as the app judges it."""
    if token[: len(_BEARER)].lower() == _BEARER:
        token = token[len(_BEARER) :].strip()
    segments = token.split(".")
    if len(segments) == _ENCRYPTED:
        yield fail(
            _CHECK,
            "it has five parts: it is encrypted (JWE), and authz has no key to open it",
            "Authentik: Applications > Providers > (yours) > Edit > Encryption Key: "
            "remove it, save, sign in again",
        )
        return
    header, claims = (_object(part) for part in (*segments, "", "")[:2])
    if len(segments) != _SIGNED or header is None or claims is None:
        yield fail(_CHECK, "this is not a signed token: three parts with dots between")
        return
    yield ok(_CHECK, _description(header, claims))
    issuers = settings.proxy.issuers
    if not issuers:
        yield from _unconfigured(header, claims)
        return
    issuer = next((i for i in issuers if i.issuer == _text(claims, "iss")), issuers[0])
    yield from _judged(settings, issuer, token, header, claims)


def _judged(
    settings: Settings,
    issuer: JwtSetting,
    token: str,
    header: Mapping[str, Any],
    claims: Mapping[str, Any],
) -> Iterator[Finding]:
    sources = build_sources(settings, record=lambda *_, **__: None)
    bearer = issuer.header.lower() == "authorization"
    environ = {header_key(issuer.header): f"Bearer {token}" if bearer else token}
    sources.fetch()
    refused: InvalidCredentials | None = None
    for source in sources.proxied.tokens if sources.proxied else ():
        try:
            if source.identify(RequestFacts(environ)) is not None:
                yield ok(_CHECK, f"it holds here: {issuer.name} vouches for the person")
                return
        except InvalidCredentials as error:
            refused = error
    why = str(refused.why) if refused else str(Why.MALFORMED_TOKEN)
    yield fail(
        _CHECK, f"it does not hold here: {why}", *_hint(issuer, why, header, claims)
    )


def _hint(
    issuer: JwtSetting, why: str, header: Mapping[str, Any], claims: Mapping[str, Any]
) -> Iterator[str]:
    said = _text(claims, "iss")
    if why == Why.WRONG_ISSUER and said:
        yield (
            f"it says `{plain(said)}`, and {issuer.prefix}_ISSUER is "
            f"`{issuer.issuer}`: {difference(issuer.issuer, said)}"
        )
    elif why == Why.WRONG_AUDIENCE:
        yield (
            f"it is meant for `{plain(_audience(claims))}`, and "
            f"{issuer.prefix}_AUDIENCE is `{', '.join(sorted(issuer.audiences))}`"
        )
    elif why == Why.WRONG_ALGORITHM:
        yield (
            f"it is signed with `{plain(_text(header, 'alg'))}`, and only "
            f"{', '.join(sorted(issuer.algorithms))} is accepted"
        )
    yield hint_of(why)


def _unconfigured(
    header: Mapping[str, Any], claims: Mapping[str, Any]
) -> Iterator[Finding]:
    """Say which settings would make a token like this one count."""
    secret = _text(header, "alg").startswith("HS")
    yield warn(
        _CHECK,
        "no issuer is configured, so no token counts; for tokens like this one set",
        f"AUTHZ_JWT_ISSUER={plain(_text(claims, 'iss'))}",
        f"AUTHZ_JWT_AUDIENCE={plain(_audience(claims))}",
        "AUTHZ_JWT_SECRET_FILE=<a file with the client secret>"
        if secret
        else "AUTHZ_JWT_JWKS_URL=<where the issuer publishes its keys>",
        "AUTHZ_PROXY_PRESET=<the word for the proxy>, or AUTHZ_JWT_HEADER",
    )


def _description(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    parts = [
        f"signed with `{plain(_text(header, 'alg'))}`",
        f"by key `{plain(_text(header, 'kid'))}`"
        if "kid" in header
        else "without a key id",
        f"from `{plain(_text(claims, 'iss'))}`",
        f"for `{plain(_audience(claims))}`",
    ]
    for name, word in (("iat", "made"), ("exp", "ends")):
        moment = _moment(claims.get(name))
        if moment:
            parts.append(f"{word} {moment}")
    return ", ".join(parts)


def _object(segment: str) -> dict[str, Any] | None:
    try:
        data = urlsafe_b64decode(
            segment.rstrip("=") + "=" * (-len(segment.rstrip("=")) % 4)
        )
    except ValueError:
        return None
    return json_object(data)


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _audience(claims: Mapping[str, Any]) -> str:
    value = claims.get("aud")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _moment(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    try:
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return ""
