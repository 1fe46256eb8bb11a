"""Every store of policy entries keeps the same promises."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from authz.policy.records import Add, PolicyRecords
from authz.stores.file.history import CsvHistory
from authz.stores.file.policy import CsvFile
from authz.stores.file.records import CsvRecords
from authz.stores.sql.database import Database
from authz.stores.sql.records import SqlRecords
from tests.contracts.conftest import database_url
from tests.contracts.policy_records import (
    ROWS,
    PolicyRecordsContract,
    Refused,
    apply,
    row,
)


class TestCsv(PolicyRecordsContract):
    """A policy file that may be written."""

    @pytest.fixture(name="records")
    def _records(self, tmp_path: Path) -> PolicyRecords:
        path = tmp_path / "policy.csv"
        path.write_text("# ours\n" + "".join(", ".join(r) + "\n" for r in ROWS))
        return CsvRecords(CsvFile(path), source="policy.csv", history=CsvHistory(path))


class TestSqlite(PolicyRecordsContract):
    """A database in a file."""

    kind = "sqlite"

    @pytest.fixture(name="records")
    def _records(
        self, request: Any, tmp_path: Path, open_database: Callable[[str], Database]
    ) -> PolicyRecords:
        database = open_database(database_url(self.kind, tmp_path, request))
        records = SqlRecords(database)
        apply(records, *(Add(row=row(*fields)) for fields in ROWS), note="first")
        return records

    def test_a_check_sees_what_is_stored_and_not_what_is_remembered(
        self, records: PolicyRecords
    ):
        """While a change is made, its check reads the store itself."""
        first = records.snapshot()
        seen = []
        apply(
            records,
            Add(row=row("g", "user:new", "role:user")),
            check=lambda *_: seen.append(records.snapshot()),
        )

        assert seen[0] is not first

    def test_what_was_undone_is_not_remembered(self, records: PolicyRecords):
        """What the check of a refused change saw is not taken for the next state."""
        etag = records.etag()

        def refuse(*_: object) -> None:
            records.snapshot()
            raise Refused

        with pytest.raises(Refused):
            apply(records, Add(row=row("g", "user:new", "role:admin")), check=refuse)
        apply(records, Add(row=row("g", "user:b", "role:user")), expected=etag)

        members = {entry.row.fields[0] for entry in records.snapshot().entries}
        assert "user:b" in members
        assert "user:new" not in members


@pytest.mark.slow
class TestPostgreSQL(TestSqlite):
    """A database that several processes use at once."""

    kind = "postgresql"
