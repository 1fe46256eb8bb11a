"""Entries as they were read last: a row that says the same is the same entry.

Rows are read each time, and compared; what is made of them is made once. So a state
with one new entry costs as much as that entry, and whoever compares two states finds
the same objects in them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from authz.policy.csv_rows import Row
from authz.policy.normalize import Normalize
from authz.policy.records import Entry
from authz.stores.sql import projection
from authz.stores.sql.changes import entries_digest
from authz.stores.sql.tables import MAX_FIELDS

_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """One state, as rows and as what they mean."""

    rows: Sequence[_Row] = ()
    entries: tuple[Entry, ...] = ()
    digest: str = field(default_factory=lambda: entries_digest(()))
    by_row: Mapping[_Row, Entry] = field(default_factory=dict)


class KnownEntries:
    """What one process knows of the entries in one database. Threads may share it."""

    def __init__(self, normalize: Normalize) -> None:
        """Know nothing yet. *normalize* writes out what a row may leave out."""
        self._normalize = normalize
        # Each is one reference, replaced whole.
        self._read = _Read()
        self._shown: Mapping[str, tuple[Entry, _Row]] = {}

    def of(self, found: Iterable[Any]) -> tuple[tuple[Entry, ...], str]:
        """Return the entries that rows of `authz_rule` are, and their digest."""
        rows = [tuple(row) for row in found]
        last = self._read
        if rows == last.rows:
            return last.entries, last.digest
        known = last.by_row
        entries = tuple(known.get(row) or _entry(row) for row in rows)
        read = _Read(
            rows,
            entries,
            entries_digest(entries),
            dict(zip(rows, entries, strict=True)),
        )
        self._read = read
        return read.entries, read.digest

    def are_shown(self, entries: Iterable[Entry], found: Iterable[Any]) -> bool:
        """Return whether rows of `casbin_rule` are just what shows *entries*."""
        last = self._shown
        shown = {}
        for entry in entries:
            if entry.disabled:
                continue
            known = last.get(entry.id)
            if known is None or known[0] is not entry:
                known = entry, projection.as_tuple(entry.id, self._normalize(entry.row))
            shown[entry.id] = known
        self._shown = shown
        rows = [tuple(row) for row in found]
        return [row for _, row in shown.values()] == rows or _by_another_model(
            [entry for entry, _ in shown.values()], rows
        )


def _by_another_model(entries: Sequence[Entry], rows: Sequence[_Row]) -> bool:
    """Return whether *rows* show *entries* as they were written for another model.

    A policy is turned into one with scopes, or back, after the model was: where the
    effect of a rule stands, which a row need not say, is another place then.
    """
    return len(entries) == len(rows) and all(
        row
        in {
            projection.as_tuple(entry.id, each)
            for each in (entry.row, entry.row._replace(fields=_allowing(entry.row)))
        }
        for entry, row in zip(entries, rows, strict=True)
    )


def _allowing(row: Row) -> tuple[str, ...]:
    allow = ("allow",) if row.kind == "p" and len(row.fields) < MAX_FIELDS else ()
    return (*row.fields, *allow)


def _entry(row: _Row) -> Entry:
    id_, kind, *rest = row
    note, author, created, disabled, _ = rest[MAX_FIELDS:]
    return Entry(
        id=str(id_),
        row=projection.row_of(id_, kind, rest[:MAX_FIELDS]),
        note=note,
        author=author,
        created=created,
        disabled=disabled,
    )
