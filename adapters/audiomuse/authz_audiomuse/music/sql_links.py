"""Linked accounts in a database: tables with a history of their own.

They may lie in the database of authz or in another one; neither knows the other's.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    and_,
    delete,
    false,
    func,
    or_,
    select,
    text,
    update,
)

from authz import StoreError
from authz.integration.sql import Database, UtcTime
from authz_audiomuse.music.faults import PASSING, Fault
from authz_audiomuse.music.links import Ended, Link, LinkPage, Mode

VERSION_TABLE: Final = "authz_music_version"
#: For `pg_advisory_xact_lock`: "music" in ASCII.
_LOCK: Final = 0x6D75736963
_ESCAPE: Final = "\\"
_IS_AUTHZS: Final = text("SELECT to_regclass('authz_token') IS NOT NULL")

metadata: Final = MetaData()

authz_music_link: Final = Table(
    "authz_music_link",
    metadata,
    Column("person", String(255), primary_key=True),
    Column("server", String(32), primary_key=True),
    Column("mode", String(16), nullable=False),
    Column("account", String(255), nullable=False),
    Column("sealed", Text, nullable=False),
    #: Empty if the account could be used.
    Column("fault", String(32), nullable=False),
    Column("checked", UtcTime),
    Column("linked", UtcTime, nullable=False),
    Column("linked_by", String(255), nullable=False),
    Column("known", Boolean, nullable=False),
    Column("private", Boolean, nullable=False, server_default=false()),
    Index("authz_music_link_checked", "checked"),
)

#: Tokens of links that are over, until they were given back.
authz_music_ended: Final = Table(
    "authz_music_ended",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("person", String(255), nullable=False),
    Column("server", String(32), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
)
_table: Final = authz_music_link
_owed: Final = authz_music_ended


class SqlLinks:
    """Linked accounts in SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, person: str, server: str) -> Link | None:
        """Return what is kept of *person* on *server*."""
        with self._database.read() as connection:
            row = connection.execute(select(_table).where(_is(person, server))).first()
        return None if row is None else _link(row)

    def of(self, person: str) -> Sequence[Link]:
        """Return everything kept of *person*, by server."""
        asked = select(_table).where(_table.c.person == person)
        with self._database.read() as connection:
            rows = connection.execute(asked.order_by(_table.c.server)).all()
        return [_link(row) for row in rows]

    def page(self, *, search: str = "", limit: int, offset: int = 0) -> LinkPage:
        """Return links by person and server, whose person or account holds *search*."""
        wanted = "%" + _plain(search.lower()) + "%"
        holds = or_(
            func.lower(_table.c.person).like(wanted, escape=_ESCAPE),
            func.lower(_table.c.account).like(wanted, escape=_ESCAPE),
        )
        asked = select(_table).where(holds).order_by(_table.c.person, _table.c.server)
        count = select(func.count()).select_from(_table).where(holds)
        with self._database.read() as connection:
            rows = connection.execute(asked.limit(limit).offset(offset)).all()
            total = connection.execute(count).scalar_one()
        return LinkPage(links=tuple(map(_link, rows)), total=total)

    def put(self, link: Link) -> None:
        """Keep *link* in place of what was kept of this person and server."""
        values = _values(link)
        with self._write() as connection:
            self._lock_row(connection, link)
            connection.execute(delete(_table).where(_is(link.person, link.server)))
            connection.execute(_table.insert().values(**values))

    def note(
        self, link: Link, *, fault: Fault | None, checked: datetime
    ) -> Link | None:
        """Note how the account of *link* was found."""
        change = (
            update(_table)
            .where(
                _is(link.person, link.server),
                _table.c.sealed == link.sealed,
                _table.c.mode == str(link.mode),
            )
            .values(fault=str(fault or ""), checked=checked)
        )
        with self._write() as connection:
            noted = connection.execute(change).rowcount
        return replace(link, fault=fault, checked=checked) if noted else None

    def reseal(self, link: Link, sealed: str) -> bool:
        """Keep *sealed* in place of what *link* holds, unless that was replaced."""
        change = (
            update(_table)
            .where(_is(link.person, link.server), _table.c.sealed == link.sealed)
            .values(sealed=sealed)
        )
        with self._write() as connection:
            return bool(connection.execute(change).rowcount)

    def remove(self, person: str, server: str) -> bool:
        """Forget *person* on *server*; return whether anything was kept."""
        return bool(self._delete(_is(person, server)))

    def forget(self, person: str) -> int:
        """Forget everything kept of *person*; return of how many servers."""
        return self._delete(_table.c.person == person)

    def due(self, before: datetime, *, limit: int) -> Sequence[Link]:
        """Return own accounts not looked at since *before*, the longest ago first."""
        asked = (
            select(_table)
            .where(
                _table.c.mode == str(Mode.OWN),
                or_(
                    _table.c.checked.is_(None),
                    _table.c.checked < before,
                    _table.c.fault.in_(sorted(PASSING)),
                ),
            )
            .order_by(
                _table.c.checked.asc().nulls_first(), _table.c.person, _table.c.server
            )
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_link(row) for row in connection.execute(asked).all()]

    def end(self, link: Link, *, since: datetime) -> Ended:
        """Keep what *link* holds until it was given back; the link itself stays."""
        statement = (
            _owed.insert()
            .values(
                person=link.person, server=link.server, sealed=link.sealed, since=since
            )
            .returning(_owed)
        )
        with self._write() as connection:
            return _ended(connection.execute(statement).one())

    def ended(self, *, limit: int) -> Sequence[Ended]:
        """Return what is still to be given back, the oldest first."""
        asked = select(_owed).order_by(_owed.c.id).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(asked).all()
        return [_ended(row) for row in rows]

    def settle(self, ended: Ended) -> None:
        """Forget *ended*: it was given back, or never will be."""
        with self._write() as connection:
            connection.execute(delete(_owed).where(_owed.c.id == ended.id))

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """Change something, unless what is authz's here is just being restored.

        A database of ours alone has none of its tables, and is not asked for them.
        """
        with self._database.write(alone=False, complete=False) as connection:
            if not self._database.is_sqlite and connection.execute(_IS_AUTHZS).scalar():
                self._database.refuse_unfit(connection)
            yield connection

    def _delete(self, which: ColumnElement[bool]) -> int:
        with self._write() as connection:
            return connection.execute(delete(_table).where(which)).rowcount

    def _lock_row(self, connection: Connection, link: Link) -> None:
        """Keep others from the row, even while there is none."""
        if not self._database.is_sqlite:  # which has one writer anyway
            connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:key, :seed))"),
                {"key": f"{link.person}\n{link.server}", "seed": _LOCK},
            )


def migrate_links(database: Database) -> None:
    """Make the tables, or change them as newer versions need; once at a time.

    Raises:
        StoreError: if it is a newer version's, or cannot be changed.
    """
    config = Config()
    # The environment is authz's, the steps are ours.
    config.set_main_option("script_location", "authz.stores:migrations")
    config.set_main_option("version_locations", "authz_audiomuse.music:migrations")
    # Not that of the system: a package and its folder are parted by a colon.
    config.set_main_option("path_separator", "newline")
    scripts = ScriptDirectory.from_config(config)
    newest = str(scripts.get_current_head())
    with database.read() as connection:
        if _version(connection) == newest:
            return
    with database.write(alone=False, complete=False) as connection:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        version = _version(connection)
        if version not in {None, *(s.revision for s in scripts.walk_revisions())}:
            raise StoreError(
                f"{database.shown}: the linked accounts are a newer version's (schema "
                f"{version}, this one knows up to {newest}): run that version"
            )
        config.attributes["connection"] = connection
        config.attributes["metadata"] = metadata
        config.attributes["version_table"] = VERSION_TABLE
        command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    )
    return context.get_current_revision()


def _is(person: str, server: str) -> ColumnElement[bool]:
    return and_(_table.c.person == person, _table.c.server == server)


def _plain(search: str) -> str:
    for sign in (_ESCAPE, "%", "_"):
        search = search.replace(sign, _ESCAPE + sign)
    return search


def _values(link: Link) -> dict[str, Any]:
    return asdict(link) | {"mode": str(link.mode), "fault": str(link.fault or "")}


def _link(row: Row[Any]) -> Link:
    fault = Fault(row.fault) if row.fault else None
    return Link(**row._asdict() | {"mode": Mode(row.mode), "fault": fault})


def _ended(row: Row[Any]) -> Ended:
    return Ended(**row._asdict())
