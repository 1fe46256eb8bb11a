"""Whether an unsafe request comes from a page of the app itself.

A session cookie, like an identity that a proxy adds, is sent by the browser whoever
wrote the page; so a browser's unsafe request must say that the page is ours
(`Sec-Fetch-Site`, or `Origin` in browsers that do not send it).
"""

from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from authz.identity.why import Why
from authz.web.causes import told

#: What a proxy in between may be the cause of.
_BY_PROXY: Final = frozenset(
    {Why.ORIGIN_HIDDEN, Why.ORIGIN_PORT_DIFFERS, Why.ORIGIN_HOST_DIFFERS}
)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def is_same_origin(environ: Mapping[str, Any], trusted: Collection[str]) -> bool:
    """Return whether a browser says that the request comes from this app's pages.

    Origins in *trusted* count as this app. A client that sends neither header is not
    a browser and has no cookie it did not choose to send.
    """
    return origin_problem(environ, trusted) is None


def origin_problem(environ: Mapping[str, Any], trusted: Collection[str]) -> Why | None:
    """Return why a request does not come from this app's pages; None if it does."""
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and origin in trusted:
        return None
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return None if site in {"same-origin", "none"} else Why.FOREIGN_SITE
    if origin is None:
        return None
    if origin == "null":
        return Why.ORIGIN_HIDDEN
    page = _host_of(origin)
    if page is None:
        return Why.FOREIGN_SITE
    asked = _host(environ.get("HTTP_HOST", ""), None)
    if page == asked:
        return None
    if asked is not None and page[0] == asked[0]:
        return Why.ORIGIN_PORT_DIFFERS
    return Why.ORIGIN_HOST_DIFFERS


def origin_message(why: str, environ: Mapping[str, Any]) -> str | None:
    """Return what to tell a person whom a proxy in between keeps out, or None."""
    return told(why, environ) if why in _BY_PROXY else None


def origin_detail(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return what an event about an origin has to hold."""
    return {
        "origin": str(environ.get("HTTP_ORIGIN", "")),
        "host": str(environ.get("HTTP_HOST", "")),
    }


def _host_of(origin: str) -> tuple[str, int | None] | None:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS:
        return None
    return _host(parts.netloc, _DEFAULT_PORTS[parts.scheme])


def _host(netloc: str, default_port: int | None) -> tuple[str, int | None] | None:
    """Return host and port, the default ports left out.

    The app may not know that a proxy ended TLS before it, so the scheme is not
    compared: a page on another scheme of the same host and port is the same host's.
    """
    try:
        parts = urlsplit(f"//{netloc}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    if port in {default_port, *_DEFAULT_PORTS.values()}:
        port = None
    return parts.hostname, port
