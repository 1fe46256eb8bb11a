"""Sessions in a database: known to all processes, looked up once by each.

A request reads them from memory. Only for an id that this process has not seen yet it
asks the database, once; that the id is unknown is remembered as well. Sessions that
were ended elsewhere are learned of in the background, with everything else that
changes; see `docs/decisions`.
"""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import delete, insert, select, update

from authz.decision import PolicyInForce
from authz.errors import StoreError
from authz.identity.accounts import Account, Accounts
from authz.identity.sessions import (
    MAX_SESSIONS,
    Clock,
    Session,
    new_session,
    session_id,
)
from authz.spot_checks import Edited, SpotChecks, stay, untold
from authz.stores.followers import StoreFollowers
from authz.stores.marks import Mark
from authz.stores.sql.database import Database
from authz.stores.sql.head import count_up, head
from authz.stores.sql.json_columns import list_in
from authz.stores.sql.tables import authz_session

#: Sessions that one process remembers, and ids that it knows to be none.
_REMEMBERED: Final = 50_000
_UNKNOWN: Final = 50_000
#: How many requests may ask the database at once; the others wait so many seconds.
_AT_ONCE: Final = 2
_PATIENCE: Final = 0.5
#: Seconds between two notes of a session's last use.
_NOTED: Final = 60.0
#: Seconds between two rounds of tidying up.
_TIDIED: Final = 600.0
#: Seconds in which a session that has just begun may be missing in what is read.
_NEW: Final = 60.0


class SqlSessions:
    """The sessions of one app in one database."""

    shared = True

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        database: Database,
        accounts: Accounts,
        following: StoreFollowers,
        *,
        lifetime: float,
        idle: float,
        clock: Clock = time.time,
        edited: Edited = untold,
    ) -> None:
        """Keep sessions *lifetime* seconds, *idle* seconds without a request.

        *following* tells of sessions that other processes ended; *edited* is told how
        many another program ended, or changed. *clock* tells the time of day: processes
        share nothing else.
        """
        self._database = database
        self._accounts = accounts
        self._following = following
        self._lifetime = lifetime
        self._idle = idle
        self.clock = clock
        self._note_after = min(_NOTED, idle / 4)
        self._known: OrderedDict[str, Session] = OrderedDict()
        self._unknown: OrderedDict[str, None] = OrderedDict()
        self._noted: dict[str, float] = {}
        self._used: dict[str, float] = {}
        self._dropped: dict[str, Session] = {}
        self._tidied = clock()
        self._seats = threading.BoundedSemaphore(_AT_ONCE)
        self._mark = head(database).sessions
        self._edited = edited
        self._checks = SpotChecks()

    def find(self, token: str) -> Session | None:
        """Return the session of *token* if it is still good; see `SessionStore`."""
        key = session_id(token)
        session = self._known.get(key)
        if session is None:
            if key in self._unknown:
                return None
            session = self._look_up(key)
        now = self.clock()
        if session is not None and now - session.used > self._idle:
            # Another process may have seen it since.
            session = self._look_up(key)
        if session is None:
            return None
        if now - session.used > self._idle or now - session.created > self._lifetime:
            # For good: a clock that is put back gives no session back.
            self.drop(session)
            return None
        session.used = now
        if now - self._noted.get(key, 0.0) > self._note_after:
            self._noted[key] = now
            self._used[key] = now
        return session

    def begin(self, account: Account, policy: PolicyInForce) -> Session:
        """Begin a session for *account*; the oldest ends if there are too many."""
        session = new_session(account, policy, self.clock())
        columns = authz_session.c
        lasting = (columns.person == account.name) & (columns.ended == 0)
        newest_first = (
            select(columns.id).where(lasting).order_by(columns.created.desc())
        )
        with self._database.write(alone=False) as connection:
            oldest = connection.scalars(newest_first.offset(MAX_SESSIONS - 1)).all()
            self._end(dict.fromkeys(oldest))
            connection.execute(insert(authz_session).values(_values(session)))
        for key in oldest:
            self._forget(key)
        self._remember(session.id, session)
        return session

    def end(self, session: Session) -> None:
        """End *session*, everywhere. Raises `StoreError`."""
        self.drop(session)  # is written later if it cannot be written now
        self._end({session.id: session})

    def drop(self, session: Session) -> None:
        """End *session* because its person or roles changed, without waiting."""
        self._dropped[session.id] = session
        self._forget(session.id)

    def of(self, account: Account) -> Sequence[Session]:
        """Return the sessions of *account* that have not ended, the newest first."""
        columns = authz_session.c
        now = self.clock()
        # The last use is written down a while later; see `find`.
        idle_since = _time(now - self._idle - 2 * self._note_after)
        query = (
            select(authz_session)
            .where(columns.person == account.name, columns.ended == 0)
            .where(columns.created >= _time(now - self._lifetime))
            .order_by(columns.created.desc(), columns.id)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        found = [
            self._known.get(row.id) or _session(row, account)
            for row in rows
            if row.id not in self._dropped
            and (row.used >= idle_since or row.id in self._known)
        ]
        return [s for s in found if _time(s.used) >= idle_since]

    def now(self) -> float:
        """Return the time by which `created` and `used` are told, in seconds."""
        return self.clock()

    def look(self) -> Callable[[], None]:
        """Read which sessions were ended elsewhere; see `Following`."""
        now = head(self._database)
        if now.sessions == self._mark:
            return partial(self._take_edits, self._edits()) if self._due() else stay
        if not now.follows(self._mark, "sessions"):
            # A backup was restored: any of them may be gone, or be there again.
            return partial(self._take, now.sessions, None)
        columns = authz_session.c
        with self._database.read() as connection:
            ended = connection.scalars(
                select(columns.id).where(columns.ended > self._mark.number)
            ).all()
        return partial(self._take, now.sessions, ended)

    def _due(self) -> bool:
        return bool(self._known) and self._checks.is_due

    def _edits(self) -> Sequence[str]:
        """Return which of the sessions this process remembers are not so any more."""
        columns = authz_session.c
        remembered = list(self._known.items())
        query = select(columns.id, columns.person, columns.epoch)
        with self._checks.one(), self._database.read() as connection:
            rows = connection.execute(query.where(columns.ended == 0))
            there = {row.id: (row.person, row.epoch) for row in rows}
        now = self.clock()
        return [
            key
            for key, session in remembered
            if there.get(key) != (session.account.name, session.epoch)
            and _NEW < now - session.created < self._lifetime
        ]

    def _take_edits(self, keys: Sequence[str]) -> None:
        """Look up again what another program changed."""
        gone = sum(self._known.pop(key, None) is not None for key in keys)
        if gone:
            self._edited("authz_session", [f"{gone} ended or changed"])

    def forget(self) -> None:
        """Look each session up again: the database may not be what it was."""
        self._take(replace(self._mark), None)

    def tidy(self) -> None:
        """Write down what requests left behind, and remove what is over."""
        dropped = dict(self._dropped)
        used, self._used = self._used, {}
        self._write_down(dropped, used)
        # Not before: until it is written, this process must not forget it.
        for key in dropped:
            self._dropped.pop(key, None)
        now = self.clock()
        if now - self._tidied > _TIDIED:
            self._tidied = now
            over = authz_session.c.created < _time(now - self._lifetime)
            with self._database.write(alone=False) as connection:
                connection.execute(delete(authz_session).where(over))

    def _write_down(
        self, dropped: Mapping[str, Session], used: Mapping[str, float]
    ) -> None:
        if not dropped and not used:
            return
        gone = []
        with self._database.write(alone=False) as connection:
            self._end(dropped)
            for key, when in list(used.items()):
                noted = connection.execute(
                    update(authz_session)
                    .where(authz_session.c.id == key, authz_session.c.ended == 0)
                    .values(used=_time(when))
                )
                if not noted.rowcount:
                    gone.append(key)
        for key in gone:
            # Ended, or not in the backup that somebody restored.
            self._forget(key)

    def _end(self, sessions: Mapping[str, Session | None]) -> None:
        if not sessions:
            return
        columns = authz_session.c
        with self._database.write(alone=False) as connection:
            number = count_up(self._database, "sessions")
            known = columns.id.in_(list(sessions))
            there = set(connection.scalars(select(columns.id).where(known)))
            connection.execute(
                update(authz_session)
                .where(known, columns.ended == 0)
                .values(ended=number)
            )
            # One that a restored backup does not have: others may remember it.
            missing = [
                {**_values(session), "ended": number}
                for key, session in sessions.items()
                if key not in there and session is not None
            ]
            if missing:
                connection.execute(insert(authz_session), missing)

    def _take(self, mark: Mark, ended: Sequence[str] | None) -> None:
        # In this order; see `_look_up`.
        self._mark = mark
        if ended is None:
            self._known.clear()
            self._unknown.clear()
            self._noted.clear()
            return
        for key in ended:
            self._forget(key)

    def _look_up(self, key: str) -> Session | None:
        """Ask the database for a session this process does not know (well enough).

        Raises:
            StoreError: if it does not answer, or too many are asking.
        """
        if self._following.is_unreachable:
            raise StoreError("the database is out of reach")
        mark = self._mark
        row = self._row(key)
        if row is None or row.ended or key in self._dropped:
            self._forget(key)
            return None
        account = self._accounts.by_name.get(row.person)
        if account is None:
            # They may have come a moment ago, by another process.
            self._following.catch_up()
            account = self._accounts.by_name.get(row.person)
        if account is None:
            self._forget(key)
            return None
        session = self._known.get(key) or _session(row, account)
        session.used = max(session.used, row.used.timestamp())
        self._remember(key, session)
        if self._mark is not mark:
            # Sessions were ended meanwhile, perhaps this one before it was remembered.
            self._known.pop(key, None)
            return self._look_up(key)
        return session

    def _row(self, key: str) -> Any:
        """Return the row *key*, or None."""
        if not self._seats.acquire(timeout=_PATIENCE):
            raise StoreError("too many sessions are being looked up")
        try:
            with self._database.read() as connection:
                query = select(authz_session).where(authz_session.c.id == key)
                return connection.execute(query).first()
        finally:
            self._seats.release()

    def _remember(self, key: str, session: Session) -> None:
        self._known[key] = session
        while len(self._known) > _REMEMBERED:
            oldest, _ = self._known.popitem(last=False)
            self._noted.pop(oldest, None)

    def _forget(self, key: str) -> None:
        self._known.pop(key, None)
        self._noted.pop(key, None)
        self._unknown[key] = None
        while len(self._unknown) > _UNKNOWN:
            self._unknown.popitem(last=False)


def _values(session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "person": session.account.name,
        "epoch": session.epoch,
        "csrf_token": session.csrf_token,
        "roles": json.dumps(sorted(session.roles)),
        "created": _time(session.created),
        "used": _time(session.used),
        "ended": 0,
    }


def _session(row: Any, account: Account) -> Session:
    return Session(
        id=row.id,
        token="",
        account=account,
        epoch=row.epoch,
        csrf_token=row.csrf_token,
        created=row.created.timestamp(),
        used=row.used.timestamp(),
        roles=frozenset(list_in(authz_session.c.roles, row, str)),
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
