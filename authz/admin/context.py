"""What every use case needs: the stores, the policy in force, and who is acting."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

from authz.admin.latest_cache import LatestCache
from authz.audit import AuditEvent, EventTag
from authz.audit.events import EventContent
from authz.decision import Grant, PolicyInForce, Subject, has_scope
from authz.errors import PolicyError, StoreError, StoreUnreachable
from authz.identity.people import PeopleStore
from authz.policy.records import Entry, PolicyRecords, Snapshot
from authz.policy.route_tables import RoutePattern
from authz.runtime import Runtime, columns_of, policy_of
from authz.scope import AskedScope
from authz.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who administers, as the audit record will tell."""

    subject: Subject
    #: The address at the other end of the socket; empty for a command.
    peer: str = ""
    #: The address of the client, behind listed proxies; likewise.
    client: str = ""
    request_id: str = ""
    #: Whether they work in a shell of the host, where the files and the database are
    #: theirs anyway.
    on_the_host: bool = False

    @property
    def name(self) -> str:
        """The name that stands as the author of what they do."""
        return self.subject.name


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminContext:
    """The place where one app is administered."""

    runtime: Runtime
    #: Returns the routes of the app; none where there is no app.
    routes: Callable[[], Sequence[RoutePattern]] = tuple
    #: Returns what apps that are mounted beside it may serve.
    mounts: Callable[[], Sequence[RoutePattern]] = tuple
    #: Returns the route that serves a method and a path, or None.
    find_route: Callable[[str, str], RoutePattern | None] = lambda _method, _path: None
    #: Returns the scopes that the app names, `library:kids`, and what they are called.
    named_scopes: Callable[[], Mapping[str, str]] = dict
    #: Grants by member, for the newest state of the store; see `roles.grants_now`.
    grants: LatestCache[dict[str, list[Grant]]] = field(
        default_factory=LatestCache, repr=False
    )
    #: The rules of the newest state of the store; see `rules.rules_of`.
    rules: LatestCache[tuple[Any, ...]] = field(default_factory=LatestCache, repr=False)
    #: The scopes that lines of the newest state name; see `scopes.known_scopes`.
    scopes: LatestCache[frozenset[str]] = field(default_factory=LatestCache, repr=False)

    @property
    def settings(self) -> Settings:
        """What the operator decided."""
        return self.runtime.settings

    @property
    def records(self) -> PolicyRecords:
        """The store of rules and grants."""
        return self.runtime.records

    @property
    def people(self) -> PeopleStore:
        """The store of people."""
        return self.runtime.people

    @property
    def policy(self) -> PolicyInForce:
        """The policy in force at this moment."""
        return self.runtime.policy

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a rule of the policy, but for its effect."""
        return columns_of(self.settings)

    @property
    def scoped(self) -> bool:
        """Whether each line of the policy names the scope in which it holds."""
        return has_scope(self.columns)

    def readable_snapshot(self) -> Snapshot | None:
        """Return the state of the store; None if what it holds is no policy.

        Then the last good policy is in force, and counts instead.

        Raises:
            StoreUnreachable: if nobody knows what it holds.
        """
        try:
            return self.records.snapshot()
        except StoreUnreachable:
            raise
        except (PolicyError, StoreError):
            return None

    @property
    def stores_tokens(self) -> bool:
        """Whether there is a store for API tokens that lasts."""
        return self.runtime.stores.tokens is not None

    def served(self) -> tuple[RoutePattern, ...]:
        """Return all that the policy decides about: the routes, and the mounts."""
        return (*self.routes(), *self.mounts())

    def serves_all_of(self, scopes: str) -> bool:
        """Return whether all that the pattern *scopes* names is this app's to serve.

        Behind `authz serve` that is its own host alone; routes of others are not known.
        """
        own = self.settings.own_scope
        return own is None or scopes == own.text

    def find_route_at(
        self, method: str, path: str, about: AskedScope
    ) -> RoutePattern | None:
        """Return the route for a request *about* something; None at another app."""
        return self.find_route(method, path) if self.settings.is_here(about) else None

    def build(self, entries: Iterable[Entry]) -> PolicyInForce:
        """Return the policy that *entries* would make. Raises `PolicyError`."""
        return policy_of(
            self.settings, entries, recent=self.runtime.recent_builds
        ).policy

    def event(
        self, tag: EventTag, actor: Actor, **fields: Unpack[EventContent]
    ) -> AuditEvent:
        """Return the event that *actor* causes now."""
        return AuditEvent(
            tag=tag,
            at=self.runtime.clock(),
            subject=actor.name,
            peer=actor.peer,
            client=actor.client,
            request_id=actor.request_id,
            **fields,
        )

    def record(
        self, tag: EventTag, actor: Actor, **fields: Unpack[EventContent]
    ) -> None:
        """Write down what *actor* does. Raises `AuditFailure` for a change."""
        self.runtime.audit.record(self.event(tag, actor, **fields))
