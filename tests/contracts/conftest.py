"""Every implementation of each port."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy_adapter import Adapter

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


@pytest.fixture(name="url", params=["sqlite", POSTGRESQL])
def _url(request: Any, tmp_path: Path) -> str:
    return database_url(request.param, tmp_path, request)


@pytest.fixture(name="database")
def _database(url: str, open_database: Callable[[str], Database]) -> Database:
    return open_database(url)


@pytest.fixture(name="adapter")
def _adapter(url: str) -> Iterator[Adapter]:
    """Return sqlalchemy-adapter, as another Casbin program uses it."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    yield Adapter(engine)
    engine.dispose()
