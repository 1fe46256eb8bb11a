"""The file of a SQLite database, which the first connection makes."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from authz.stores.sql.database import Database


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
        together = threading.Barrier(6)

        def connect(
            database: Database = database, together: threading.Barrier = together
        ) -> None:
            together.wait()
            try:
                with database.read() as connection:
                    connection.execute(text("SELECT 1"))
            except BaseException as error:  # noqa: BLE001 - told below
                failed.append(error)

        threads = [threading.Thread(target=connect) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        database.close()

    assert failed == []
