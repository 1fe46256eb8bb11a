"""From the text of a setting to a value; each raises `InvalidValue`."""

import re
from typing import Final

from authz.errors import InvalidValue
from authz.names import HIDDEN

ROLE_NAME: Final = re.compile(rf"(?!.*{HIDDEN})[^\W_][\w.@+-]{{0,63}}")
_PATH: Final = re.compile(r"/(?:[\w.~@!&=',:-]+(?:/[\w.~@!&=',:-]+)*/?)?")
_ORIGIN: Final = re.compile(r"https?://[^/?#\s@]+")


def anonymous_role(text: str) -> str:
    """Return *text* as a role for strangers, `role:...`; never `role:admin`."""
    role = text.removeprefix("role:")
    if not ROLE_NAME.fullmatch(role) or role in {"everyone", "authenticated"}:
        raise InvalidValue(f"`{text}` is not a role", "write for example `demo`")
    if role == "admin":
        raise InvalidValue(
            "anybody on the network would be an administrator",
            "make a role of its own in the policy, such as `demo`",
        )
    return f"role:{role}"


def path(text: str) -> str:
    """Return *text* if it is a path of the app."""
    if not _PATH.fullmatch(text):
        raise InvalidValue(f"`{text}` is not a path", "write for example `/map`")
    return text


def prefix(text: str) -> str:
    """Return *text* if it is a path that others can stand below."""
    if text == "/" or text.endswith("/"):
        raise InvalidValue(f"`{text}` is not a prefix", "write for example `/authz`")
    return path(text)


def paths(text: str) -> tuple[str, ...]:
    """Return the paths in *text*, separated by commas."""
    return tuple(
        path(part.strip().rstrip("/") or "/")
        for part in text.split(",")
        if part.strip()
    )


def origins(text: str) -> tuple[str, ...]:
    """Return the origins in *text*, separated by commas."""
    origins = tuple(part.strip() for part in text.split(",") if part.strip())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise InvalidValue(
                f"`{origin}` is not an origin", "write for example `https://music.home`"
            )
    return origins


def secure(text: str) -> bool | None:
    """Return whether cookies are for HTTPS only; None for `auto`."""
    return None if text.lower() == "auto" else boolean(text)


def boolean(text: str) -> bool:
    """Return what *text* says: `true` or `false`."""
    if text.lower() in {"true", "1", "yes", "on"}:
        return True
    if text.lower() in {"false", "0", "no", "off"}:
        return False
    raise InvalidValue(f"`{text}` is neither true nor false", "write `true` or `false`")


def positive(text: str) -> float:
    """Return *text* as a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise InvalidValue(
            f"`{text}` is not a number above 0", "write for example `12`"
        )
    return number


def count(text: str) -> int:
    """Return *text* as a whole number above 0."""
    if not text.isascii() or not text.isdecimal() or not int(text):
        raise InvalidValue(
            f"`{text}` is not a whole number above 0", "write for example 5"
        )
    return int(text)
