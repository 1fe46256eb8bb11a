"""Which addresses a proxy may have: ends of sockets, never what a header says.

`RequestFacts.peer` is such an address, even if `ProxyFix` has replaced it.
"""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from authz.errors import InvalidValue

#: How the list spells a Unix socket, which has no address.
UNIX: Final = "unix:"
#: What servers say of one: gunicorn nothing, waitress a word.
UNIX_PEERS: Final = frozenset({"", "localhost"})
#: Wider networks than these are half of the internet, unless they are private.
_WIDEST: Final = {4: 8, 6: 32}
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_MAPPED_BITS: Final = 96
_REMEMBERED: Final = 256

_Network = IPv4Network | IPv6Network


class Peers:
    """Addresses and networks, and whether an address is one of them."""

    def __init__(
        self, networks: Iterable[_Network] = (), *, unix: bool = False
    ) -> None:
        self.networks = tuple(networks)
        #: Whether Unix sockets count.
        self.unix = unix
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self.networks) or self.unix

    def __str__(self) -> str:
        return ", ".join([*map(str, self.networks), *([UNIX] if self.unix else [])])

    def __contains__(self, peer: str) -> bool:
        known = self._known.get(peer)
        if known is None:
            known = self._holds(peer)
            if len(self._known) >= _REMEMBERED:
                self._known = {}  # whoever connects does not choose its size
            self._known[peer] = known
        return known

    def _holds(self, peer: str) -> bool:
        if peer in UNIX_PEERS:
            return self.unix
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(
            network.version == address.version and address in network
            for network in self.networks
        )


def peers(text: str) -> Peers:
    """Return the peers in *text*, separated by commas.

    Raises `InvalidValue`. Nobody is trusted by a list that is empty, and
    a list that trusts everybody is refused.
    """
    networks: list[_Network] = []
    unix = False
    for part in filter(None, map(str.strip, text.split(","))):
        if part == UNIX:
            unix = True
        else:
            networks.append(_network(part))
    return Peers(networks, unix=unix)


def _network(text: str) -> _Network:
    if text == "*":
        raise InvalidValue(
            "`*` would believe anybody who can reach the app",
            "name the address of the proxy",
        )
    if "%" in text:
        raise InvalidValue(
            f"`{text}` names an interface, which a peer's address may not show",
            "leave out what follows `%`",
        )
    try:
        network = ip_network(text)
    except ValueError:
        raise _not_one(text) from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        network = IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    if network.prefixlen < _WIDEST[network.version] and not network.is_private:
        raise InvalidValue(
            f"`{text}` would believe half of the internet",
            "name the address of the proxy",
        )
    return network


def _not_one(text: str) -> InvalidValue:
    try:
        whole = ip_network(text, strict=False)
    except ValueError:
        return InvalidValue(
            f"`{text[:80]}` is not an address",
            f"write for example `172.18.0.5`, `172.18.0.0/16` or `{UNIX}`",
        )
    return InvalidValue(
        f"`{text}` is an address within a network", f"write `{whole}` for all of it"
    )
