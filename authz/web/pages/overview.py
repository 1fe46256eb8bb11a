"""The first page: what is in force, and what needs attention."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from werkzeug.wrappers import Response

from authz.audit import EventTag
from authz.audit.log import Wanted
from authz.decision import ANONYMOUS, SAFE_METHODS
from authz.errors import PolicyError, StoreError
from authz.policy.analysis.coverage import Route
from authz.policy.records import Revision
from authz.policy.route_tables import is_ours
from authz.stores.replicas import Replica, this_process
from authz.stores.sync import served
from authz.web.pages.activity import activity
from authz.web.pages.base import AdminPages
from authz.web.pages.roles import RoleBook
from authz.web.pages.routes import RouteTable

_RECENT: Final = 5
#: Seconds after which a process that said nothing is odd; it does every ten.
_SILENT: Final = 40.0
#: Refusals that are looked through to say how many there were.
_COUNTED: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """The refusals of the last day."""

    count: int
    #: How often somebody who has not signed in was asked to.
    strangers: int
    #: Whether there were more than are counted.
    more: bool
    #: Who was refused what most often: name, method, path, times.
    top: Sequence[tuple[str, str, str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process that serves the app, as this one sees it."""

    replica: Replica
    #: Whether it serves the policy that this process serves.
    in_step: bool
    #: Whether it has not been heard of for longer than is usual.
    silent: bool
    is_this: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One part of the stores, as this process holds it."""

    name: str
    #: Seconds since it was read.
    age: float
    #: Why it could not be read; empty if it could.
    problem: str


class Overview:
    """The overview of one app."""

    def __init__(self, pages: AdminPages, table: RouteTable, book: RoleBook) -> None:
        """Add the page to *pages*."""
        self._pages = pages
        self._book = book
        self._table = table
        pages.add("/admin/", "overview", self.show)
        pages.add("/admin/refusals", "refusals", self.refusals)

    def show(self) -> Response:
        """Show it. Whoever administers some scopes only begins with their people."""
        pages = self._pages
        if not pages.reach.is_all:
            return pages.go("authz_admin.people")
        routes = [
            route for route in self._table.covered() if not is_ours(route.endpoint)
        ]
        people = pages.runtime.people.page(limit=1).total
        roles, recent = self._stored()
        return pages.page(
            "authz/admin/overview.html",
            routes=routes,
            uncovered=[route for route in routes if not route.is_covered],
            open=[route for route in routes if route.is_open],
            risky=[route for route in routes if _is_risky(route)],
            roles=roles,
            recent=recent,
            processes=self._processes(),
            held=self._held(),
            log=pages.runtime.audit_log,
            people=people,
            alone=people == 1,
        )

    def refusals(self) -> Response:
        """Show who was refused what in the last day; asked for by the overview."""
        runtime = self._pages.runtime
        log = runtime.audit_log
        return self._pages.page(
            "authz/admin/refusals.html",
            refusals=self._refusals(),
            activity=None if log is None else activity(log, runtime.clock()),
        )

    def _stored(self) -> tuple[int | None, Sequence[Revision]]:
        """Return how many roles there are, and the newest changes.

        The overview is there even when the store is not.
        """
        try:
            return len(self._book.every()), self._pages.revisions(_RECENT)
        except (StoreError, PolicyError):
            return None, ()

    def _processes(self) -> Sequence[Process]:
        """Return the processes that share the database; none without one."""
        runtime = self._pages.runtime
        try:
            replicas = runtime.replicas
        except StoreError:
            return ()
        now, mine = runtime.clock(), served(runtime.live)
        return [
            Process(
                replica=replica,
                in_step=mine.is_as(replica),
                silent=(now - replica.seen).total_seconds() > _SILENT,
                is_this=replica.name == this_process(),
            )
            for replica in replicas
        ]

    def _held(self) -> Sequence[Held]:
        """Return how old what this process holds is; nothing where it is the file."""
        following = self._pages.runtime.following
        problems = following.problems
        if self._pages.runtime.stores.database is None and not problems:
            return ()
        return [
            Held(name=name, age=age, problem=problems.get(name, ""))
            for name, age in following.ages.items()
        ]

    def _refusals(self) -> Refusals | None:
        runtime = self._pages.runtime
        if runtime.audit_log is None:
            return None
        wanted = Wanted(
            event=EventTag.DECISION_DENY, since=runtime.clock() - timedelta(days=1)
        )
        found = runtime.audit_log.find(wanted, limit=_COUNTED)
        # Strangers who were sent to sign in were refused nothing that they may have.
        records = [r for r in found.records if r.get("subject") != ANONYMOUS.name]
        often = Counter(
            (
                str(record.get("subject", "")),
                str(record.get("method", "")),
                str(record.get("path", "")),
            )
            for record in records
        )
        return Refusals(
            count=len(records),
            strangers=len(found.records) - len(records),
            more=found.next_before is not None,
            top=[(*what, times) for what, times in often.most_common(_RECENT)],
        )


def _is_risky(route: Route) -> bool:
    """Whether people who have not signed in may change something by a rule."""
    return (
        route.is_open and not route.declared_public and route.method not in SAFE_METHODS
    )
