"""The file of a SQLite database, which the first connection makes."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from authz.stores.sql.database import Database
from tests.threads import raised_at_once


@pytest.fixture(name="often")
def _often() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("often")
def test_threads_that_connect_first_make_one_file(tmp_path: Path):
    """Nobody takes the file of another thread for one that is gone."""
    failed: list[BaseException] = []
    for turn in range(40):
        database = Database(f"sqlite:///{tmp_path}/{turn}.db")
        failed += raised_at_once(partial(_ask, database), threads=6)
        database.close()

    assert failed == []


def _ask(database: Database) -> None:
    with database.read() as connection:
        connection.execute(text("SELECT 1"))
