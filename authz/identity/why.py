"""Why a credential does not hold: stable words for the audit log."""

# ruff: noqa: S105 - words about tokens and passwords, no token and no password

from enum import StrEnum
from typing import Final

from authz.errors import AuthzError, InvalidCredentials

#: Characters of a value that a message repeats.
_SHOWN: Final = 120


class Why(StrEnum):
    """Why a credential was refused. Stable words, listed in the reference."""

    # Any header that carries an identity.
    #: There are several values where one belongs: a header was sent twice, or holds a
    #: comma.
    SEVERAL_VALUES = "several-values"
    #: The value is longer than any honest one.
    TOO_LONG = "too-long"
    #: The subject's id is empty, or cannot be a name of the policy. Nothing is cut off
    #: or replaced.
    NAME_NOT_ALLOWED = "name-not-allowed"
    #: A group cannot be a name of the policy, and the policy denies something to
    #: groups, so that it cannot be left out.
    GROUP_NOT_ALLOWED = "group-not-allowed"
    #: The groups look like LDAP names (`CN=...,OU=...`) that the separator has cut.
    LDAP_NAME_CUT = "ldap-name-cut"
    #: There are more groups than anybody has.
    TOO_MANY_GROUPS = "too-many-groups"
    #: A signed token and plain headers came together and name different people.
    IDENTITIES_DISAGREE = "identities-disagree"

    # The form of a signed token.
    #: It is not three parts of base64url (RFC 7515), or the parts are not JSON objects.
    MALFORMED_TOKEN = "malformed-token"
    #: It has five parts: it is encrypted (RFC 7516), and authz has no key to open it.
    ENCRYPTED_TOKEN = "encrypted-token"
    #: A JSON object has the same member twice; readers would disagree about it.
    DUPLICATE_MEMBER = "duplicate-member"
    #: The token's header has a member that no honest token here has: an embedded key, a
    #: link to one, compression, an extension.
    HEADER_NOT_ALLOWED = "header-not-allowed"
    #: The token says that its type is neither `JWT` nor `at+jwt`.
    WRONG_TYPE = "wrong-type"

    # The signature of a signed token.
    #: It is signed with an algorithm other than the one this issuer is pinned to.
    WRONG_ALGORITHM = "wrong-algorithm"
    #: No key has the id that the token names, or it names none and there are several.
    #: A fetch of the keys was asked for; the next request may find it.
    UNKNOWN_KEY = "unknown-key"
    #: The issuer's keys could not be fetched yet, or not for a day.
    KEYS_UNAVAILABLE = "keys-unavailable"
    #: The signature does not belong to the token.
    BAD_SIGNATURE = "bad-signature"

    # The claims of a signed token.
    #: `iss` is missing or is another issuer.
    WRONG_ISSUER = "wrong-issuer"
    #: `aud` is missing or does not name this app.
    WRONG_AUDIENCE = "wrong-audience"
    #: `exp` has passed.
    EXPIRED = "expired"
    #: There is no `exp`.
    NO_EXPIRY = "no-expiry"
    #: `nbf` or `iat` lies in the future.
    NOT_YET_VALID = "not-yet-valid"
    #: It is valid for longer than the issuer's tokens may be.
    LIVES_TOO_LONG = "lives-too-long"
    #: A claim is of the wrong type.
    BAD_CLAIM = "bad-claim"
    #: A claim that the settings require is missing or has another value.
    CLAIM_MISMATCH = "claim-mismatch"
    #: The token says that the person has more groups than it lists.
    GROUPS_OVERAGE = "groups-overage"
    #: The subject is an e-mail address that the issuer has not verified.
    EMAIL_NOT_VERIFIED = "email-not-verified"

    # Plain headers from a proxy.
    #: The value holds a control character, a placeholder, or is not UTF-8 in Unicode's
    #: composed form (NFC).
    BAD_CHARACTERS = "bad-characters"
    #: The header that proves the proxy is missing or has another value.
    WRONG_PROXY_SECRET = "wrong-proxy-secret"
    #: The WSGI server cannot tell `X_User` from `X-User`, so plain headers prove
    #: nothing.
    MERGING_SERVER = "merging-server"

    # API tokens.
    #: There is no such API token, or it was revoked.
    UNKNOWN_TOKEN = "unknown-token"
    #: The API token's time is over.
    EXPIRED_TOKEN = "expired-token"
    #: It is somebody's own token, and they are disabled or gone, or may not (any more)
    #: what it may.
    OWNER_CHANGED = "owner-changed"

    #: Viewing as somebody else has ended, or was begun by somebody other than who asks.
    VIEW_OVER = "view-over"

    # People.
    #: An administrator has disabled this person.
    DISABLED = "disabled"

    # Sessions and passwords.
    #: There are several session cookies: one of them was planted.
    SEVERAL_COOKIES = "several-cookies"
    #: The session does not exist, or it ended.
    UNKNOWN_OR_EXPIRED = "unknown-or-expired"
    #: The session's account was changed or removed.
    ACCOUNT_CHANGED = "account-changed"
    #: The roles of the session's account changed.
    ROLES_CHANGED = "roles-changed"
    #: No account has this name and password.
    WRONG_NAME_OR_PASSWORD = "wrong-name-or-password"
    #: Wrong passwords came too fast.
    TOO_MANY_ATTEMPTS = "too-many-attempts"
    #: More passwords came at once than can be verified.
    TOO_BUSY = "too-busy"
    #: The server runs several processes, and sessions are kept in one.
    SEVERAL_PROCESSES = "several-processes"

    # The form of the sign-in page, and others that a browser sends.
    #: The browser says that another site's page sent it (`Sec-Fetch-Site`, `Origin`).
    FOREIGN_SITE = "foreign-site"
    #: The browser hides where the form comes from (`Origin: null`): a proxy sets
    #: `Referrer-Policy: no-referrer`, or it is a page in a sandbox.
    ORIGIN_HIDDEN = "origin-hidden"
    #: `Origin` names the host in `Host` with another port: a proxy drops the port.
    ORIGIN_PORT_DIFFERS = "origin-port-differs"
    #: `Origin` and `Host` name different hosts: a proxy rewrites `Host`, or it is
    #: another site's page.
    ORIGIN_HOST_DIFFERS = "origin-host-differs"
    #: The cookie of the form is for HTTPS only, and the request came over HTTP.
    SECURE_COOKIE_OVER_HTTP = "secure-cookie-over-http"
    #: The browser did not send the cookie of the form back.
    FORM_COOKIE_MISSING = "form-cookie-missing"
    #: The form is older than an hour, or was opened in another browser.
    FORM_TOO_OLD = "form-too-old"
    #: The host is not below AUTHZ_COOKIE_DOMAIN, so no browser keeps the session.
    OUTSIDE_COOKIE_DOMAIN = "outside-cookie-domain"


class Refused(AuthzError):
    """A credential does not hold; its source turns this into `InvalidCredentials`."""

    def __init__(self, why: Why, *, place: str = "", value: str = "") -> None:
        super().__init__(str(why))
        self.why = why
        #: Where it stands, such as "the claim `groups`"; and what stands there, if it
        #: is no credential.
        self.place = place
        text = value.encode("utf-8", "backslashreplace").decode()
        self.value = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

    def by(self, source: str) -> InvalidCredentials:
        """Return the refusal of *source* that this is."""
        return InvalidCredentials(source, self.why, place=self.place, value=self.value)
