"""From which addresses keys may be fetched, and how many bytes of them."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from authz.errors import Problem

#: No honest key set is larger, in bytes.
MAX_BYTES: Final = 256 * 1024


def url_problem(url: str) -> Problem | None:
    """Return why keys may not be fetched from *url*, or None.

    Only HTTPS proves who answers; plain HTTP is for this machine.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        host = ""
        parts = urlsplit("")
    if not host or parts.scheme not in {"https", "http"} or parts.username is not None:
        return Problem(
            message=f"`{url}` is not a web address", hint="write `https://...`"
        )
    if parts.scheme == "http" and not _is_loopback(host):
        return Problem(
            message=f"`{url}` is plain HTTP, so anybody on the way could answer with "
            "their own keys",
            hint="use `https://`, or save the keys to a file",
        )
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
