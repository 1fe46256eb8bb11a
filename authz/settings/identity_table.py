"""The settings that say who is believed about who is asking."""

from typing import Final

from authz.identity.presets import PRESETS
from authz.settings.setting import Setting

_WORDS: Final = ", ".join(f"`{name}`" for name in PRESETS)

IDENTITY_SETTINGS: Final = (
    Setting(
        name="AUTHZ_PROXY_PRESET",
        help="The sign-in proxy in front of the app, which fills in header names, "
        f"algorithms and claims: {_WORDS}.",
        default="none",
    ),
    Setting(
        name="AUTHZ_PROXY_NAME",
        help="The word in `user:<word>/<id>` for people whom the proxy vouches for.",
        default="the preset, or `proxy`",
    ),
    Setting(
        name="AUTHZ_TRUSTED_PROXIES",
        help="The proxies whose plain identity headers are believed: addresses and "
        "networks, separated by commas, and `unix:` for Unix sockets. It is the "
        "other end of the "
        "socket that counts, never `X-Forwarded-For`. Leave it out if the proxy signs "
        "a token.",
        default="nobody",
    ),
    Setting(
        name="AUTHZ_FORWARDED_PROXIES",
        help="The proxies whose `X-Forwarded-For` or `Forwarded` is believed about the "
        "address of the client: addresses and networks, as above. It is read from "
        "the "
        "right, through these alone. Sign-in is throttled by that address, and the "
        "audit log names it.",
        default="AUTHZ_TRUSTED_PROXIES",
    ),
    Setting(
        name="AUTHZ_USER_HEADER",
        help="The header that names the person.",
        default="the preset's",
    ),
    Setting(
        name="AUTHZ_GROUPS_HEADER",
        help="The header that names their groups.",
        default="the preset's",
    ),
    Setting(
        name="AUTHZ_GROUPS_SEPARATOR",
        help="What separates the groups in it.",
        default="the preset's, or a comma",
    ),
    Setting(
        name="AUTHZ_NAME_HEADER",
        help="The header with the name to show on pages.",
        default="the preset's",
    ),
    Setting(
        name="AUTHZ_PROXY_SECRET_HEADER",
        help="A header by which the proxy proves itself, beside its address.",
        default="none",
    ),
    Setting(
        name="AUTHZ_PROXY_SECRET",
        help="What that header must hold, 16 characters or more.",
        default="none",
        from_file=True,
    ),
    Setting(
        name="AUTHZ_UNDERSCORES_STRIPPED",
        help="`true`: you have made sure that the proxy removes header names with `_`. "
        "Needed for plain headers, and for the addresses of clients, under a server "
        "that cannot tell `X_User` from `X-User` (uWSGI, granian, hypercorn, uvicorn, "
        "cheroot).",
        default="false",
    ),
    Setting(
        name="AUTHZ_ADMIN_GROUPS",
        help="Groups whose members are given `role:admin`, separated by commas. "
        "If a name holds a comma, as LDAP's do: one a line, or a JSON list.",
        default="none",
    ),
    Setting(
        name="AUTHZ_USER_GROUPS",
        help="Groups whose members are given `role:user`, likewise.",
        default="none",
    ),
    Setting(
        name="AUTHZ_SCOPED_GROUPS",
        help="Groups whose names hold a scope, and the role that they give there, one "
        "a line (or separated by `;`): `music-{library} user` gives `role:user` in "
        "`library:kids` to whoever is in `music-kids`. The policy must be one with "
        "scopes.",
        default="none",
    ),
    Setting(
        name="AUTHZ_SIGN_OUT_URL",
        help="Where the proxy signs people out: a path, or an `https://` address.",
        default="the preset's",
        alias="AUTH_LOGOUT_URL",
    ),
    Setting(
        name="AUTHZ_JWT_PRESET",
        help="The preset of this issuer. For a second issuer write a number behind "
        "`AUTHZ_JWT` in all of these: `AUTHZ_JWT_2_ISSUER`, and so on to 9.",
        default="AUTHZ_PROXY_PRESET",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_NAME",
        help="The word in `user:<word>/<id>` for people of this issuer.",
        default="AUTHZ_PROXY_NAME",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_HEADER",
        help="The header that carries the signed token. In `Authorization` it follows "
        "`Bearer`.",
        default="the preset's",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_ISSUER",
        help="What the token's `iss` must be, to the letter. Required.",
        default="the preset's",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_AUDIENCE",
        help="What its `aud` must name: one of these, separated by commas. Required.",
        default="none",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_ALGORITHMS",
        help="What it may be signed with, separated by commas.",
        default="the preset's, or `RS256`; with a secret `HS256`",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_JWKS_URL",
        help="Where the issuer publishes its keys (a JWK Set): `https://`, or "
        "`http://` on this machine.",
        default="the preset's",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_JWKS_FILE",
        help="A file with the keys instead. It is read again when it changes.",
        default="none",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_PEM",
        help="One public key or certificate instead, in PEM.",
        default="none",
        from_file=True,
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_PEM_URL",
        help="An address where each key is found by adding its id (AWS).",
        default="the preset's",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_SECRET",
        help="The secret that the issuer signs with instead, 32 bytes or more. Whoever "
        "has it can be anybody.",
        default="none",
        from_file=True,
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_SUBJECT",
        help="The claim with the person's id, as a JMESPath expression. Choose one "
        "that is never given to somebody else.",
        default="the preset's, or `sub`",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_DISPLAY_NAME",
        help="The claim with the name to show.",
        default="the preset's, or `name`",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_GROUPS",
        help="The claim with the groups, for example `groups` or `realm_access.roles`.",
        default="the preset's, or `groups`",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_GROUPS_SEPARATOR",
        help="What separates the groups, if the claim is one text.",
        default="none",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_REQUIRE",
        help="Further claims that must have one value, `claim=value`, separated by "
        "commas: for example `azp=music`.",
        default="none",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_LEEWAY",
        help="How far the issuer's clock may be off, in seconds, at most 60.",
        default="30",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_MAX_HOURS",
        help="The longest that a token may be valid, in hours; 744 are 31 days.",
        default="744",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_JWT_KEY_GRACE_HOURS",
        help="How long a key is still good after the issuer removed it, in hours: "
        "people's sessions hold tokens that it signed. `0`: not at all.",
        default="1",
        numbered=True,
    ),
    Setting(
        name="AUTHZ_API_TOKEN",
        help="One API token for scripts, `Authorization: Bearer <token>`, 16 "
        "characters or more. The policy knows it as `token:env`.",
        default="none",
        from_file=True,
        alias="API_TOKEN",
    ),
    Setting(
        name="AUTHZ_API_TOKEN_ROLE",
        help="The role it is given.",
        default="admin",
    ),
    Setting(
        name="AUTHZ_BASIC_AUTH",
        help="`true`: programs that know nothing but a name and a password may send an "
        "API token as the password (HTTP Basic authentication). Never a person's "
        "password.",
        default="false",
    ),
    Setting(
        name="AUTH_ENABLED",
        help="An old switch. `true` changes nothing. `false`: there is no sign-in and "
        "everybody is an administrator; refused beside an account, a token or a proxy.",
        default="unset",
    ),
    Setting(
        name="AUTH_MODE",
        help="An old switch: `local` (accounts, no proxy), `proxy` (a proxy must be "
        "configured), or `none` (as `AUTH_ENABLED=false`).",
        default="unset",
    ),
)
