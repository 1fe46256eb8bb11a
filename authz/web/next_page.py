"""Where to go after signing in: a page of this app, or of a host that is declared."""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

# One slash, then printable ASCII without a backslash: what a browser would read as
# another host (`//`, `/\\`, `/<TAB>/`) cannot be written.
_NEXT: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_MAX: Final = 2000


def safe_next(text: str | None, origins: Collection[str] = ()) -> str | None:
    """Return *text* if it is a path of this app (with a query), otherwise None.

    Or an address at one of *origins*, each `https://` and a host.
    """
    origin = ""
    if text and origins and not text.startswith("/"):
        end = text.find("/", text.find("://") + 3)
        origin, text = (text, "/") if end < 0 else (text[:end], text[end:])
        if origin not in origins:
            return None
    if not text or len(text) > _MAX or not _NEXT.fullmatch(text):
        return None
    parts = urlsplit(text)
    if parts.scheme or parts.netloc or "//" in parts.path:
        return None
    return origin + parts.path + (f"?{parts.query}" if parts.query else "")
