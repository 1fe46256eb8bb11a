"""The table casbin_rule: what Casbin tools see, and what they may have written there.

Disabled entries are not in it. Rows of other programs are not in force until somebody
takes them over.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, insert, select, text

from authz.decision import Origin
from authz.policy.csv_rows import Row
from authz.policy.normalize import Normalize
from authz.policy.records import Entry
from authz.stores.places import STORED
from authz.stores.sql.changes import Step, new_entry
from authz.stores.sql.tables import MAX_FIELDS, casbin_rule

#: Rows whose ids one statement may name: SQLite has room for so many values.
_BATCH: Final = 500
_FIELDS: Final = tuple(f"v{n}" for n in range(MAX_FIELDS))


def found_rows(connection: Connection) -> tuple[Row, ...]:
    """Return what is in casbin_rule, in order; the origin's line is the row's id."""
    return tuple(
        as_row(found)
        for found in connection.execute(select(casbin_rule).order_by(casbin_rule.c.id))
    )


def as_row(found: Any) -> Row:
    """Return a database row with `id`, `ptype` and `v0`... as a row of a policy."""
    return row_of(found.id, found.ptype, [getattr(found, name) for name in _FIELDS])


def row_of(id_: int, kind: str | None, values: Sequence[str | None]) -> Row:
    """Return columns as a row of a policy."""
    fields = tuple(value for value in values if value is not None)
    return Row(kind or "", fields, Origin(STORED, id_))


def as_values(entry_id: str, row: Row) -> dict[str, Any]:
    """Return the columns that a row of a policy takes, by their names."""
    return dict(zip(("id", "ptype", *_FIELDS), as_tuple(entry_id, row), strict=True))


def as_tuple(entry_id: str, row: Row) -> tuple[int | str | None, ...]:
    """Return the columns that a row of a policy takes, in order."""
    padding = [None] * (MAX_FIELDS - len(row.fields))
    return int(entry_id), row.kind, *row.fields, *padding


def adopted(
    entries: Sequence[Entry],
    found: Iterable[Row],
    *,
    normalize: Normalize,
    new_id: Callable[[], str],
) -> tuple[Entry, ...]:
    """Return the entries as they are once *found* is in force.

    Rows that authz knows keep their notes, whatever ids they have got; disabled
    entries stay unless another program wrote the same row. Repeated rows are one.
    """
    known = {normalize(entry.row)[:2]: entry for entry in entries}
    taken = {entry.id for entry in entries}
    after: dict[tuple[str, tuple[str, ...]], Entry] = {}
    for row in found:
        key = normalize(row)[:2]
        if key in after:
            continue
        entry = known.get(key)
        if entry is None:
            entry_id = str(row.origin.line)
            if entry_id in taken:
                entry_id = new_id()
            entry = new_entry(entry_id, row, "", "", None)
        elif entry.disabled:
            entry = new_entry(entry.id, row, entry.note, entry.author, entry.created)
        after[key] = entry
    for entry in entries:
        if entry.disabled:
            after.setdefault(normalize(entry.row)[:2], entry)
    return tuple(sorted(after.values(), key=lambda entry: int(entry.id)))


def change(connection: Connection, made: Iterable[Step], normalize: Normalize) -> None:
    """Make the same changes in casbin_rule."""
    made = tuple(made)
    remove_before(connection, made, casbin_rule)
    _add(connection, [step.after for step in made if step.after], normalize)


def remove_before(connection: Connection, made: Iterable[Step], table: Table) -> None:
    """Remove the rows of *table* that show what was before the steps *made*."""
    gone = [int(step.before.id) for step in made if step.before]
    for start in range(0, len(gone), _BATCH):
        some = table.c.id.in_(gone[start : start + _BATCH])
        connection.execute(delete(table).where(some))


def rewrite(
    connection: Connection, entries: Iterable[Entry], normalize: Normalize
) -> None:
    """Make casbin_rule show *entries* and nothing else."""
    connection.execute(delete(casbin_rule))
    _add(connection, entries, normalize)


def _add(
    connection: Connection, entries: Iterable[Entry], normalize: Normalize
) -> None:
    values: list[Mapping[str, Any]] = [
        as_values(entry.id, normalize(entry.row))
        for entry in entries
        if not entry.disabled
    ]
    if not values:
        return
    connection.execute(insert(casbin_rule), values)
    if connection.dialect.name == "postgresql":
        # Other programs take ids from the sequence, which has not seen ours.
        connection.execute(
            text(
                "SELECT setval(pg_get_serial_sequence('casbin_rule', 'id'), "
                "(SELECT max(id) FROM casbin_rule))"
            )
        )
