"""A database: how it is opened, read and written, and what its failures mean.

Writers take turns. Whoever writes reads what the writer before left, so what a check
finds is what the change will find.
"""

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    DisconnectionError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)

from authz.deadline import within
from authz.errors import StoreError, StoreUnreachable
from authz.stores.notifications import NotificationSource
from authz.stores.sql.gate import Gate
from authz.stores.sql.notifications import FileHints
from authz.stores.sql.tables import (
    CHANNEL,
    SCHEMA,
    VERSION_TABLE,
    authz_head,
    metadata,
)

#: Milliseconds a writer of SQLite waits for the writers before.
_BUSY: Final = 5000
_FILE_MODE: Final = 0o600
#: Seconds until a transaction is given up, however many answers it takes.
_TRANSACTION: Final = 30.0
#: What says that the server, or the file, is not there or busy; later it may be.
_NO_ANSWER: Final = (InterfaceError, OperationalError, sqlite3.OperationalError)
#: What PostgreSQL calls a change in a read-only transaction.
_READ_ONLY: Final = "25006"
#: What to do about what SQLite says, by its primary code.
_SQLITE_HINTS: Final = {
    sqlite3.SQLITE_BUSY: "another program holds it; wait, or find and stop that one",
    sqlite3.SQLITE_LOCKED: "another program holds it; wait, or find and stop that one",
    sqlite3.SQLITE_READONLY: "run this as the user of the app; see whose the file is",
    sqlite3.SQLITE_PERM: "run this as the user of the app; see whose the file is",
    sqlite3.SQLITE_CANTOPEN: "check AUTHZ_STORE, and run this as the user of the app",
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_IOERR: "check the disk",
    sqlite3.SQLITE_NOTADB: "AUTHZ_STORE names no database; restore a backup of it",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore a backup of it",
}
_POOL: Final = {"pool_size": 4, "max_overflow": 8, "pool_timeout": 5}

#: The tables that are only ours, each of which has a primary key.
_KEYED: Final = [name for name in metadata.tables if name.startswith("authz_")]
_KEYS: Final = text(
    "SELECT count(*) FROM pg_index WHERE indisprimary AND indrelid IN "
    "(SELECT to_regclass(name) FROM unnest(CAST(:names AS text[])) AS name) "
    "AND NOT EXISTS (SELECT 1 FROM authz_token WHERE false) "
    # With --data-only the keys are there all the time, and tables come one by one.
    "AND NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE "
    "datname = current_database() AND application_name LIKE 'pg_restore%') "
    "AND EXISTS (SELECT 1 FROM authz_head)"
)

_VERSION: Final = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608

_leaked: list[object] = []
_databases: "weakref.WeakSet[Database]" = weakref.WeakSet()
_gate: Final = Gate()


class Database:
    """One database. Threads may share it; so may a process and those it forks."""

    def __init__(self, url: str) -> None:
        """Prepare to use the database at *url*; nothing is opened yet.

        Args:
            url: `sqlite:///file` (relative), `sqlite:////file` (absolute), or
                `postgresql://user:password@host/name`.
        """
        parsed = self._url = _driver(make_url(url))
        #: The address without the password, for messages.
        self.shown: str = shown(parsed)
        self.is_sqlite: Final = parsed.get_backend_name() == "sqlite"
        self._engine = _sqlite(parsed) if self.is_sqlite else _postgresql(parsed)
        self._running = threading.local()
        #: Called after a change is visible, to tell others that it is worth a look.
        self.changed: list[Callable[[], object]] = []
        #: Why nothing could be written when it was tried last; None if it could.
        self.write_problem: str | None = None
        _databases.add(self)

    @property
    def engine(self) -> Engine:
        """What SQLAlchemy calls an engine."""
        return self._engine

    @contextmanager
    def read(self, *, patience: float | None = None) -> Iterator[Connection]:
        """Read one consistent state. Inside `write`, what is about to be.

        Whatever reads inside reads the same state. *patience* is how many seconds an
        answer may take, if somebody would rather do without. Raises `StoreError`.
        """
        running = self._connection or getattr(self._running, "reading", None)
        if running is not None:
            with self._failures("read"):
                yield running
            return
        with (
            self._failures("read"),
            _gate.inside(),
            self._bound(patience),
            self._engine.connect() as connection,
        ):
            if not self.is_sqlite:
                connection = connection.execution_options(  # noqa: PLW2901
                    isolation_level="REPEATABLE READ"
                )
            with connection.begin():
                self._running.reading = connection
                try:
                    yield connection
                finally:
                    self._running.reading = None

    @contextmanager
    def write(
        self,
        *,
        alone: bool = True,
        patience: float | None = None,
        complete: bool = True,
    ) -> Iterator[Connection]:
        """Change something: visible whole at the end, or not at all.

        What runs inside may read and write too, and joins. *alone* keeps every other
        writer out until the end; without it only those of the same rows wait.
        *patience* is how many seconds an answer, and in SQLite the turn of a writer,
        may take. *complete* refuses a database that is being restored.

        Raises:
            StoreError: if the database cannot be written; it is then as it was.
        """
        running = self._connection
        if running is not None:
            if alone and not self._running.alone:
                raise RuntimeError("a transaction that shares cannot become exclusive")
            with self._failures("written"):
                yield running
            return
        with (
            self._failures("written"),
            _gate.inside(),
            self._bound(patience),
            self._engine.connect() as connection,
        ):
            connection = connection.execution_options(  # noqa: PLW2901
                authz_writes=True,
                authz_busy=_BUSY if patience is None else int(patience * 1000),
            )
            with connection.begin():
                if complete:
                    self.refuse_unfit(connection)
                if alone and not self.is_sqlite:
                    connection.execute(select(authz_head.c.id).with_for_update())
                self._running.connection = connection
                self._running.alone = alone
                self._running.announced = False
                try:
                    yield connection
                    if self._running.announced and not self.is_sqlite:
                        connection.execute(text(f"NOTIFY {CHANNEL}"))
                finally:
                    self._running.connection = None
        self.write_problem = None
        if self._running.announced:
            for tell in self.changed:
                tell()

    def refuse_unfit(self, connection: Connection) -> None:
        """Refuse tables that are being restored, or that are another version's.

        A process that runs while another one, of a newer version, changes the schema
        knows no more what it reads or writes there.

        Raises:
            StoreError: if they are.
        """
        self._refuse_half(connection)
        found = connection.execute(_VERSION).scalars().all()
        if found != [SCHEMA]:
            raise StoreError(
                f"{self.shown}: the database has schema "
                f"{', '.join(map(str, found)) or 'none'} now, and this process works "
                f"with {SCHEMA}: it was upgraded, or an old backup restored: start all "
                "processes again, with one version of authz"
            )

    def _refuse_half(self, connection: Connection) -> None:
        """Keep `pg_restore` and us apart: refuse what it has written so far.

        It makes primary keys last, as the SQL of `pg_dump` does. Until the transaction
        of *connection* ends, it does not begin either: it wants this table first.

        Raises:
            StoreError: if tables are not complete.
        """
        if self.is_sqlite:
            return  # it restores in one transaction
        keys = connection.execute(_KEYS, {"names": _KEYED}).scalar_one()
        if keys != len(_KEYED):
            raise StoreError(
                f"{self.shown}: a backup is being restored (`pg_restore` runs, "
                "tables lack their primary keys, or authz_head is empty); if that was "
                "interrupted, restore it again"
            )

    def announce(self) -> None:
        """Let others know, once the running `write` is done, that it is worth a look.

        PostgreSQL tells by itself; whoever is in `changed` is called after that.
        """
        self._running.announced = True

    def hints(self) -> NotificationSource:
        """Return what this database tells of changes."""
        if self.is_sqlite:
            return FileHints(Path(str(self._url.database)))
        from authz.stores.sql.postgres import Notifications

        return Notifications(self._url)

    def close(self) -> None:
        """Close what is open and not in use."""
        self._engine.dispose()

    def forget(self) -> None:
        """Let go of a parent's connections, in a child, without closing them."""
        # Kept, so that nobody tidies them up either: the parent uses them.
        _leaked.append(self._engine.pool)
        self._engine.dispose(close=False)
        self._running = threading.local()

    def _bound(self, patience: float | None) -> AbstractContextManager[object]:
        if self.is_sqlite:
            return nullcontext()
        return within(_TRANSACTION if patience is None else patience)

    @property
    def _connection(self) -> Connection | None:
        return getattr(self._running, "connection", None)

    @contextmanager
    def _failures(self, done: str) -> Iterator[None]:
        """Tell what the database says, without what was sent to it."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            said = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
            unreachable = _is_unreachable(error)
            problem = (
                f"{self.shown}: the database cannot be {done} ({said[:200]}): "
                f"{_what_to_do(error)}"
            )
            if done == "written" and (unreachable or _is_read_only(error)):
                self.write_problem = problem
            if _code(error) == sqlite3.SQLITE_READONLY:
                # Whoever opened the file while it was read-only stays so for ever.
                self._engine.dispose()
            raise (StoreUnreachable if unreachable else StoreError)(problem) from error


def _is_unreachable(error: Exception) -> bool:
    """Return whether nobody answers; otherwise the answer is no."""
    if not isinstance(error, _NO_ANSWER):
        return False
    # SQLite says the same of a table that is not there.
    return _code(error) != sqlite3.SQLITE_ERROR


def _what_to_do(error: Exception) -> str:
    code = _code(error)
    if code is None:
        return "check AUTHZ_STORE and that the database runs"
    return _SQLITE_HINTS.get(code, "check AUTHZ_STORE")


def _code(error: Exception) -> int | None:
    """Return the primary code of what SQLite says; None if it is not SQLite's."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _is_read_only(error: Exception) -> bool:
    """Return whether PostgreSQL takes no changes, as a standby server does."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) == _READ_ONLY


def shown(url: URL) -> str:
    """Return *url* as it may be shown: without user, password and options."""
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database}"
    place = f"{url.host or ''}{f':{url.port}' if url.port else ''}"
    return f"postgresql://{place}/{url.database or ''}"


def _driver(url: URL) -> URL:
    if url.drivername in {"postgres", "postgresql"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return url
    raise StoreError(
        f"AUTHZ_STORE: `{url.drivername}:` is not a store: write "
        "`sqlite:///authz.db` or `postgresql://user:password@host/name`"
    )


def _sqlite(url: URL) -> Engine:
    path = Path(str(url.database))
    log_of = path.with_name(f"{path.name}-wal")
    engine = create_engine(
        url,
        hide_parameters=True,
        # BEGIN is ours: the driver's own begins too late to keep a reader consistent.
        connect_args={"isolation_level": None, "timeout": _BUSY / 1000},
        **_POOL,
    )

    made = False
    making = threading.Lock()

    @event.listens_for(engine, "do_connect")
    def make_file(*_: Any) -> None:
        nonlocal made
        # One at a time: who looked before another thread made it would miss it.
        with making:
            # Nobody else may read it: not even for the moment until it can be changed.
            if not path.exists():
                if made:
                    # Somebody may be about to put another one there.
                    raise sqlite3.OperationalError("the file is not there any more")
                os.close(_new_file(path))
            made = True

    @event.listens_for(engine, "checkout")
    def look_whether_it_is_there(_: Any, record: Any, __: Any) -> None:
        # A file that was put in its place is another database. And what is written into
        # a log that was removed nobody else would ever see.
        log = record.info["log"]
        if log and log != _file(log_of):
            engine.pool.dispose()  # SQLite begins another when all have let go
            raise DisconnectionError
        if record.info["file"] != _file(path):
            raise DisconnectionError
        record.info["log"] = log or _file(log_of)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: Any) -> None:
        record.info.update(file=_file(path), log=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # Its own knows the letters of ASCII only.
        connection.create_function("lower", 1, _lower, deterministic=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("authz_writes"):
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {options['authz_busy']}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _new_file(path: Path) -> int:
    """Make the file of a database. Raises `StoreError` where none can be made."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
    except FileNotFoundError as error:
        folder = path.absolute().parent
        if folder.exists():
            raise StoreError(f"{path}: no file can be made in {folder}") from error
        raise StoreError(
            f"{path}: the folder {folder} is not there",
            "make it, or name another file in AUTHZ_STORE; `sqlite:////` and a path "
            "from the root has four slashes",
        ) from error
    except OSError as error:
        raise StoreError(
            f"{path}: the file cannot be made ({error.strerror})",
            "let this process write in its folder, or name another file in AUTHZ_STORE",
        ) from error


def _file(path: Path) -> tuple[int, int] | None:
    """Return which file *path* is; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _postgresql(url: URL) -> Engine:
    try:
        from authz.stores.sql import postgres
    except ImportError as error:
        raise StoreError(
            "AUTHZ_STORE: PostgreSQL needs a driver: "
            'run `pip install "authz-casbin[postgres]"`'
        ) from error
    engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, **_POOL)

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, args: Any, kwargs: Any) -> Any:
        return postgres.connect(*args, **kwargs)

    return engine


def _before_fork() -> None:
    # A socket must not be shared either: nothing is open when the child begins.
    _gate.shut()
    for database in list(_databases):
        database.close()


def _after_fork_in_parent() -> None:
    _gate.open()


def _after_fork_in_child() -> None:
    # The last step: a thread that the child has started already waits for it.
    for database in list(_databases):
        database.forget()
    _gate.open_in_child()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
