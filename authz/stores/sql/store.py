"""One database as the store of one app: what is in it, and what of it is followed."""

from collections.abc import Hashable, Sequence

from authz.identity.accounts import Accounts
from authz.identity.people import Person
from authz.policy.normalize import Normalize, normalize_row
from authz.policy.records import Snapshot
from authz.stores.followers import StoreFollowers
from authz.stores.sql.audit import SqlAudit
from authz.stores.sql.audit_log import SqlAuditLog
from authz.stores.sql.database import Database
from authz.stores.sql.head import head
from authz.stores.sql.limits import SqlLimits
from authz.stores.sql.migrate import migrate
from authz.stores.sql.people import SqlPeople
from authz.stores.sql.records import KEPT, SqlRecords
from authz.stores.sql.replicas import SqlReplicas
from authz.stores.sql.sessions import SqlSessions
from authz.stores.sql.tokens import SqlTokens


class SqlStore:
    """Everything that is kept in one database."""

    def __init__(
        self,
        url: str,
        *,
        fixed: Sequence[Person] = (),
        normalize: Normalize = normalize_row,
        revisions: int = KEPT,
        audit_days: float = 365.0,
    ) -> None:
        """Open the database at *url* and bring its schema up to date.

        Args:
            url: The address; it may hold a password.
            fixed: The accounts that settings name.
            normalize: Writes out what rows of the model in use may leave out.
            revisions: How many revisions of the policy are kept.
            audit_days: How long records of the audit log are kept.

        Raises:
            StoreError: if it cannot be opened, or is of a newer version.
        """
        self.database = Database(url)
        migrate(self.database)
        self.records = SqlRecords(self.database, normalize=normalize, kept=revisions)
        self.people = SqlPeople(self.database, fixed=fixed)
        self.tokens = SqlTokens(self.database)
        self.replicas = SqlReplicas(self.database)
        self.limits = SqlLimits(self.database)
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

    def read(self) -> Snapshot:
        return self._records.snapshot()


class _People:
    """What `FollowedAccounts` reads."""

    def __init__(self, database: Database, people: SqlPeople) -> None:
        self._database = database
        self._people = people

    def mark(self) -> Hashable:
        return head(self._database).people

    def everyone(self) -> Sequence[Person]:
        return self._people.everyone()
