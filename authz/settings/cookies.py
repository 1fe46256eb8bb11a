"""What the cookies of an app are called, and how far they travel."""

import re
from ipaddress import ip_address
from typing import Final

from authz.errors import InvalidValue
from authz.identity.cookies import CookieSettings
from authz.settings import parsers
from authz.settings.defaults import defaulted
from authz.settings.reader import Reader

#: A token (RFC 6265, 4.1.1), without the marks that a reader would stumble over.
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,40}")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_SECURE: Final = defaulted("AUTHZ_COOKIE_SECURE", parsers.secure)


def read_cookies(reader: Reader) -> CookieSettings:
    """Return what the settings say of cookies."""
    return CookieSettings(
        name=reader.parse("AUTHZ_COOKIE_NAME", cookie_name, None),
        domain=reader.parse("AUTHZ_COOKIE_DOMAIN", cookie_domain, None),
        secure=reader.read(_SECURE),
    )


def cookie_name(text: str) -> str:
    """Return *text* if cookies may be called so."""
    if not _NAME.fullmatch(text):
        raise InvalidValue(
            f"`{text[:80]}` cannot name a cookie",
            "write letters, digits, `-` and `_`, for example `music`",
        )
    if text.lower() in {"session", "remember_token"}:
        raise InvalidValue(
            f"`{text}` is what Flask calls a cookie of its own",
            "write another name, for example `music`",
        )
    return text


def cookie_domain(text: str) -> str:
    """Return *text* if sub-domains of it belong to one owner.

    A browser would refuse the cookie of a public suffix such as `co.uk`, and a host of
    somebody else could read it if it did not.
    """
    domain = text.strip().lower().removeprefix(".").rstrip(".")
    if _is_address(domain) or not _DOMAIN.fullmatch(domain):
        raise InvalidValue(
            f"`{text[:80]}` is no domain with sub-domains",
            "write for example `home.example.org`, or leave it out",
        )
    try:
        # An extra: without sub-domains that share a sign-in nobody needs the list.
        from publicsuffixlist import PublicSuffixList
    except ImportError as error:
        raise InvalidValue(
            "whether everybody can have a host in it cannot be told",
            'run `pip install "authz-casbin[cookie-domain]"`',
        ) from error
    if PublicSuffixList().is_public(domain):
        raise InvalidValue(
            f"anybody can have a host in `{domain}` (it is a public suffix)",
            "write the domain that is yours, for example `home.example.org`",
        )
    return domain


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True
