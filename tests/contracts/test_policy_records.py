"""Every store of policy entries keeps the same promises."""

from pathlib import Path

import pytest

from authz.policy.records import PolicyRecords
from authz.stores.csv_file import CsvFile
from authz.stores.csv_history import CsvHistory
from authz.stores.csv_records import CsvRecords
from tests.contracts.policy_records import ROWS, PolicyRecordsContract


class TestCsv(PolicyRecordsContract):
    """A policy file that may be written."""

    @pytest.fixture(name="records")
    def _records(self, tmp_path: Path) -> PolicyRecords:
        path = tmp_path / "policy.csv"
        path.write_text("# ours\n" + "".join(", ".join(r) + "\n" for r in ROWS))
        return CsvRecords(CsvFile(path), source="policy.csv", history=CsvHistory(path))
