"""A database that an upgrade left half way, by a tool that keeps no transaction."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from authz.errors import StoreError
from authz.stores.sql.database import Database
from authz.stores.sql.migrate import migrate
from authz.stores.sql.tables import VERSION_TABLE

#: What takes back what the steps behind these made.
LIMITS = ("DROP TABLE authz_limit",)
LATER = (
    *(
        f"ALTER TABLE authz_head DROP COLUMN {name}"
        for name in (
            *(f"{part}_stamp" for part in ("policy", "people", "sessions", "tokens")),
            *("trail", "incarnation", "restored"),
        )
    ),
    "ALTER TABLE authz_token DROP COLUMN scopes",
    "DROP TABLE authz_signing_key",
)


@pytest.mark.parametrize(
    ("version", "statements"),
    [
        ("0001", ("DROP TABLE authz_audit_head", *LIMITS, *LATER)),
        ("0002", (*LIMITS, *LATER)),
        ("0005", ("DROP TABLE authz_signing_key",)),
        ("0004", ()),
    ],
    ids=["the first is said to be done", "the second is", "the last is", "it is not"],
)
def test_no_process_starts_with_half_of_a_step(
    tmp_path: Path,
    open_database: Callable[[str], Database],
    version: str,
    statements: tuple[str, ...],
):
    """It says what to do, each time, and leaves the database as it was."""
    database = open_database(f"sqlite:///{tmp_path}/authz.db")
    said = f"UPDATE {VERSION_TABLE} SET version_num = '{version}'"  # noqa: S608
    with database.engine.begin() as connection:
        for statement in (*statements, said):
            connection.execute(text(statement))

    for _ in range(2):
        with pytest.raises(StoreError, match="stopped half way: restore the backup"):
            migrate(database)
