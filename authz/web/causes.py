"""What somebody is told whose credential or form is refused, as far as they may know.

There is a sentence for each cause, and the guide has an entry for each. None says more
than whoever sent the credential knows, or may know: not whether an account exists, and
not what would have been right.
"""

from collections.abc import Mapping
from typing import Any, Final

from authz.identity.why import Why

_BETWEEN: Final = (
    "Whoever runs the app must have the proxy pass on the Host header unchanged, or "
    "set AUTHZ_TRUSTED_ORIGINS={origin}."
)

#: `{origin}`, `{host}` and `{domain}` are filled in.
TOLD: Final[Mapping[Why, str]] = {
    Why.SEVERAL_VALUES: "A header that says who you are came with several values; "
    "one of them may be planted.",
    Why.TOO_LONG: "The header or token that says who you are is too long.",
    Why.NAME_NOT_ALLOWED: "Your name is written in a way that this app cannot use.",
    Why.GROUP_NOT_ALLOWED: "One of your groups has a name that no rule can hold, and "
    "this app denies something to groups.",
    Why.LDAP_NAME_CUT: "Your groups came as LDAP names that were cut at their commas.",
    Why.TOO_MANY_GROUPS: "You come with more groups than this app accepts.",
    Why.IDENTITIES_DISAGREE: "The token and the headers of this request name different "
    "people.",
    Why.MALFORMED_TOKEN: "What was sent as a signed token is not one.",
    Why.ENCRYPTED_TOKEN: "The token is encrypted, and the app has no key for it.",
    Why.DUPLICATE_MEMBER: "The token says something twice.",
    Why.HEADER_NOT_ALLOWED: "The token brings or names a key of its own.",
    Why.WRONG_TYPE: "The token is of a type that does not say who somebody is.",
    Why.WRONG_ALGORITHM: "The token is not signed in the way that this app expects.",
    Why.UNKNOWN_KEY: "The token is signed with a key that the app does not know, or "
    "not yet. Try again in a moment.",
    Why.KEYS_UNAVAILABLE: "The app could not fetch the keys that tokens are checked "
    "with. Try again in a moment.",
    Why.BAD_SIGNATURE: "The signature of the token does not belong to it.",
    Why.WRONG_ISSUER: "The token comes from an issuer that this app does not trust.",
    Why.WRONG_AUDIENCE: "The token is meant for another app.",
    Why.EXPIRED: "The token has expired. Sign in again.",
    Why.NO_EXPIRY: "The token does not say when it ends.",
    Why.NOT_YET_VALID: "The token is not valid yet: a clock is wrong.",
    Why.LIVES_TOO_LONG: "The token is valid for longer than this app accepts.",
    Why.BAD_CLAIM: "The token says something in a form that cannot be read.",
    Why.CLAIM_MISMATCH: "The token lacks something that this app requires.",
    Why.GROUPS_OVERAGE: "The token does not list all of your groups.",
    Why.EMAIL_NOT_VERIFIED: "Your e-mail address is not verified where you signed in.",
    Why.BAD_CHARACTERS: "A header that says who you are holds characters that no name "
    "has, or a placeholder.",
    Why.WRONG_PROXY_SECRET: "The proxy did not prove that it is the proxy.",
    Why.MERGING_SERVER: "The server that runs the app cannot tell the proxy's headers "
    "from yours.",
    Why.UNKNOWN_TOKEN: "This API token or code does not exist, or no longer does.",
    Why.EXPIRED_TOKEN: "The API token or code has expired.",
    Why.OWNER_CHANGED: "The owner of this API token is disabled or gone, or may no "
    "longer do what it allows.",
    Why.VIEW_OVER: "You no longer see the app as somebody else. Load the page again.",
    Why.DISABLED: "This account is disabled. Ask whoever runs the app.",
    Why.SEVERAL_COOKIES: "Several cookies of this site say who you are; one of them "
    "may be planted. Sign in again.",
    Why.UNKNOWN_OR_EXPIRED: "You are not signed in here, or no longer are. Sign in "
    "again.",
    Why.ACCOUNT_CHANGED: "Your password or your account was changed, so you were "
    "signed out. Sign in again.",
    Why.ROLES_CHANGED: "What you may do has changed, so you were signed out. Sign in "
    "again.",
    Why.WRONG_NAME_OR_PASSWORD: "The name or the password is wrong.",
    Why.TOO_MANY_ATTEMPTS: "Too many attempts came from here. Wait, and try again.",
    Why.TOO_BUSY: "The server is busy. Please try again in a moment.",
    Why.SEVERAL_PROCESSES: "Sign-in is switched off: this app runs in several "
    "processes, and only the one you signed in to would know you.",
    Why.FOREIGN_SITE: "This form was sent from another site. Please send it from here.",
    Why.ORIGIN_HIDDEN: "Your browser does not say which page this form comes from "
    "(Origin: null). Whoever runs the app must have the proxy set no Referrer-Policy, "
    "or `same-origin`.",
    Why.ORIGIN_PORT_DIFFERS: "Your browser is at {origin}, and the app was asked for "
    f"{{host}}: a proxy in between drops the port. {_BETWEEN}",
    Why.ORIGIN_HOST_DIFFERS: "Your browser is at {origin}, but the app was asked for "
    "{host}: a proxy in between writes another host, or the page belongs to "
    "another site. "
    f"{_BETWEEN}",
    Why.SECURE_COOKIE_OVER_HTTP: "This app sets its cookies over HTTPS only "
    "(AUTHZ_COOKIE_SECURE=true), and you came over HTTP, so your browser did not keep "
    "them. Open the https:// address.",
    Why.FORM_COOKIE_MISSING: "Your browser did not send back the cookie of this form. "
    "Allow cookies for this site, and try again.",
    Why.FORM_TOO_OLD: "This form is too old or was opened elsewhere. Please try again.",
    Why.OUTSIDE_COOKIE_DOMAIN: "Nobody can sign in at this address: the app gives its "
    "cookie to the hosts below {domain} only (AUTHZ_COOKIE_DOMAIN).",
}


def told(
    why: str, environ: Mapping[str, Any] | None = None, *, domain: str = ""
) -> str:
    """Return what somebody is told about the cause *why*.

    Args:
        why: The cause; an app's own source may have words of its own.
        environ: The request, for the causes that lie between browser and app.
        domain: What AUTHZ_COOKIE_DOMAIN is, if it is set.
    """
    if why not in set(Why):
        return "Ask whoever runs the app."
    said = {
        "{origin}": str((environ or {}).get("HTTP_ORIGIN", "")),
        "{host}": str((environ or {}).get("HTTP_HOST", "")),
        "{domain}": domain,
    }
    text = TOLD[Why(why)]
    for place, value in said.items():
        text = text.replace(place, value)
    return text
