"""What a verified token says: whether it holds now and here, and about whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from authz.decision import NO_GROUPS, Groups, Subject
from authz.identity.groups import groups_in_list, groups_in_text
from authz.identity.naming import proxied_subject
from authz.identity.why import Refused, Why

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult

METHOD: Final = "jwt"

#: Clocks differ by at most this many seconds.
MAX_LEEWAY: Final = 60.0
#: No moment lies after this one, in seconds since the epoch.
_LAST_MOMENT: Final = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRules:
    """What the claims of one issuer's tokens must be, and what they mean."""

    #: `iss`, exactly.
    issuer: str
    #: `aud` must name one of these.
    audiences: frozenset[str]
    #: How far the clocks may differ, in seconds, at most `MAX_LEEWAY`.
    leeway: float
    #: From `iat` to `exp`, in seconds.
    max_lifetime: float
    #: Further claims, by a JMESPath expression, and the one value each must have.
    required: "tuple[tuple[ParsedResult, str], ...]" = ()
    #: The claim that names this app, if it is not `aud` (AWS: `signer`).
    audience_claim: str = "aud"
    #: Whether `iss`, `exp` and the audience stand in the token's header (AWS).
    in_header: bool = False

    #: The word that stands before the id: `user:<source>/<id>`.
    source: str
    #: JMESPath expressions for the id, the name to show, and the groups.
    subject: "ParsedResult"
    display_name: "ParsedResult | None" = None
    groups: "ParsedResult | None" = None
    #: What separates groups that come as one text; None: such a text is one group.
    separator: str | None = None
    #: The members of `_claim_names` that would mean that groups are missing.
    group_claims: frozenset[str] = field(default=frozenset({"groups"}))


def check_claims(
    rules: ClaimRules,
    header: Mapping[str, Any],
    claims: Mapping[str, Any],
    now: float,
) -> float:
    """Return until when a token holds, as seconds since the epoch.

    Raises:
        Refused: if it does not hold at *now*, comes from somebody else, is meant for
            another app, or lacks what the rules require.
    """
    said = header if rules.in_header else claims
    if said.get("iss") != rules.issuer:
        raise _refused(Why.WRONG_ISSUER, "iss", said)
    _check_audience(rules, said)
    until = _check_times(rules, said, now)
    # RFC 7519, 4.1.2: optional, and a text. Whether the claim that names the person is
    # there, `subject_of` sees.
    if not isinstance(claims.get("sub"), str | None):
        raise _refused(Why.BAD_CLAIM, "sub", claims)
    everything = {**claims, **header} if rules.in_header else claims
    for expression, expected in rules.required:
        found = _search(expression, everything)
        if _as_text(found) != expected:
            value = "" if found is None else str(found)
            raise Refused(Why.CLAIM_MISMATCH, place=_place(expression), value=value)
    return until


def subject_of(rules: ClaimRules, claims: Mapping[str, Any]) -> Subject:
    """Return the subject that verified *claims* speak of.

    Raises:
        Refused: if they name nobody, or in a way that cannot be a name here.
    """
    place = _place(rules.subject)
    found = _search(rules.subject, claims)
    if found is None or found == "":
        raise Refused(Why.NAME_NOT_ALLOWED, place=place)
    if not isinstance(found, str):
        raise Refused(Why.BAD_CLAIM, place=place, value=str(found))
    verified = str(claims.get("email_verified")).lower()
    if found == claims.get("email") and verified == "false":
        raise Refused(Why.EMAIL_NOT_VERIFIED, place=place, value=found)
    shown = _search(rules.display_name, claims)
    return proxied_subject(
        source=rules.source,
        method=METHOD,
        id=found,
        place=place,
        groups=_groups(rules, claims),
        display_name=shown if isinstance(shown, str) else None,
    )


def _check_audience(rules: ClaimRules, said: Mapping[str, Any]) -> None:
    name = rules.audience_claim
    audience = said.get(name)
    named = audience if isinstance(audience, list) else [audience]
    if not all(isinstance(one, str) for one in named):
        why = Why.WRONG_AUDIENCE if audience is None else Why.BAD_CLAIM
        raise _refused(why, name, said)
    if rules.audiences.isdisjoint(named):
        raise _refused(Why.WRONG_AUDIENCE, name, said)


def _check_times(rules: ClaimRules, said: Mapping[str, Any], now: float) -> float:
    if "exp" not in said:
        raise _refused(Why.NO_EXPIRY, "exp", said)
    expires = _moment("exp", said)
    begins = {name: _moment(name, said) for name in ("nbf", "iat") if name in said}
    if expires + rules.leeway <= now:
        raise _refused(Why.EXPIRED, "exp", said)
    for name, begin in begins.items():
        if begin > now + rules.leeway:
            raise _refused(Why.NOT_YET_VALID, name, said)
    for name, begin in begins.items():
        if begin >= expires:  # it would end before it begins
            raise _refused(Why.BAD_CLAIM, name, said)
    if expires - begins.get("iat", now) > rules.max_lifetime:
        raise _refused(Why.LIVES_TOO_LONG, "exp", said)
    return expires


def _moment(name: str, said: Mapping[str, Any]) -> float:
    """Return a NumericDate (RFC 7519, 2)."""
    value = said[name]
    # `True` is a number in Python, and a whole number may be too large for a float.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _refused(Why.BAD_CLAIM, name, said)
    if not 0 <= value < _LAST_MOMENT:
        raise Refused(Why.BAD_CLAIM, place=f"the claim `{name}`")
    return float(value)


def _refused(why: Why, name: str, said: Mapping[str, Any]) -> Refused:
    """Return the refusal because of the claim *name*, with what it says."""
    value = said.get(name)
    return Refused(
        why, place=f"the claim `{name}`", value="" if value is None else str(value)
    )


def _groups(rules: ClaimRules, claims: Mapping[str, Any]) -> Groups:
    elsewhere = claims.get("_claim_names")
    if elsewhere is not None and not (
        isinstance(elsewhere, dict) and rules.group_claims.isdisjoint(elsewhere)
    ):
        raise _refused(Why.GROUPS_OVERAGE, "_claim_names", claims)
    found = _search(rules.groups, claims)
    if found is None or rules.groups is None:
        if claims.get("hasgroups"):
            raise _refused(Why.GROUPS_OVERAGE, "hasgroups", claims)
        return NO_GROUPS
    place = _place(rules.groups)
    if isinstance(found, str):
        return groups_in_text(found, place=place, separator=rules.separator)
    if not isinstance(found, list):
        raise Refused(Why.BAD_CLAIM, place=place, value=str(found))
    return groups_in_list(found, place=place)


def _place(expression: "ParsedResult") -> str:
    """Return where an expression looks, for a message."""
    return f"the claim `{expression.expression}`"


def _search(expression: "ParsedResult | None", claims: Mapping[str, Any]) -> object:
    if expression is None:
        return None
    from jmespath.exceptions import JMESPathError

    try:
        return expression.search(claims)
    # What an expression does with the odd claims of a stranger is not known beforehand.
    except (JMESPathError, ValueError, TypeError, LookupError, ArithmeticError):
        raise Refused(Why.BAD_CLAIM, place=_place(expression)) from None


def _as_text(value: object) -> str | None:
    """Return a claim as a setting spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    return None
