"""Which addresses a name may lead to before anything is sent there."""

import ipaddress


def may_speak_to(peer: str, *, private_only: bool) -> bool:
    """Return whether something may be sent to the address *peer*.

    Never to link-local addresses, where clouds keep their credentials, nor to
    multicast and the like. With *private_only* (what is sent can be read on the way)
    only to this machine and to private networks: a name that was a container's
    yesterday may lead out into the world today.
    """
    try:
        # A zone (`fe80::1%eth0`) only says through which card.
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (address.is_reserved and not address.is_loopback)
    ):
        return False
    return address.is_private or address in _SHARED or not private_only


#: Addresses behind a carrier's NAT (RFC 6598), which overlay networks use too.
_SHARED = ipaddress.ip_network("100.64.0.0/10")
