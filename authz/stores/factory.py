"""Where rules and people of one app are kept, as its settings say."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from authz.audit import AuditSink, Tee
from authz.audit.log import AuditLog
from authz.errors import PolicyError, StoreError
from authz.identity.accounts import PeopleSource, same_password
from authz.identity.people import PeopleStore, Person
from authz.identity.tokens import TokenStore
from authz.policy.live import PolicyStore
from authz.policy.model import Model
from authz.policy.normalize import normalizer
from authz.policy.recent_rows import RecentRows
from authz.policy.records import Check, PolicyRecords, Snapshot
from authz.settings import Settings
from authz.stores.file.audit import AuditFile
from authz.stores.file.audit_reader import AuditFiles
from authz.stores.file.history import CsvHistory
from authz.stores.file.policy import CsvFile
from authz.stores.file.records import CsvRecords
from authz.stores.fixed_people import FixedPeople
from authz.stores.places import shown
from authz.stores.schema import NO_SQLALCHEMY

if TYPE_CHECKING:
    from authz.stores.sql.store import SqlStore

#: So many revisions are tried when the newest one cannot be put in force.
_EARLIER: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The stores of one app."""

    #: What the policy in force is made of: the bytes of a file, or a database's state.
    policy: PolicyStore[bytes | Snapshot]
    records: PolicyRecords
    people: PeopleStore
    #: The API tokens; None if there is nowhere to keep them.
    tokens: TokenStore | None = None
    #: What the accounts in force are made of.
    people_source: PeopleSource
    #: What the store held before, the newest first, and what each is called.
    earlier: Callable[[], Iterable[tuple[str, bytes | Snapshot]]] = tuple
    #: The database, if there is one.
    database: "SqlStore | None" = None

    @property
    def state(self) -> Callable[[], AbstractContextManager[object]]:
        """Begins the reading of one consistent state."""
        return nullcontext if self.database is None else self.database.database.read


def open_stores(
    settings: Settings,
    *,
    model: Model,
    fixed: Sequence[Person],
    check: Check,
    recent: RecentRows | None = None,
) -> Stores:
    """Open what the settings name, and fill an empty database.

    *fixed* are the accounts that settings name; *check* refuses a first policy that
    cannot be used; *recent* knows the lines of a policy file that were read last.

    Raises:
        PolicyError: if the first policy of a new database cannot be used.
        StoreError: if a store cannot be opened.
    """
    file, history = CsvFile(settings.policy), CsvHistory(settings.policy)
    # A shell may lack the setting; what has a history here was written here.
    writable = settings.admin.policy_writable or (
        settings.partial and not history.is_empty
    )
    records = CsvRecords(
        file,
        source=shown(settings.policy),
        history=history if writable else None,
        recent=recent,
    )
    earlier = partial(_earlier_files, file, history)
    if settings.store.url is None:
        people = FixedPeople(fixed)
        return Stores(
            policy=file,
            records=records,
            people=people,
            people_source=people,
            earlier=earlier,
        )
    # Rules and people cannot change at once: each is checked against the other.
    apart = writable and not settings.store.holds_rules
    store = open_database(
        settings.store.url,
        fixed=fixed,
        normalize=normalizer(model.rules),
        revisions=settings.store.revisions,
        audit_days=settings.audit.days,
        rules_locked=file.locked if apart else nullcontext,
    )
    if not settings.partial:
        # The app's settings say which password an account has, not those of a shell.
        passwords = {account.name: account.password for account in settings.accounts}
        store.people.pin_fixed(
            lambda person, known: same_password(passwords[person.id], known)
        )
    if not settings.store.holds_rules:
        return Stores(
            policy=file,
            records=records,
            people=store.people,
            tokens=store.tokens,
            people_source=store.people_source,
            earlier=earlier,
            database=store,
        )
    from authz.stores.seeding import seed

    if not settings.partial:
        seed(store, settings.store.seed, check=check)
    elif not _is_in_use(store):
        # For people and tokens a shell needs no policy.
        with suppress(PolicyError, StoreError):
            seed(store, settings.store.seed, check=check)
    return Stores(
        policy=store.records,
        records=store.records,
        people=store.people,
        tokens=store.tokens,
        people_source=store.people_source,
        earlier=partial(_earlier_revisions, store),
        database=store,
    )


def _is_in_use(store: "SqlStore") -> bool:
    """Whether an app uses *store* already, perhaps with its rules in a file."""
    people = store.people.everyone()
    return any(not person.fixed for person in people) or bool(store.tokens.all())


def _earlier_files(
    file: CsvFile, history: CsvHistory
) -> Iterator[tuple[str, bytes | Snapshot]]:
    for revision in history.newest(limit=_EARLIER):
        yield f"revision {revision.number}", history.content(revision.number)
    previous = file.previous()
    if previous is not None:
        yield f"{file.path.name}.prev", previous


def _earlier_revisions(store: "SqlStore") -> Iterator[tuple[str, bytes | Snapshot]]:
    for revision in store.records.history(limit=_EARLIER):
        yield f"revision {revision.number}", store.records.at(revision.number)


def stored_audit(settings: Settings) -> AuditLog | None:
    """Return the audit log that the settings name; None if there is none.

    Raises `StoreError`.
    """
    if settings.store.url is not None:
        return open_database(settings.store.url).audit_log
    return AuditFiles(settings.audit.file) if settings.audit.file else None


def kept_audit(
    settings: Settings, database: "SqlStore | None", audit: AuditSink
) -> tuple[AuditSink, AuditLog | None]:
    """Return *audit* behind what keeps events, and the log to look through.

    The file comes first: it is not undone with a transaction, so that nothing is in
    force that it does not tell of.

    Raises:
        AuditFailure: if the file cannot be continued.
    """
    sinks: list[AuditSink] = []
    log: AuditLog | None = None
    wanted = settings.audit
    if wanted.file is not None:
        file = AuditFile(
            wanted.file,
            max_bytes=wanted.max_bytes,
            kept=wanted.kept,
            sync_all=wanted.sync_all,
        )
        file.open()
        sinks.append(file)
        log = AuditFiles(wanted.file)
    if database is not None:
        sinks.append(database.audit)
        log = database.audit_log
    return (Tee(*sinks, audit), log) if sinks else (audit, None)


@contextmanager
def opened_audit(settings: Settings, audit: AuditSink) -> Iterator[AuditSink]:
    """Give *audit* behind what keeps events, to whoever needs no policy.

    Raises:
        AuditFailure, StoreError: if it cannot be opened, or not be written.
    """
    if settings.store.url is None:
        yield kept_audit(settings, None, audit)[0]
        return
    database = open_database(settings.store.url, audit_days=settings.audit.days)
    try:
        yield kept_audit(settings, database, audit)[0]
    finally:
        # Also what was written down of a failure.
        try:
            database.audit.write_waiting()
        finally:
            database.database.close()


def refuse_new_database(settings: Settings) -> None:
    """Refuse a database in a file that is not there: there is nothing in it to find.

    Unless a setting names what a new one is filled with.

    Raises:
        StoreError: if so.
    """
    url = settings.store.url
    if url is None or settings.store.seed or not url.startswith("sqlite:"):
        return
    path = Path(unquote(urlsplit(url).path).removeprefix("/"))
    if not path.exists():
        raise StoreError(
            f"{path.absolute()}: there is no such database: run this in the folder of "
            "the app, or write its whole path in AUTHZ_STORE"
        )


def open_database(url: str, **options: Any) -> "SqlStore":
    """Open the database at *url*. Raises `StoreError`."""
    try:
        # An extra: an app without a database has not installed SQLAlchemy.
        from authz.stores.sql.store import SqlStore
    except ImportError as error:
        raise StoreError(NO_SQLALCHEMY) from error
    return SqlStore(url, **options)
