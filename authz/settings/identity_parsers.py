"""From the text of a setting to a value, for what says who is asking.

Each raises `InvalidValue`.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from authz.errors import InvalidValue
from authz.identity.groups import is_cut_ldap_name, was_cut_by_somebody
from authz.names import name_problem
from authz.settings.parsers import ROLE_NAME, positive

_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_SOURCE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}")
#: Printable ASCII without blanks and backslashes.
_VISIBLE: Final = re.compile(r"[\x21-\x5b\x5d-\x7e]{1,2048}")


def role(text: str) -> str:
    """Return *text* as a role that can be given, `role:...`."""
    name = text.removeprefix("role:")
    if not ROLE_NAME.fullmatch(name) or name in {"everyone", "authenticated"}:
        raise InvalidValue(f"`{text}` is not a role", "write for example `user`")
    return f"role:{name}"


def not_negative(text: str) -> float:
    """Return *text* as a number that is 0 or more."""
    return 0.0 if text.strip() in {"0", "0.0"} else positive(text)


def text(text: str) -> str:
    """Return *text* if it is printable and has no blanks at its ends."""
    if text != text.strip() or not text.isprintable():
        raise InvalidValue(
            "it has blanks at an end, or characters one cannot see", "check"
        )
    return text


def words(text: str) -> tuple[str, ...]:
    """Return what stands between the commas of *text*, without blanks."""
    return tuple(filter(None, map(str.strip, text.split(","))))


def header(text: str) -> str:
    """Return *text* if it names a header."""
    if "_" in text:
        raise InvalidValue(
            f"`{text}` holds a `_`, which servers drop or confuse with `-`",
            "write `-`, and have the proxy send it so",
        )
    if not _HEADER.fullmatch(text) or text.lower() in {"cookie", "host", "origin"}:
        raise InvalidValue(
            f"`{text}` is no header for this", "write for example `X-User`"
        )
    return text


def separator(text: str) -> str:
    """Return *text* if it can stand between two groups."""
    if not text.strip() or not text.isprintable() or text.isalnum():
        raise InvalidValue(
            f"`{text}` separates nothing", "write for example `,` or `|`"
        )
    return text.strip()


def source_name(text: str) -> str:
    """Return *text* if it can name who vouches for somebody."""
    if not _SOURCE_NAME.fullmatch(text) or text == "local":
        raise InvalidValue(
            f"`{text}` cannot stand in `user:<word>/<id>`",
            "write a word in small letters, for example `authentik`",
        )
    return text


def sign_out_url(text: str) -> str:
    """Return *text* if a browser may be sent there to sign out."""
    parts = urlsplit(text)
    inside = text.startswith("/") and not text.startswith(("//", "/\\"))
    outside = parts.scheme == "https" and parts.hostname and parts.username is None
    if not _VISIBLE.fullmatch(text) or not (inside or outside):
        raise InvalidValue(
            f"`{text[:80]}` is not a place to sign out",
            "write a path such as "
            "`/outpost.goauthentik.io/sign_out`, or an `https://` address",
        )
    return text


def groups(text: str) -> tuple[str, ...]:
    """Return the groups in *text* as names: a JSON list, one a line, or by commas.

    A list whose pieces are parts of an LDAP name is refused: it was cut at commas.
    """
    by_comma = "\n" not in text and not text.lstrip().startswith("[")
    parts = [p.removeprefix("group:") for p in listed(text)]
    if is_cut_ldap_name(parts) if by_comma else was_cut_by_somebody(parts):
        whole = text.strip().removeprefix("group:") if by_comma else ",".join(parts)
        example = json.dumps([whole], ensure_ascii=False)
        raise InvalidValue(
            f"`{parts[0]}` looks like a part of an LDAP name, which itself has commas",
            f"write one group a line, or a JSON list such as `{example[:300]}`",
        )
    found = []
    for part in parts:
        name = f"group:{unicodedata.normalize('NFC', part.removeprefix('group:'))}"
        problem = name_problem(name)
        if problem:
            raise InvalidValue.of(problem)
        found.append(name)
    return tuple(found)


def listed(text: str) -> list[str]:
    """Return what a JSON list holds, or what stands on lines or between commas.

    Raises:
        InvalidValue: if it begins like a JSON list but is not one.
    """
    if text.lstrip().startswith("["):
        try:
            parts = json.loads(text)
        except ValueError:
            parts = None
        if not isinstance(parts, list) or not all(isinstance(p, str) for p in parts):
            raise InvalidValue(
                "it begins like a JSON list but is not one",
                'write for example `["a", "b"]`',
            )
    else:
        parts = text.split("\n" if "\n" in text else ",")
    return [part for part in map(str.strip, parts) if part]


def as_list(names: Iterable[str]) -> str:
    """Return *names* as `listed` reads them: by commas, or a JSON list if need be."""
    names = sorted(names)
    if any("," in name for name in names):
        return json.dumps(names, ensure_ascii=False)
    return ", ".join(names)
