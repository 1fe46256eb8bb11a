"""Who vouches for people besides us, and who they are when they arrive."""

from typing import NamedTuple

from authz.identity.claims import METHOD as JWT
from authz.identity.people import Arrivals
from authz.identity.trusted_headers import METHOD as HEADERS
from authz.settings.proxy import ProxySettings


class Provider(NamedTuple):
    """Who vouches for people besides us."""

    #: What stands before their ids, `authentik`; empty if that is not known.
    source: str
    #: How they sign in: the word in `auth:<method>`.
    method: str


def providers(proxy: ProxySettings) -> tuple[Provider, ...]:
    """Return who vouches for people, as the settings of *proxy* say."""
    signed = [Provider(issuer.name, JWT) for issuer in proxy.issuers]
    return (*signed, *([Provider(proxy.name, HEADERS)] if proxy.headers else []))


def arrivals(proxy: ProxySettings) -> Arrivals:
    """Return who people are when they sign in, as the settings of *proxy* say."""
    return Arrivals(methods=dict(providers(proxy)), scoped_groups=proxy.scoped_groups)
