"""Every implementation of each port."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from authz.stores.sql.database import Database
from authz.stores.sql.migrate import migrate

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.slow)


def database_url(kind: str, tmp_path: Path, request: Any) -> str:
    """Return the address of a new database."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/authz.db"
    return str(request.getfixturevalue("postgresql").lend(request))


@pytest.fixture(name="open_database")
def _open_database() -> Iterator[Callable[[str], Database]]:
    opened: list[Database] = []

    def open_(url: str) -> Database:
        database = Database(url)
        opened.append(database)
        migrate(database)
        return database

    yield open_
    for database in opened:
        database.close()


@pytest.fixture(name="database", params=["sqlite", POSTGRESQL])
def _database(
    request: Any, tmp_path: Path, open_database: Callable[[str], Database]
) -> Database:
    return open_database(database_url(request.param, tmp_path, request))
