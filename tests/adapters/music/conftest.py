"""Stores of linked accounts, of every kind."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from authz_audiomuse.music.links import LinkStore
from authz_audiomuse.music.sql_links import SqlLinks, migrate_links

from authz.stores.sql.database import Database
from tests.adapters.music.memory_links import MemoryLinks

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.slow)


@pytest.fixture(name="open_database")
def _open_database() -> Iterator[Callable[[str], Database]]:
    opened: list[Database] = []

    def open_(url: str) -> Database:
        opened.append(Database(url))
        return opened[-1]

    yield open_
    for database in opened:
        database.close()


@pytest.fixture(name="database", params=["sqlite", POSTGRESQL])
def _database(
    request: Any, tmp_path: Path, open_database: Callable[[str], Database]
) -> Database:
    if request.param == "sqlite":
        return open_database(f"sqlite:///{tmp_path}/music.db")
    return open_database(request.getfixturevalue("postgresql").lend(request))


@pytest.fixture(name="empty_database", scope="session")
def _empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the table and nothing in it, to be copied."""
    path = tmp_path_factory.mktemp("music") / "music.db"
    database = Database(f"sqlite:///{path}")
    migrate_links(database)
    # Everything into the one file: what lies beside it is not copied.
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture(name="links", params=["memory", "sqlite", POSTGRESQL])
def _links(
    request: Any, tmp_path: Path, open_database: Callable[[str], Database]
) -> LinkStore:
    if request.param == "memory":
        return MemoryLinks()
    if request.param == "sqlite":
        empty = request.getfixturevalue("empty_database")
        shutil.copy(empty, tmp_path / "music.db")
        return SqlLinks(open_database(f"sqlite:///{tmp_path}/music.db"))
    database = open_database(request.getfixturevalue("postgresql").lend(request))
    migrate_links(database)
    return SqlLinks(database)
