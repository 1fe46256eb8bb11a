"""The music servers that the operator listed. Nothing is ever sent anywhere else."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import SplitResult, urlsplit

from authz import InvalidValue

ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_LINES: Final = re.compile(r"[\n;]+")
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_PORTS: Final = {"http": 80, "https": 443}
#: Names that no public resolver answers for (RFC 6762, 8375, 9476, and habit).
_PRIVATE_SUFFIXES: Final = (
    ".local",
    ".home.arpa",
    ".internal",
    ".lan",
    ".home",
    ".localhost",
)


class ServerKind(StrEnum):
    """What kind of server it is."""

    JELLYFIN = "jellyfin"
    EMBY = "emby"
    NAVIDROME = "navidrome"
    #: Lightweight Music Server.
    LMS = "lms"
    LYRION = "lyrion"
    #: Any other server that speaks the Subsonic API.
    OPENSUBSONIC = "opensubsonic"

    @property
    def product(self) -> str:
        """What people call it."""
        return _PRODUCTS[self]


_PRODUCTS: Final = {
    ServerKind.JELLYFIN: "Jellyfin",
    ServerKind.EMBY: "Emby",
    ServerKind.NAVIDROME: "Navidrome",
    ServerKind.LMS: "Lightweight Music Server",
    ServerKind.LYRION: "Lyrion Music Server",
    ServerKind.OPENSUBSONIC: "OpenSubsonic",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server is: scheme, host, port and a path it may stand below."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether what is sent there can be read on the way."""
        return self.scheme == "http"

    @property
    def is_private(self) -> bool:
        """Whether the host looks like one of a home or a container network."""
        try:
            return ipaddress.ip_address(self.host).is_private
        except ValueError:
            name = self.host.lower()
            return "." not in name or name.endswith(_PRIVATE_SUFFIXES)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedServer:
    """One server of AUTHZ_MUSIC_SERVERS."""

    id: str
    kind: ServerKind
    #: Where authz itself finds it.
    address: Address
    #: What else AudioMuse-AI may call it: a name inside of the container network.
    aliases: tuple[Address, ...] = ()

    def is_at(self, address: Address) -> bool:
        """Return whether *address* is one of this server's."""
        return address == self.address or address in self.aliases


def parse_address(text: str) -> Address:
    """Return *text* as an address.

    Raises `InvalidValue`. What stands in front of an `@` is a
    password, so it is neither taken nor repeated.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    if "@" in parts.netloc:
        raise InvalidValue(
            "an address holds a name or password",
            "leave them out; each person connects an account of their own",
        )
    host = (parts.hostname or "").removesuffix(".")
    path = parts.path.rstrip("/")
    if (
        parts.scheme not in _PORTS
        or not _is_host(host)
        or not _PATH.fullmatch(path)
        or any(part in {".", ".."} for part in path.split("/"))
        or parts.query
        or parts.fragment
        or not text.isprintable()
    ):
        raise InvalidValue(
            f"`{text[:200]}` is not an address",
            "write for example `https://music.home`",
        )
    return Address(
        scheme=parts.scheme, host=host, port=port or _PORTS[parts.scheme], path=path
    )


def parse_servers(text: str) -> tuple[ListedServer, ...]:
    """Return the servers in *text*: `id kind address [other address ...]` a line.

    Lines may also be separated by `;`. Raises `InvalidValue`.
    """
    servers = tuple(_servers(text))
    for name in {server.id for server in servers}:
        if sum(server.id == name for server in servers) > 1:
            raise InvalidValue(
                f"`{name}` is there twice", "give each server its own id"
            )
    addresses = [a for server in servers for a in (server.address, *server.aliases)]
    for address in addresses:
        if addresses.count(address) > 1:
            raise InvalidValue(f"`{address}` is there twice", "list each address once")
    return servers


def _servers(text: str) -> Iterator[ListedServer]:
    for line in _LINES.split(text):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match line.split():
            case [name, kind, address, *aliases]:
                pass
            case _:
                raise InvalidValue(
                    f"`{line.strip()[:80]}` is not a server",
                    "write an id, a kind and "
                    "an address, for example `home navidrome https://music.home`",
                )
        if not ID.fullmatch(name):
            raise InvalidValue(
                f"`{name[:80]}` cannot be an id", "use small letters, digits, `-`, `_`"
            )
        if kind not in set(ServerKind):
            raise InvalidValue(
                f"`{kind[:80]}` is no kind of server", f"use {', '.join(ServerKind)}"
            )
        yield ListedServer(
            id=name,
            kind=ServerKind(kind),
            address=parse_address(address),
            aliases=tuple(parse_address(alias) for alias in aliases),
        )


def _is_host(host: str) -> bool:
    if _HOST.fullmatch(host):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
