"""How what others say is shown: on one line, and never long."""

import json
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

_MAX: Final = 300
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


def plain(text: str) -> str:
    """Return *text* so that a terminal shows it and does nothing else with it."""
    shown = "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}"
        for character in text[:_MAX]
    )
    return shown + ("..." if len(text) > _MAX else "")


def json_object(data: str | bytes) -> dict[str, Any] | None:
    """Return the JSON object that *data* is, or None if it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def difference(ours: str, theirs: str) -> str:
    """Return in words where two addresses differ that look alike."""
    if ours.rstrip("/") == theirs.rstrip("/"):
        return "they differ only in the slash at the end"
    try:
        one, other = urlsplit(ours), urlsplit(theirs)
        same_host = one.hostname == other.hostname
        same_port = _port(one) == _port(other)
    except ValueError:
        return "they are two different names"
    same_path = one.path.rstrip("/") == other.path.rstrip("/")
    if one.scheme != other.scheme and same_host and same_path:
        return f"they differ in `{one.scheme}:` and `{other.scheme}:`"
    if not same_host and same_path:
        return "they differ in the host: it is called by another name than you do"
    if not same_port and same_host and same_path:
        return "they differ in the port"
    if ours.casefold() == theirs.casefold():
        return "they differ in capital letters"
    if same_host:
        return "they differ in the path: is it the right application?"
    return "they are two different names"


def _port(parts: SplitResult) -> int | None:
    return parts.port or _DEFAULT_PORTS.get(parts.scheme)
