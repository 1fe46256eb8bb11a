"""Settings of the AuthZEN API: whether there is one, and what its words mean."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from authz.errors import InvalidValue
from authz.policy.authzen_table import AuthzenTable, read_authzen_table
from authz.settings import parsers
from authz.settings.defaults import defaulted
from authz.settings.reader import Reader
from authz.settings.table_file import table_file

#: Where the operations are, below the prefix (AuthZEN 1.0, table 1).
ACCESS: Final = "/access/v1"
_HTTPS: Final = re.compile(r"https://[^/?#\s@]+(?:/[^?#\s]*[^/?#\s])?")

_ENABLED: Final = defaulted("AUTHZ_AUTHZEN", parsers.boolean)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthzenSettings:
    """What the operator decided about the AuthZEN API."""

    enabled: bool = _ENABLED.default
    #: What stands before `/access/v1`; empty at the root.
    prefix: str = "/authz"
    #: What clients call it: a URL; empty if that is how they reach it.
    url: str = ""
    table: AuthzenTable = field(default_factory=AuthzenTable)

    @property
    def access(self) -> str:
        """The path that every operation is below."""
        return self.prefix + ACCESS

    @property
    def known_path(self) -> str:
        """The path part of what clients call it."""
        return urlsplit(self.url).path if self.url else self.prefix


def read_authzen(reader: Reader, *, url_prefix: str) -> AuthzenSettings:
    """Return the settings of the AuthZEN API; *url_prefix* is where authz is."""
    return AuthzenSettings(
        enabled=reader.read(_ENABLED),
        prefix=reader.parse("AUTHZ_AUTHZEN_PREFIX", _prefix, url_prefix),
        url=reader.parse("AUTHZ_AUTHZEN_URL", _url, ""),
        table=reader.parse(
            "AUTHZ_AUTHZEN_TABLE", table_file(read_authzen_table), AuthzenTable()
        ),
    )


def _prefix(text: str) -> str:
    return "" if text == "/" else parsers.prefix(text)


def _url(text: str) -> str:
    found = text.rstrip("/")
    if not _HTTPS.fullmatch(found):
        raise InvalidValue(
            f"`{text}` cannot be what a decision point is called",
            "write for example `https://pdp.home` or `https://music.home/authz`",
        )
    return found
