"""The first policy of a new database: taken over from Casbin, or from a file, once."""

import logging
from pathlib import Path
from typing import Final

from authz.errors import PolicyError, StoreConflict
from authz.policy.csv_rows import read_rows
from authz.policy.normalize import normalize_row
from authz.policy.records import Add, Check, Revision
from authz.stores.file.policy import CsvFile
from authz.stores.sql.store import SqlStore

_log: Final = logging.getLogger("authz")
_DEFAULT: Final = Path("policy.csv")


def seed(store: SqlStore, path: Path | None, *, check: Check) -> None:
    """Give a database without a policy its first one.

    What another Casbin program wrote into `casbin_rule` comes first, then the file
    *path*, or `policy.csv` if it is there. A database that had a policy once is left
    alone, whatever is in it.

    Raises:
        PolicyError: if there is no first policy, or it cannot be used.
        StoreError: if the database or the file cannot be read.
    """
    if not store.is_new:
        return
    try:
        if store.records.foreign()[0]:
            revision = store.records.adopt(
                author="",
                note="taken over from casbin_rule",
                check=check,
                before_commit=_no,
            )
        else:
            revision = _from_file(store, path or _DEFAULT, check)
    except StoreConflict:
        return  # another process was first
    if revision.number:
        _log.info("%s; %d lines", revision.note, len(revision.added))


def _from_file(store: SqlStore, path: Path, check: Check) -> Revision:
    expected = store.records.snapshot().etag
    if path is _DEFAULT and not path.exists():
        raise PolicyError.at(
            store.database.shown,
            "there is no policy in it yet",
            "put a policy.csv into the folder the app is started in, or "
            "name one in AUTHZ_POLICY_SEED; it is read once",
        )
    read = read_rows(CsvFile(path).read(), source=str(path))
    for warning in read.warnings:
        _log.warning("%s", warning)
    rows = {normalize_row(row)[:2]: row for row in reversed(read.rows)}
    return store.records.apply(
        [Add(row=row) for row in reversed(rows.values())],
        expected=expected,
        author="",
        note=f"taken over from {path.name}",
        check=check,
        before_commit=_no,
    )


def _no(_: Revision) -> None:
    """Nobody made this change: there is no record of it but the history."""
