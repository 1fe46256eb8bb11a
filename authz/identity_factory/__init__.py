"""From settings to identity sources: who is asked, in which order, about what.

The order is by how deliberately a credential was sent: an API token, which only a
program sends; then what a proxy adds; then the session cookie. The first that is
present decides, and if it does not hold the request is refused.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Unpack

from authz.audit import EventTag
from authz.audit.events import EventFields
from authz.background import Poller
from authz.decision import Subject
from authz.errors import SettingsError
from authz.identity.basic_auth import BasicTokens
from authz.identity.client_address import ClientAddresses
from authz.identity.everyone import Everyone
from authz.identity.people import Person
from authz.identity.proxied import ProxiedIdentity
from authz.identity.recent_people import RecentPeople
from authz.identity.source import IdentitySource, RequestFacts
from authz.identity.tokens import (
    FIXED_NAME,
    ApiToken,
    ApiTokens,
    MemoryTokens,
    TokenStore,
    digest_of,
)
from authz.identity.trusted_headers import TrustedHeaders
from authz.identity.wsgi_server import is_told_to_merge, merging_server
from authz.settings import OPEN_TO_EVERYONE, Settings
from authz.settings.proxy import HeadersSetting, ProxySettings
from authz.stores.followers import StoreFollowers

if TYPE_CHECKING:
    from authz.identity.jwks import KeySource
    from authz.identity.proxy_jwt import SignedTokens

_log: Final = logging.getLogger("authz")
#: Headers that are not believed are reported this often for each sender, in seconds.
_REPORT_EVERY: Final = 60.0
_MAX_REPORTED: Final = 1024


class RecordEvent(Protocol):
    """What records an event that happens now, in the request that *facts* are of."""

    def __call__(
        self, tag: EventTag, *, facts: RequestFacts, **fields: Unpack[EventFields]
    ) -> None:
        """Record the event of this kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The identity sources of one app, and what keeps them fresh."""

    #: Where requests come from, behind the proxies that are listed.
    addresses: ClientAddresses
    #: The API tokens; None if there are none and no store for any.
    tokens: ApiTokens | None
    #: The same tokens by HTTP Basic; None unless a setting says so.
    basic: BasicTokens | None
    #: What a proxy vouches for; None if there is no proxy.
    proxied: ProxiedIdentity | None
    #: Everybody, where there is no sign-in.
    everyone: Everyone | None
    #: Whom a proxy vouched for, to be noted.
    seen: RecentPeople
    #: Where the keys of each issuer come from, by the issuer's name.
    keys: "dict[str, KeySource]"

    def in_order(self, others: Iterable[IdentitySource]) -> tuple[IdentitySource, ...]:
        """Return the sources in the order in which they are asked.

        *others* are the app's own, with the sessions last. One of them that a browser
        does not send by itself is asked before the API tokens: a program that sends
        its credential means it.
        """
        others = tuple(others)
        named = (
            *(source for source in others if not source.ambient),
            self.tokens,
            self.basic,
            self.proxied,
            *(source for source in others if source.ambient),
            self.everyone,
        )
        return tuple(source for source in named if source is not None)

    @property
    def lacks_keys(self) -> bool:
        """Whether the keys of an issuer could never be fetched since the start."""
        if not self.keys:
            return False
        from authz.identity.jwks import Jwks

        return any(
            isinstance(source, Jwks) and source.age is None
            for source in self.keys.values()
        )

    @property
    def vary(self) -> str:
        """The request headers that say who asks, for `Vary`."""
        names = ["Cookie"]
        if self.tokens is not None:
            names.append("Authorization")
        if self.proxied is not None:
            names += [source.header for source in self.proxied.tokens]
            if self.proxied.headers is not None:
                names += self.proxied.headers.read
        return ", ".join(dict.fromkeys(names))

    @property
    def pollers(self) -> tuple[Poller, ...]:
        """What fetches in the background."""
        if not self.keys:
            return ()
        from authz.identity.jwks import Jwks
        from authz.identity.pem_by_kid import PemByKid

        fetching = [k for k in self.keys.values() if isinstance(k, Jwks | PemByKid)]
        return tuple(source.poller for source in fetching)

    def keep_up(self, following: StoreFollowers) -> None:
        """Let *following* keep the tokens up to date, and note who was here."""
        if self.tokens is not None:
            following.follow(self.tokens, "tokens")
            if not isinstance(self.tokens.store, MemoryTokens):
                self.tokens.catch_up = following.catch_up
            following.do_after(self.tokens.note_uses)
        if self.basic is not None:
            following.do_after(self.basic.tidy)
        if self.proxied is not None:
            following.do_after(self.seen.tell)

    def fetch(self) -> None:
        """Fetch keys once."""
        if not self.keys:
            return
        from authz.identity.jwks import Jwks

        for source in self.keys.values():
            if isinstance(source, Jwks):
                source.refresh()

    def start(self) -> None:
        """Fetch keys once, and go on in the background."""
        self.fetch()
        for poller in self.pollers:
            poller.start()


def build_sources(  # noqa: PLR0913 - what sources are made of
    settings: Settings,
    *,
    record: RecordEvent,
    token_store: TokenStore | None = None,
    tell_seen: Callable[[Sequence[Person]], object] = lambda _: None,
    open_while: Callable[[], bool] = lambda: True,
    denies_groups: Callable[[], bool] = lambda: False,
) -> Sources:
    """Return the identity sources that *settings* describe. Nothing is fetched yet.

    Args:
        settings: What the operator decided.
        record: Called with the tag and the fields of an event.
        token_store: Where API tokens are kept, if anywhere.
        tell_seen: Called in the background with people a proxy vouched for.
        open_while: Whether an app that its settings open to everybody still is.
        denies_groups: Whether the policy in force denies something to groups.

    Raises:
        SettingsError: if plain headers would be believed that anybody can forge.
    """
    proxy = settings.proxy
    seen = RecentPeople(tell_seen)
    keys: dict[str, KeySource] = {}
    signed: list[SignedTokens] = []
    if proxy.issuers:
        # Signatures and keys are loaded where they are verified.
        from authz.identity_factory.issuers import signed_tokens

        keys, signed = signed_tokens(proxy.issuers)
    headers = _headers(proxy, proxy.headers, record) if proxy.headers else None
    tokens = _tokens(settings, token_store, [s.header.lower() for s in signed])
    addresses = _client_addresses(proxy)
    basic = None
    if tokens is not None and settings.access.basic:
        basic = BasicTokens(
            tokens,
            client=lambda facts: addresses.of(facts.peer, facts.environ).subscriber,
        )
    return Sources(
        addresses=addresses,
        tokens=tokens,
        basic=basic,
        proxied=ProxiedIdentity(
            signed,
            headers,
            on_seen=seen.note,
            on_dropped=DroppedGroups(record),
            scoped_groups=settings.proxy.scoped_groups,
            denies_groups=denies_groups,
        )
        if signed or headers
        else None,
        seen=seen,
        everyone=Everyone(OPEN_TO_EVERYONE, holds=open_while)
        if settings.access.open_by
        else None,
        keys=keys,
    )


def _client_addresses(proxy: ProxySettings) -> ClientAddresses:
    if proxy.underscores_stripped:
        return ClientAddresses(proxy.forwarded, merged=lambda _: False)
    if is_told_to_merge(sys.argv, os.environ):
        return ClientAddresses(proxy.forwarded, merged=lambda _: True)
    return ClientAddresses(proxy.forwarded)


def _headers(
    proxy: ProxySettings, setting: HeadersSetting, record: RecordEvent
) -> TrustedHeaders:
    if not proxy.underscores_stripped and is_told_to_merge(sys.argv, os.environ):
        raise SettingsError.at(
            "AUTHZ_TRUSTED_PROXIES",
            "gunicorn runs with `--header-map dangerous`, so anybody "
            "can send the proxy's headers spelled with `_`",
            "remove that option",
        )
    server = merging_server(sys.modules)
    if not proxy.underscores_stripped and server is not None:
        raise SettingsError.at(
            "AUTHZ_TRUSTED_PROXIES",
            f"{server} cannot tell `X_User` from `X-User`, so anybody "
            "can send the proxy's headers",
            "have the proxy remove header names with `_` and set "
            "AUTHZ_UNDERSCORES_STRIPPED=true, or use gunicorn or waitress",
        )
    return TrustedHeaders(
        proxy.name,
        setting.names,
        setting.proxies,
        secret=setting.secret,
        underscores_stripped=proxy.underscores_stripped,
        on_ignored=IgnoredHeaders(record),
    )


def _tokens(
    settings: Settings, store: TokenStore | None, headers: Iterable[str]
) -> ApiTokens | None:
    access = settings.access
    fixed = []
    if access.api_token:
        fixed.append(
            ApiToken(
                id=FIXED_NAME,
                name=FIXED_NAME,
                role=access.api_token_role,
                digest=digest_of(access.api_token),
                fixed=True,
            )
        )
    if store is None and not fixed:
        return None
    return ApiTokens(
        store or MemoryTokens(),
        fixed=fixed,
        others_read_bearer="authorization" in headers,
    )


class _Seldom:
    """Says whether it is time to report something again, once in a while for each."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._reported: dict[str, float] = {}

    def is_due(self, what: str) -> bool:
        """Return whether *what* was not reported a moment ago; now it is."""
        now = self._clock()
        if now < self._reported.get(what, 0.0):
            return False
        if len(self._reported) >= _MAX_REPORTED:
            self._reported = {}
        self._reported[what] = now + _REPORT_EVERY
        return True


class IgnoredHeaders:
    """Records that a peer sent headers it is not believed about, once in a while."""

    def __init__(
        self, record: RecordEvent, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._record = record
        self._seldom = _Seldom(clock)

    def __call__(self, facts: RequestFacts, header: str) -> None:
        """Record it, unless this peer was reported a moment ago."""
        if self._seldom.is_due(facts.peer):
            self._record(
                EventTag.IDENTITY_IGNORED,
                facts=facts,
                method=str(facts.environ.get("REQUEST_METHOD", "")),
                path=str(facts.environ.get("PATH_INFO", "")),
                reason="untrusted-peer",
                detail={"header": header},
            )


class DroppedGroups:
    """Records that somebody has groups that no policy can name, once in a while."""

    def __init__(
        self, record: RecordEvent, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._record = record
        self._seldom = _Seldom(clock)

    def __call__(self, subject: Subject, facts: RequestFacts) -> None:
        """Record it, unless the same was reported of them a moment ago."""
        told = "; ".join(f"{g.text}: {g.why}" for g in subject.groups.dropped)
        if self._seldom.is_due(f"{subject.name} {told}"):
            self._record(
                EventTag.GROUPS_DROPPED,
                facts=facts,
                subject=subject.name,
                detail={"place": subject.groups.place, "groups": told},
            )
