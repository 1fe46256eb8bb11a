"""Whether an unsafe request comes from a page of the app itself.

A session cookie, like an identity that a proxy adds, is sent by the browser whoever
wrote the page; so a browser's unsafe request must say that the page is ours
(`Sec-Fetch-Site`, or `Origin` in browsers that do not send it).
"""

from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def is_same_origin(environ: Mapping[str, Any], trusted: Collection[str]) -> bool:
    """Return whether a browser says that the request comes from this app's pages.

    Origins in *trusted* count as this app. A client that sends neither header is not
    a browser and has no cookie it did not choose to send.
    """
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and origin in trusted:
        return True
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return site in {"same-origin", "none"}
    if origin is None:
        return True
    return _host_of(origin) == _host(environ.get("HTTP_HOST", ""), None)


def _host_of(origin: str) -> tuple[str, int | None] | None:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS:
        return None  # `null` too: a sandboxed page is nobody's
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
