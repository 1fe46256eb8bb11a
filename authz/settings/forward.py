"""Forward-auth: for which hosts `authz serve` decides, and who may ask it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from authz.errors import InvalidValue
from authz.identity.cookies import CookieSettings
from authz.identity.peers import Peers, peers
from authz.settings.reader import Reader

if TYPE_CHECKING:
    from authz.identity.assertions import SigningKey
    from authz.identity.kept_keys import KeySeal

_PORTS: Final = {"http": 80, "https": 443}
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\]")
#: The kind of scope that a host is.
HOST_KIND: Final = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where something lives, as browsers see it: `https://grafana.home.example`."""

    scheme: str
    #: Host and port, as a browser writes them into `Host`.
    netloc: str

    @property
    def name(self) -> str:
        """The host without its port: the id of its scope."""
        return urlsplit(f"//{self.netloc}").hostname or ""

    @property
    def scope(self) -> str:
        """The scope that requests to it are about."""
        return f"{HOST_KIND}:{self.name}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Return the address in *text*. Raises `InvalidValue`."""
        wrong = InvalidValue(
            f"`{text[:80]}` is no address of a host",
            "write for example `https://grafana.home.example`, without a path",
        )
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError:
            raise wrong from None
        host = parts.netloc.lower()
        host = host if port is None else host.removesuffix(f":{port}")
        if (
            parts.scheme not in _PORTS
            or not _NAME.fullmatch(host)
            or parts.path not in {"", "/"}
            or "?" in text
            or "#" in text
        ):
            raise wrong
        shown = "" if port in {None, _PORTS[parts.scheme]} else f":{port}"
        return cls(scheme=parts.scheme, netloc=f"{host}{shown}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredHost:
    """A host with an app behind forward-auth."""

    address: Address
    #: The `aud` of the tokens that tell the app who asks.
    audience: str
    #: What the start page calls it.
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardSettings:
    """What the operator decided about forward-auth."""

    #: Where `authz serve` itself is reached; None: there is no forward-auth.
    portal: Address | None = None
    #: The proxies that may ask.
    peers: Peers = field(default_factory=Peers)
    hosts: tuple[DeclaredHost, ...] = ()
    #: What signs who asks; the first signs, all are published.
    keys: "tuple[SigningKey, ...]" = field(default=(), repr=False)
    #: What the keys in the store are sealed with; None: there are none.
    seal: "KeySeal | None" = field(default=None, repr=False)

    def __bool__(self) -> bool:
        return self.portal is not None

    def host(self, scheme: str, netloc: str) -> DeclaredHost | None:
        """Return what is declared to live at *scheme* and *netloc*, or None."""
        for host in self.hosts:
            if host.address.scheme == scheme and host.address.netloc == netloc:
                return host
        return None

    @property
    def origins(self) -> frozenset[str]:
        """The addresses that somebody may be led back to after signing in."""
        return frozenset(str(host.address) for host in self.hosts)


def read_forward(
    reader: Reader, cookies: CookieSettings, *, proxied: bool, stored: bool
) -> ForwardSettings:
    """Return what the settings say of forward-auth.

    *proxied* says whether a sign-in proxy vouches for people, who then need no session
    that all hosts share; *stored*, whether there is a database.
    """
    settings = ForwardSettings(
        portal=reader.parse("AUTHZ_FORWARD_PORTAL", Address.parse, None),
        peers=reader.parse("AUTHZ_FORWARD_PEERS", peers, Peers()),
        hosts=reader.parse("AUTHZ_FORWARD_HOSTS", read_hosts, ()),
        keys=reader.parse("AUTHZ_FORWARD_KEYS", _read_keys, ()),
        seal=reader.parse("AUTHZ_FORWARD_SEAL", _read_seal, None),
    )
    if settings.seal is not None and (settings.keys or not stored):
        reader.problem(
            "AUTHZ_FORWARD_SEAL",
            "AUTHZ_FORWARD_KEYS is set too, and one of them has the keys"
            if settings.keys
            else "there is no store to keep the keys in",
            "remove one of them"
            if settings.keys
            else "set AUTHZ_STORE, or AUTHZ_FORWARD_KEYS_FILE in its place",
        )
    needed = {
        "AUTHZ_FORWARD_PORTAL": settings.portal is not None,
        "AUTHZ_FORWARD_PEERS": bool(settings.peers),
        "AUTHZ_FORWARD_HOSTS": bool(settings.hosts),
    }
    signs = settings.keys or settings.seal is not None
    if reader.problems or not (any(needed.values()) or signs):
        return settings
    for name in (name for name, given in needed.items() if not given):
        reader.problem(
            name,
            "it is not set, but other settings of forward-auth are",
            "set AUTHZ_FORWARD_PORTAL, AUTHZ_FORWARD_PEERS and AUTHZ_FORWARD_HOSTS, "
            "or none of them",
        )
    if settings.portal is not None:
        for odd in _at_odds(settings.portal, settings.hosts, cookies, proxied=proxied):
            reader.problem("AUTHZ_FORWARD_HOSTS", odd.message, odd.hint)
    return settings


def read_hosts(text: str) -> tuple[DeclaredHost, ...]:
    """Return the hosts in *text*, one a line: address, audience and title.

    Without an audience it is the address, without a title the host.

    Raises:
        InvalidValue: if a line declares none, or a host is there twice.
    """
    found: dict[str, DeclaredHost] = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where, audience, title = (*line.split(maxsplit=2), "", "")[:3]
        address = Address.parse(where)
        if address.name in found:
            raise InvalidValue(
                f"`{address.name}` is declared twice",
                "a host is one scope, whatever its port: declare it once",
            )
        found[address.name] = DeclaredHost(
            address=address,
            audience=audience or str(address),
            title=title.strip() or address.netloc,
        )
    audiences = [host.audience for host in found.values()]
    for audience in audiences:
        if audiences.count(audience) > 1:
            raise InvalidValue(
                f"two hosts have the audience `{audience[:80]}`",
                "a token for one app must not open another: write one for each",
            )
    return tuple(found.values())


def _read_keys(text: str) -> "tuple[SigningKey, ...]":
    # Only who signs something loads what signs.
    from authz.identity.assertions import read_signing_keys

    return read_signing_keys(text)


def _read_seal(text: str) -> "KeySeal":
    from authz.identity.kept_keys import read_seal

    return read_seal(text)


def _at_odds(
    portal: Address,
    hosts: tuple[DeclaredHost, ...],
    cookies: CookieSettings,
    *,
    proxied: bool,
) -> Iterator[InvalidValue]:
    """Yield what keeps the portal and the *hosts* from going together."""
    every = [portal, *(host.address for host in hosts)]
    if portal.name in {host.address.name for host in hosts}:
        yield InvalidValue(
            f"`{portal.name}` is the portal, which guards itself",
            "declare the other hosts only",
        )
    if len({address.scheme for address in every}) > 1:
        yield InvalidValue(
            "some addresses begin with `https` and others with `http`, and a sign-in "
            "does not carry over",
            "write one of them everywhere",
        )
    if cookies.domain is None:
        if not proxied:
            yield InvalidValue(
                "who signs in at the portal would be a stranger at every other host",
                "set AUTHZ_COOKIE_DOMAIN to a domain that all of them are in, or a "
                "sign-in proxy",
            )
        return
    for address in every:
        if not f".{address.name}".endswith(f".{cookies.domain}"):
            yield InvalidValue(
                f"`{address.name}` is not in the domain `{cookies.domain}` of the "
                "session cookie",
                "who signs in would be a stranger there: choose one domain for all",
            )
