"""Where a request comes from: the address of the client, behind listed proxies.

A proxy adds, at the right end of a header, the address that connected to it
(`X-Forwarded-For`, or `Forwarded` of RFC 7239). What stands further left came with the
request, and anybody can write there. So the header is read from the right, and only as
long as each address that says more is a listed proxy's.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

from authz.identity.peers import UNIX, UNIX_PEERS, Peers
from authz.identity.wsgi_server import merges_names

#: Proxies in a row, at most; a longer chain is nobody's.
_MAX_HOPS: Final = 16
#: A network that one subscriber has: a host changes its address within it at will.
_SUBSCRIBER_BITS: Final = 64
#: IPv6 in front of a server for IPv4 clients (RFC 6052, 2.1).
_NAT64: Final = IPv6Network("64:ff9b::/96")
#: A client that hides where it is: no address, so nobody blocks the proxy's for it.
_UNKNOWN: Final = "unknown"

#: Commas, and quotes that no backslash makes a part of what they quote.
_MARKS: Final = re.compile(r'(?<!\\)(?:\\\\)*(")|,')
_PAIR: Final = re.compile(
    r"""\s*([!#$%&'*+.^_`|~\w-]+)=("(?:[^"\\]|\\.)*"|[^;",\s]*)\s*(?:;|\Z)""", re.ASCII
)

_Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """The address that a request came from, as far as listed proxies vouch for it."""

    #: As people write it: `192.0.2.7`, `2001:db8::7`, `unix:`, `unknown`.
    text: str

    @property
    def subscriber(self) -> str:
        """Who is counted as one: an IPv4 address, or the /64 of an IPv6 address."""
        address = _parsed(self.text)
        if not isinstance(address, IPv6Address):
            return self.text
        return str(IPv6Network((int(address), _SUBSCRIBER_BITS), strict=False))

    def __str__(self) -> str:
        return self.text


class ClientAddresses:
    """Works out who is behind the proxies of one app."""

    def __init__(
        self,
        proxies: Peers,
        *,
        merged: Callable[[Mapping[str, Any]], bool] = merges_names,
    ) -> None:
        """Believe what *proxies* say of who connected to them.

        Args:
            proxies: Their addresses.
            merged: Whether `X_Forwarded_For` of a client may have come to a request in
                the place of what its proxy said.
        """
        self.proxies = proxies
        self._merged = merged

    def of(self, peer: str, environ: Mapping[str, Any]) -> ClientAddress:
        """Return where a request comes from.

        Args:
            peer: The other end of the socket.
            environ: The request; its headers are believed as far as `proxies` go.
        """
        direct = _shown(peer)
        if not self.proxies or peer not in self.proxies or self._merged(environ):
            return ClientAddress(direct)
        named = {
            self._behind(direct, read(value))
            for key, read in (
                ("HTTP_X_FORWARDED_FOR", _x_forwarded_for),
                ("HTTP_FORWARDED", _forwarded),
            )
            if (value := environ.get(key))
        }
        # A proxy writes one of the two and hands the other on as it came. If they
        # disagree, one is the client's own work, and neither is believed.
        if len(named) > 1:
            return ClientAddress(_UNKNOWN)
        return ClientAddress(named.pop() if named else direct)

    def why_as_one(self, peer: str, environ: Mapping[str, Any]) -> str | None:
        """Return why all clients of a proxy count as one, and the mend, if they do."""
        listed = peer in self.proxies
        if not (environ.get("HTTP_X_FORWARDED_FOR") or environ.get("HTTP_FORWARDED")):
            return (
                f"no X-Forwarded-For came from `{_shown(peer)}`, which is listed: have "
                "the proxy send it, and start waitress, which takes it away, with "
                "`--no-clear-untrusted-proxy-headers`"
                if listed
                else None
            )
        if not listed:
            return (
                f"`{_shown(peer)}` speaks for others (X-Forwarded-For) and is not "
                "listed: set AUTHZ_FORWARDED_PROXIES to its address"
            )
        if self._merged(environ):
            return (
                "this server takes `X_Forwarded_For` for `X-Forwarded-For`, so anybody "
                "may have written it: use gunicorn or waitress, or have the proxy "
                "strip names with `_` and set AUTHZ_UNDERSCORES_STRIPPED=true"
            )
        return None

    def _behind(self, direct: str, hops: Iterator[str]) -> str:
        """Return the first address from the right that is no listed proxy's."""
        nearest = direct
        for _, hop in zip(range(_MAX_HOPS), hops, strict=False):
            address = _parsed(hop)
            if address is None:
                return nearest  # `unknown`, or no address: it ends here
            nearest = str(address)
            if nearest not in self.proxies:
                return nearest
        return nearest


def _x_forwarded_for(value: str) -> Iterator[str]:
    """Yield the addresses of an `X-Forwarded-For`, from the right."""
    while value:
        value, _, last = value.rpartition(",")
        yield last.strip()


def _forwarded(value: str) -> Iterator[str]:
    """Yield what each `for=` of a `Forwarded` says (RFC 7239, 4), from the right.

    An element that cannot be read says nothing: `for` twice, or quotes that do not end.
    """
    for element in _elements(value):
        pairs = _PAIR.findall(element)
        said = [node for name, node in pairs if name.lower() == "for"]
        is_whole = _PAIR.sub("", element) == ""
        yield said[0].strip('"') if is_whole and len(said) == 1 else ""


def _elements(value: str) -> Iterator[str]:
    """Yield what stands between the commas of *value*, from the right.

    A comma in quotes is none: a proxy may quote there what the client sent as `Host`.
    Quotes are matched from the right as well, so none that a client left open counts.
    """
    end, quoted = len(value), False
    for mark in reversed(list(_MARKS.finditer(value))):
        if mark[1]:
            quoted = not quoted
        elif not quoted:
            yield value[mark.end() : end].strip()
            end = mark.start()
    yield value[:end].strip()


@lru_cache(maxsize=1024)
def _shown(peer: str) -> str:
    if peer in UNIX_PEERS:
        return UNIX
    address = _parsed(peer)
    return peer if address is None else str(address)


def _parsed(text: str) -> _Address | None:
    """Return the address in *text*: with a port, in brackets, with a zone, or alone."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
