"""One database as the store of one app: what is in it, and what of it is followed."""

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime

from sqlalchemy import update

from authz.audit import Clock, utc_now
from authz.errors import StoreError
from authz.identity.accounts import Accounts
from authz.identity.people import Person
from authz.policy.normalize import Normalize, normalize_row
from authz.spot_checks import Edited, untold
from authz.stores.followers import StoreFollowers
from authz.stores.marks import Head, Mark, new_incarnation
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
from authz.stores.sql.tables import authz_head, authz_session
from authz.stores.sql.tokens import SqlTokens


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
        clock: Clock = utc_now,
        rules_locked: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Open the database at *url* and bring its schema up to date.

        It may hold a password. *fixed* and *rules_locked* are for the people in it,
        *normalize* and *revisions* for the rules, *audit_days* for the audit log.

        Raises:
            StoreError: if it cannot be opened, or is of a newer version.
        """
        self._clock = clock
        self.database = Database(url)
        migrate(self.database)
        self.records = SqlRecords(self.database, normalize=normalize, kept=revisions)
        self.people = SqlPeople(self.database, fixed=fixed, rules_locked=rules_locked)
        self.tokens = SqlTokens(self.database)
        self.replicas = SqlReplicas(self.database)
        self.limits = SqlLimits(self.database)
        self.signing_keys = SqlSigningKeys(self.database)
        self.audit = SqlAudit(self.database, days=audit_days)
        self.audit_log = SqlAuditLog(self.database)
        self.people_source = _People(self.database, self.people)

    def open_sessions(
        self,
        accounts: Accounts,
        following: StoreFollowers,
        *,
        lifetime: float,
        idle: float,
        edited: Edited = untold,
    ) -> SqlSessions:
        """Return the sessions of *accounts*, kept up to date by *following*.

        *edited* is told what another program does to them.
        """
        sessions = SqlSessions(
            self.database,
            accounts,
            following,
            lifetime=lifetime,
            idle=idle,
            edited=edited,
        )
        following.follow(sessions, "sessions")
        self.replicas.lost.append(sessions.forget)
        following.do_after(sessions.tidy)
        return sessions

    def head(self) -> Head:
        """Return the marks of what is in it. Raises `StoreError`."""
        return head(self.database)

    def keep_restored(
        self,
        restored: Restored,
        *,
        since: datetime,
        before_commit: Callable[[], object],
    ) -> None:
        """Keep in mind that a backup was restored after *since*.

        *before_commit* is called before that becomes visible, unless another process
        kept it in mind: then what only this one saw come back is added.
        Raises `StoreError`.
        """
        with self.database.write() as connection:
            kept = read_restored(head(self.database).restored)
            # One that is older was in the backup.
            known = kept is not None and kept.at > since
            both = restored if kept is None else restored.beside(kept)
            if known and kept is not None:
                both = replace(both, at=kept.at, numbers=kept.numbers)
            if both == kept:
                return
            connection.execute(update(authz_head).values(restored=both.as_text()))
            self.database.announce()
            if not known:
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
            incarnation = new_incarnation(now.generation + 1, self._clock())
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


class _People:
    """What `FollowedAccounts` reads."""

    def __init__(self, database: Database, people: SqlPeople) -> None:
        self._database = database
        self._people = people
        #: What it was read as last, and how many people were in the table.
        self._last: tuple[Mark, int] | None = None

    def mark(self) -> Hashable:
        return head(self._database).people

    def everyone(self) -> Sequence[Person]:
        with self._database.read():
            now = head(self._database)
            people = self._people.everyone()
        kept = sum(not person.fixed for person in people)
        if not kept and self._last is not None:
            self._refuse_emptied(now, *self._last)
        self._last = now.people, kept
        return people

    def _refuse_emptied(self, now: Head, was: Mark, kept: int) -> None:
        """Refuse a table without anybody, if fewer were removed than were there.

        Whoever is disabled would be so no more.
        """
        if (
            now.people.incarnation == was.incarnation
            and now.follows(was, "people")
            and now.people.number - was.number < kept
        ):
            raise StoreError(
                f"{self._database.shown}: the table authz_person was emptied by "
                f"another program ({kept} people): restore the backup; if they shall "
                "be gone, run `authz db after-restore`"
            )
