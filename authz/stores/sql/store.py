"""One database as the store of one app: what is in it, and what of it is followed."""

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Final

from sqlalchemy import update

from authz.identity.accounts import Accounts
from authz.identity.people import Person
from authz.policy.normalize import Normalize, normalize_row
from authz.policy.records import Snapshot
from authz.stores.followers import StoreFollowers
from authz.stores.marks import Head, new_incarnation
from authz.stores.restores import Restored, read_restored
from authz.stores.sql.audit import SqlAudit
from authz.stores.sql.audit_log import SqlAuditLog
from authz.stores.sql.database import Database
from authz.stores.sql.head import count_up, head, stamped
from authz.stores.sql.limits import SqlLimits
from authz.stores.sql.migrate import migrate
from authz.stores.sql.people import SqlPeople
from authz.stores.sql.records import KEPT, SqlRecords
from authz.stores.sql.replicas import SqlReplicas
from authz.stores.sql.sessions import SqlSessions
from authz.stores.sql.signing_keys import SqlSigningKeys
from authz.stores.sql.table_watch import TableWatch, Tell
from authz.stores.sql.tables import authz_head, authz_session
from authz.stores.sql.tokens import SqlTokens

#: Two processes that notice a restore within this time mean the same one.
_THE_SAME: Final = timedelta(minutes=10)


class SqlStore:
    """Everything that is kept in one database."""

    def __init__(  # noqa: PLR0913 - what a database is opened with
        self,
        url: str,
        *,
        fixed: Sequence[Person] = (),
        normalize: Normalize = normalize_row,
        revisions: int = KEPT,
        audit_days: float = 365.0,
        in_turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Open the database at *url* and bring its schema up to date.

        Args:
            url: The address; it may hold a password.
            fixed: The accounts that settings name.
            normalize: Writes out what rows of the model in use may leave out.
            revisions: How many revisions of the policy are kept.
            audit_days: How long records of the audit log are kept.
            in_turn: While it is held nobody changes rules that are kept elsewhere.

        Raises:
            StoreError: if it cannot be opened, or is of a newer version.
        """
        self.database = Database(url)
        migrate(self.database)
        self.records = SqlRecords(self.database, normalize=normalize, kept=revisions)
        self.people = SqlPeople(self.database, fixed=fixed, in_turn=in_turn)
        self.tokens = SqlTokens(self.database)
        self.replicas = SqlReplicas(self.database)
        self.limits = SqlLimits(self.database)
        self.signing_keys = SqlSigningKeys(self.database)
        self.audit = SqlAudit(self.database, days=audit_days)
        self.audit_log = SqlAuditLog(self.database)
        self.policy_source = _Policy(self.database, self.records)
        self.people_source = _People(self.database, self.people)

    def open_sessions(
        self,
        accounts: Accounts,
        following: StoreFollowers,
        *,
        lifetime: float,
        idle: float,
    ) -> SqlSessions:
        """Return the sessions of *accounts*, kept up to date by *following*."""
        sessions = SqlSessions(
            self.database, accounts, following, lifetime=lifetime, idle=idle
        )
        following.follow(sessions, "sessions")
        self.replicas.lost.append(sessions.forget)
        following.do_after(sessions.tidy)
        return sessions

    def watch_table(
        self, tell: Tell, *, doubt: Callable[[Exception | None], object]
    ) -> TableWatch:
        """Return what notices that another program changes rules; see `TableWatch`."""
        return TableWatch(self.records, tell=tell, doubt=doubt)

    def head(self) -> Head:
        """Return the marks of what is in it. Raises `StoreError`."""
        return head(self.database)

    def keep_restored(
        self, restored: Restored, *, before_commit: Callable[[], object]
    ) -> None:
        """Keep in mind that a backup was restored, unless another process did.

        *before_commit* is called before that becomes visible. Raises `StoreError`.
        """
        with self.database.write() as connection:
            kept = read_restored(head(self.database).restored)
            if kept is not None and abs(restored.at - kept.at) < _THE_SAME:
                return
            connection.execute(update(authz_head).values(restored=restored.as_text()))
            self.database.announce()
            before_commit()

    def take_up(
        self, *, before_commit: Callable[[int, Restored | None], object]
    ) -> tuple[int, Restored | None]:
        """Begin a new incarnation: end all sessions, and have everything read anew.

        *before_commit* is called with what is returned before it becomes visible.

        Returns:
            How many sessions there were, and what was noticed of a restored backup.

        Raises:
            StoreError: if it cannot be written; nothing has changed then.
        """
        with self.database.write() as connection:
            now = head(self.database)
            number = count_up(self.database, "sessions")
            lasting = update(authz_session).where(authz_session.c.ended == 0)
            sessions = connection.execute(lasting.values(ended=number)).rowcount
            for part in ("people", "tokens"):
                count_up(self.database, part)
            incarnation = new_incarnation(now.generation + 1)
            connection.execute(
                update(authz_head).values(
                    incarnation=incarnation, restored="", **stamped("policy")
                )
            )
            restored = read_restored(now.restored)
            before_commit(sessions, restored)
        return sessions, restored

    @property
    def is_new(self) -> bool:
        """Whether there has been no policy yet. A failure is not a yes.

        Raises:
            StoreError: if that cannot be found out.
        """
        return head(self.database).policy.number == 0


class _Policy:
    """What `LivePolicy` reads."""

    def __init__(self, database: Database, records: SqlRecords) -> None:
        self._database = database
        self._records = records

    def mark(self) -> Hashable:
        return head(self._database).policy

    def changed(self, since: Hashable) -> tuple[Hashable, Snapshot] | None:
        mark = self.mark()
        return None if mark == since else (mark, self._records.snapshot())


class _People:
    """What `FollowedAccounts` reads."""

    def __init__(self, database: Database, people: SqlPeople) -> None:
        self._database = database
        self._people = people

    def mark(self) -> Hashable:
        return head(self._database).people

    def everyone(self) -> Sequence[Person]:
        return self._people.everyone()
