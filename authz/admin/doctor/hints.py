"""What to do about each reason for which a credential is refused."""

from collections.abc import Mapping
from typing import Final

from authz.identity.why import Why

HINTS: Final[Mapping[Why, str]] = {
    Why.SEVERAL_VALUES: (
        "a header came twice: the proxy has to remove what clients send under this "
        "name before it adds its own"
    ),
    Why.VIEW_OVER: (
        "the half hour is over, or one of the two people changed: begin again on the "
        "page of the person"
    ),
    Why.TOO_LONG: (
        "the value is longer than any genuine one: give the person fewer groups, or "
        "have the provider send only those of this app"
    ),
    Why.NAME_NOT_ALLOWED: (
        "the id is empty or cannot be a name of the policy: choose another claim with "
        "AUTHZ_JWT_SUBJECT, or another header with AUTHZ_USER_HEADER"
    ),
    Why.GROUP_NOT_ALLOWED: (
        "a group cannot be a name of the policy: rename it at the provider"
    ),
    Why.LDAP_NAME_CUT: (
        "groups with LDAP names hold commas themselves: have the provider send their "
        "short names (`cn`) or another separator, and set AUTHZ_GROUPS_SEPARATOR, for "
        "example to `;`"
    ),
    Why.TOO_MANY_GROUPS: "have the provider send only the groups of this app",
    Why.IDENTITIES_DISAGREE: (
        "token and headers name different people: the proxy has to remove what "
        "clients send; AUTHZ_TRUSTED_PROXIES can be left out beside a token"
    ),
    Why.MALFORMED_TOKEN: (
        "this is not a signed token: check that the proxy sends the token itself in "
        "this header"
    ),
    Why.ENCRYPTED_TOKEN: (
        "the token is encrypted: at the provider, remove the encryption key "
        "(Authentik: Encryption Key)"
    ),
    Why.DUPLICATE_MEMBER: "the token says something twice: no genuine issuer does so",
    Why.HEADER_NOT_ALLOWED: (
        "the token brings or names a key of its own: no genuine issuer does so here"
    ),
    Why.WRONG_TYPE: "this is another kind of token: check which one the proxy sends",
    Why.WRONG_ALGORITHM: (
        "the issuer signs in another way than the settings say: HS256 needs "
        "AUTHZ_JWT_SECRET, RS256 and ES256 the issuer's keys and AUTHZ_JWT_ALGORITHMS"
    ),
    Why.UNKNOWN_KEY: (
        "the issuer's keys have none of this id: it changed keys a moment ago, or "
        "AUTHZ_JWT_JWKS_URL is another application's"
    ),
    Why.KEYS_UNAVAILABLE: (
        "the issuer's keys cannot be fetched: `authz doctor` says why"
    ),
    Why.BAD_SIGNATURE: (
        "somebody changed the token, or the secret or key is another application's"
    ),
    Why.WRONG_ISSUER: "set AUTHZ_JWT_ISSUER to what the token says, to the letter",
    Why.WRONG_AUDIENCE: (
        "set AUTHZ_JWT_AUDIENCE to what the token says (Authentik: the Client ID), if "
        "the token is meant for this app"
    ),
    Why.EXPIRED: "sign in again; if that does not help, check the clocks",
    Why.NO_EXPIRY: "have the issuer make tokens that end",
    Why.NOT_YET_VALID: "check the clocks of this machine and of the issuer",
    Why.LIVES_TOO_LONG: "make tokens that end sooner, or raise AUTHZ_JWT_MAX_HOURS",
    Why.BAD_CLAIM: (
        "a claim is of another kind than expected: check AUTHZ_JWT_SUBJECT, "
        "AUTHZ_JWT_GROUPS and the issuer's mappings"
    ),
    Why.CLAIM_MISMATCH: "the token lacks what AUTHZ_JWT_REQUIRE asks for",
    Why.GROUPS_OVERAGE: (
        "the issuer left groups out because there are too many: have it send only "
        "those of this app"
    ),
    Why.EMAIL_NOT_VERIFIED: (
        "verify the address at the provider, or choose another claim with "
        "AUTHZ_JWT_SUBJECT"
    ),
    Why.BAD_CHARACTERS: (
        "the value holds what no name holds, or the proxy could not fill in a "
        "placeholder"
    ),
    Why.WRONG_PROXY_SECRET: (
        "the proxy has to send AUTHZ_PROXY_SECRET in the header "
        "AUTHZ_PROXY_SECRET_HEADER"
    ),
    Why.MERGING_SERVER: (
        "run the app under gunicorn or waitress, or have the proxy strip names with "
        "`_` and set AUTHZ_UNDERSCORES_STRIPPED=true"
    ),
    Why.UNKNOWN_TOKEN: "make a new token; an old one cannot be shown again",
    Why.EXPIRED_TOKEN: "make a new token",
    Why.OWNER_CHANGED: (
        "look at whose token it is (`alice/...` is alice's): whether they are enabled "
        "and still hold its role"
    ),
    Why.DISABLED: "an administrator disabled this person, and can enable them again",
    Why.SEVERAL_COOKIES: (
        "remove the cookies of this site in the browser, sign in again"
    ),
    Why.UNKNOWN_OR_EXPIRED: "sign in again",
    Why.ACCOUNT_CHANGED: "sign in again",
    Why.ROLES_CHANGED: "sign in again",
    Why.WRONG_NAME_OR_PASSWORD: "type them again, or set another password",
    Why.TOO_MANY_ATTEMPTS: "wait, and try again",
    Why.TOO_BUSY: "try again; somebody may be guessing passwords",
    Why.SEVERAL_PROCESSES: (
        "run one process with threads, or set AUTHZ_STORE, where processes share "
        "sessions"
    ),
    Why.FOREIGN_SITE: "open the page of the app itself, and send the form from there",
    Why.ORIGIN_HIDDEN: (
        "have the proxy set no `Referrer-Policy`, or `same-origin`; over https "
        "browsers say it in another way"
    ),
    Why.ORIGIN_PORT_DIFFERS: (
        "have the proxy send the port along (nginx: `proxy_set_header Host "
        "$http_host;`), or name the address in AUTHZ_TRUSTED_ORIGINS"
    ),
    Why.ORIGIN_HOST_DIFFERS: (
        "have the proxy keep the host that the browser named, or name the address in "
        "AUTHZ_TRUSTED_ORIGINS"
    ),
    Why.SECURE_COOKIE_OVER_HTTP: (
        "open the app over https, or remove AUTHZ_COOKIE_SECURE=true"
    ),
    Why.FORM_COOKIE_MISSING: "allow cookies of this site, and open the page anew",
    Why.FORM_TOO_OLD: "open the page anew",
    Why.OUTSIDE_COOKIE_DOMAIN: (
        "open the app below AUTHZ_COOKIE_DOMAIN, or remove that setting"
    ),
}


def hint_of(why: str) -> str:
    """Return what to do about the reason *why*; empty for a word that is not known."""
    return HINTS[Why(why)] if why in set(Why) else ""
