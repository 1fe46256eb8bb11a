"""What keeps a process up to date with its stores, and tells them that it is there."""

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from authz.audit import EventTag
from authz.audit.events import RecordEvent
from authz.background import Poller
from authz.errors import StoreError
from authz.identity.accounts import Accounts, FollowedAccounts
from authz.identity.cookies import CookieNames
from authz.identity.sessions import LocalSessions, MemorySessions, SessionStore
from authz.identity.tokens import ApiTokens
from authz.policy.live import LivePolicy
from authz.policy.records import Snapshot
from authz.settings import Settings
from authz.spot_checks import Edited, listed
from authz.stores.factory import Stores
from authz.stores.file.policy import Mark as FileMark
from authz.stores.followers import POLICY, StoreFollowers
from authz.stores.marks import Mark
from authz.stores.notifications import Listener, RedisNotifications
from authz.stores.replicas import Served
from authz.stores.restores import Restored, RestoreWatch

if TYPE_CHECKING:
    from authz.stores.sql.table_watch import TableWatch

_HOUR: Final = 3600
_MINUTE: Final = 60
#: So much of a file's digest tells its states apart.
_DIGITS: Final = 12
_log: Final = logging.getLogger("authz")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSync:
    """What runs in the background for the stores of one app."""

    following: StoreFollowers
    #: Looks at the stores again and again.
    poller: Poller
    #: Does after each look what is due.
    chores: Poller
    #: What makes it look sooner.
    listeners: tuple[Listener, ...]
    #: Tells the others that this process serves no more.
    leave: Callable[[], object]

    def start(self) -> None:
        """Begin."""
        self.poller.start()
        self.chores.start()
        for listener in self.listeners:
            listener.start()

    def close(self) -> None:
        """Stop."""
        for listener in self.listeners:
            listener.close()
        self.poller.close()
        self.chores.close()
        # What is still to be written down is written now.
        self.following.do_chores()
        if self.following.is_failing:
            return  # nobody waits for a database that is gone
        with suppress(StoreError):  # the others find out by its silence
            self.leave()


def store_sync(  # noqa: PLR0913 - what it is made of
    settings: Settings,
    stores: Stores,
    live: LivePolicy[bytes | Snapshot],
    accounts: Accounts,
    *,
    tell: Callable[[Sequence[str], str], object],
    edited: Edited,
) -> StoreSync:
    """Return what keeps *live* and *accounts* as *stores* have them. Nothing runs yet.

    The accounts are read for the first time. *tell* is called with parts that cannot
    be read, other than the policy, and why; *edited* with people whom another program
    changed. Raises `StoreError`.
    """
    store = settings.store
    database = stores.database

    def failed(parts: Sequence[str], error: Exception) -> None:
        if POLICY in parts:
            live.fail(error)
        others = [part for part in parts if part and part != POLICY]
        if others:
            tell(others, str(error))

    following = StoreFollowers(
        state=stores.state,
        failed=failed,
        interval=settings.poll_seconds,
        max_stale=store.max_stale if database else math.inf,
    )
    # People first: whoever came back as somebody else is not met by an old policy.
    following.follow(
        FollowedAccounts(accounts, stores.people_source, edited=edited), "people"
    )
    following.follow(live, POLICY, in_database=store.holds_rules)
    chores = Poller(
        partial(_do_chores, following), interval=following.pause, name="authz-chores"
    )
    poller = Poller(
        partial(_look, following, chores), interval=following.pause, at_once=True
    )
    listeners = []
    if database is not None:
        # That a file was written to need not mean that anything is another way.
        hinted = None if database.database.is_sqlite else following.note_hint
        listeners.append(Listener(database.database.hints, poller.wake, hinted=hinted))

        def report() -> None:
            # Whoever does not watch does not serve either.
            if poller.is_running:
                database.replicas.report(served(live))

        following.do_after(report)
        following.do_after(database.audit.write_waiting)
        following.do_after(database.limits.tidy)
    if database is not None and store.redis is not None:
        redis = RedisNotifications(store.redis)
        database.database.changed.append(redis.tell)
        listeners.append(Listener(redis.open, poller.wake, hinted=following.note_hint))
    return StoreSync(
        following=following,
        poller=poller,
        chores=chores,
        listeners=tuple(listeners),
        leave=(lambda: None) if database is None else database.replicas.leave,
    )


def _look(following: StoreFollowers, chores: Poller) -> None:
    following.refresh()
    chores.wake()


def _do_chores(following: StoreFollowers) -> None:
    if not following.is_unreachable:
        following.do_chores()


def session_source(  # noqa: PLR0913 - what sessions are made of
    settings: Settings,
    stores: Stores,
    following: StoreFollowers,
    accounts: Accounts,
    live: LivePolicy[bytes | Snapshot],
    *,
    cookies: CookieNames,
    edited: Edited,
) -> LocalSessions:
    """Return the identity source that reads the session cookie.

    Sessions are in the database, or in this process without one. *edited* is told
    what another program does to them.
    """
    database = stores.database
    lifetime = settings.session_hours * _HOUR
    idle = settings.session_idle_minutes * _MINUTE
    store: SessionStore
    if database is None:
        store = MemorySessions(lifetime=lifetime, idle=idle)
    else:
        store = database.open_sessions(
            accounts, following, lifetime=lifetime, idle=idle, edited=edited
        )
    return LocalSessions(
        store=store,
        accounts=accounts,
        live=live,
        cookies=cookies,
        catch_up=None if database is None else following.catch_up,
    )


def restore_watch(
    stores: Stores,
    following: StoreFollowers,
    accounts: Accounts,
    tokens: ApiTokens | None,
    *,
    record: RecordEvent,
) -> RestoreWatch | None:
    """Return what notices that the database was restored; None without one.

    To be called when everything else follows. *record* records an event.
    Raises `StoreError`.
    """
    database = stores.database
    if database is None:
        return None

    def keep(restored: Restored, since: datetime) -> None:
        database.keep_restored(
            restored,
            since=since,
            before_commit=lambda: record(
                EventTag.STORE_RESTORED, detail=restored.as_detail()
            ),
        )

    def forget() -> None:
        for tell in database.replicas.lost:
            tell()

    watch = RestoreWatch(database.head, accounts, tokens, keep=keep, forget=forget)
    following.follow(watch)
    following.state_read = lambda: watch.head.marks
    following.do_after(watch.write_down)
    return watch


def edits_told(record: RecordEvent) -> Edited:
    """Return what tells by *record*, and in the log, what another program changed."""

    def tell(table: str, what: Sequence[str]) -> None:
        _log.error(
            "another program changed the table %s, and what it says is in force "
            "(%s): if nobody of yours did that, a backup was copied over the "
            "database, and a part of it took: restore it as the guide says; or find "
            "out who can write there",
            table,
            listed(what),
        )
        record(EventTag.STORE_EDITED, after=tuple(what), detail={"table": table})

    return tell


def table_watch(
    stores: Stores,
    following: StoreFollowers,
    live: LivePolicy[bytes | Snapshot],
    *,
    record: RecordEvent,
) -> "TableWatch | None":
    """Return what notices that another program changes rules in the database.

    None where they are not in one. *live* is what is in force; *record* records an
    event.
    """
    database = stores.database
    if database is None or stores.policy is not database.records:
        return None

    def tell(added: Sequence[str], removed: Sequence[str]) -> None:
        record(
            EventTag.STORE_EDITED,
            before=tuple(removed),
            after=tuple(added),
            detail={"table": "casbin_rule"},
        )

    from authz.stores.sql.table_watch import TableWatch

    watch = TableWatch(database.records, tell=tell, doubt=live.doubt)
    following.do_after(watch.look)
    return watch


def served(live: LivePolicy[bytes | Snapshot]) -> Served:
    """Return what this process serves, as the store calls it.

    Not what settings make of it: they may differ from process to process.
    """
    mark = live.mark
    digest = mark.digest[:_DIGITS] if isinstance(mark, FileMark) else ""
    return Served(
        number=mark.number if isinstance(mark, Mark) else 0,
        revision=digest or live.current.revision,
        problem=live.problem or "",
    )
