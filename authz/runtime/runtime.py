"""What the requests of one guarded app are answered with; knows no web framework."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Unpack

from authz.audit import AuditEvent, AuditSink, Clock, EventTag
from authz.audit.events import EventAddresses, EventFields
from authz.audit.log import AuditLog
from authz.background import Poller
from authz.decision import (
    AccessRequest,
    Asked,
    Decision,
    PolicyInForce,
)
from authz.identity.accounts import Accounts
from authz.identity.break_glass import BreakGlass
from authz.identity.client_address import ClientAddress, ClientAddresses
from authz.identity.cookies import CookieNames
from authz.identity.named_groups import NamedGroups
from authz.identity.people import Arrivals, PeopleStore
from authz.identity.sessions import LocalSessions
from authz.identity.source import IdentitySource, RequestFacts
from authz.identity.view_as import ViewAs
from authz.identity_factory import Sources
from authz.policy.analysis.shadow import Shadow
from authz.policy.live import LivePolicy
from authz.policy.recent_builds import RecentBuilds
from authz.policy.records import PolicyRecords, Snapshot
from authz.settings import Settings
from authz.settings.providers import Provider, arrivals, providers
from authz.stores.factory import Stores
from authz.stores.followers import StoreFollowers
from authz.stores.replicas import Replica
from authz.stores.restores import Restored, RestoreWatch
from authz.stores.sync import StoreSync

if TYPE_CHECKING:
    from authz.identity.throttle import Throttle
    from authz.stores.sql.table_watch import TableWatch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Runtime:
    """Everything one app's requests are answered with."""

    settings: Settings
    live: LivePolicy[bytes | Snapshot]
    stores: Stores
    #: Keeps policy and people as the stores have them.
    store_sync: StoreSync
    #: The policy as whoever administers it sees it.
    records: PolicyRecords
    #: The people likewise.
    people: PeopleStore
    #: In the order in which they are asked.
    sources: tuple[IdentitySource, ...]
    #: The same by what they are, beside the sessions.
    identity: Sources
    accounts: Accounts
    sessions: LocalSessions
    #: What its cookies are called.
    cookies: CookieNames
    throttle: "Throttle"
    #: Says where requests come from.
    client_addresses: ClientAddresses
    #: The groups that the policy in force names.
    named_groups: NamedGroups
    audit: AuditSink
    #: The audit log to look through; None if only a logger gets the events.
    audit_log: AuditLog | None
    clock: Clock
    #: A candidate policy that is asked beside the one in force; None without one.
    shadow: Shadow | None = None
    #: The way in that the shell opens; None where there is no store for its codes.
    break_glass: BreakGlass | None = None
    #: Looking as somebody else; None where there is no store to keep it in.
    view_as: ViewAs | None = None
    #: Notices that the database was restored from a backup; None without one.
    restores: RestoreWatch | None = None
    #: Notices that another program writes into casbin_rule; None without that table.
    table_watch: "TableWatch | None" = None
    #: The policies of the states that were built or looked at last.
    recent_builds: RecentBuilds = field(default_factory=RecentBuilds, repr=False)

    @property
    def following(self) -> StoreFollowers:
        """What knows how fresh the policy and the people are."""
        return self.store_sync.following

    @property
    def poller(self) -> Poller:
        """What looks at the stores in the background."""
        return self.store_sync.poller

    @property
    def replicas(self) -> tuple[Replica, ...]:
        """The processes that share the database; raises `StoreError`."""
        database = self.stores.database
        return () if database is None else database.replicas.all()

    @property
    def restored(self) -> Restored | None:
        """What a restored backup may have brought back, until somebody looked at it."""
        return None if self.restores is None else self.restores.open

    @property
    def write_problem(self) -> str | None:
        """Why nothing can be written to the database, or None."""
        database = self.stores.database
        return None if database is None else database.database.write_problem

    @property
    def report_only(self) -> bool:
        """Whether what the policy denies is let through and only reported."""
        return self.settings.enforcement.report_only

    @property
    def open_to_everyone(self) -> bool:
        """Whether there is no sign-in and everybody is an administrator."""
        everyone = self.identity.everyone
        return everyone is not None and everyone.holds()

    @property
    def providers(self) -> tuple[Provider, ...]:
        """Who vouches for people besides us."""
        return providers(self.settings.proxy)

    @property
    def arrivals(self) -> Arrivals:
        """Who people are when they sign in."""
        return arrivals(self.settings.proxy)

    @property
    def policy(self) -> PolicyInForce:
        """The policy in force at this moment."""
        return self.live.current

    def decide(self, request: AccessRequest) -> Decision:
        """Return the answer of the policy in force to *request*."""
        return self.live.current.decide(request)

    def close(self) -> None:
        """Stop what runs in the background, and close what is open."""
        self.store_sync.close()
        for poller in self.identity.pollers:
            poller.close()
        if self.shadow is not None:
            self.shadow.poller.close()
        if self.stores.database is not None:
            self.stores.database.database.close()

    def refresh(self) -> None:
        """Put in force what has just been changed, without waiting for the poller."""
        self.following.refresh()

    def client(self, facts: RequestFacts) -> ClientAddress:
        """Return where a request comes from, behind the listed proxies."""
        return self.client_addresses.of(facts.peer, facts.environ)

    def record(
        self,
        tag: EventTag,
        *,
        facts: RequestFacts | None = None,
        **fields: Unpack[EventFields],
    ) -> None:
        """Record an event that happens now, in the request that *facts* are of."""
        told: EventFields = {**self._addresses(facts), **fields}
        self.audit.record(AuditEvent(tag=tag, at=self.clock(), **told))

    def record_decision(  # noqa: PLR0913 - what a decision is told with
        self,
        tag: EventTag,
        asked: Asked,
        decision: Decision,
        *,
        facts: RequestFacts | None = None,
        request_id: str = "",
        detail: Mapping[str, str] | None = None,
    ) -> None:
        """Record that *decision* was made about *asked* now."""
        event = AuditEvent.of_decision(
            tag,
            self.clock(),
            asked,
            decision,
            request_id=request_id,
            detail=detail,
            **self._addresses(facts),
        )
        self.audit.record(event)

    def _addresses(self, facts: RequestFacts | None) -> EventAddresses:
        if facts is None:
            return {}
        return {"peer": facts.peer, "client": str(self.client(facts))}
