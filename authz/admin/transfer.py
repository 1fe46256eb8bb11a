"""The whole policy out of a store and into one: as a policy file, JSON, or a table."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

from authz.admin.changes import Draft
from authz.admin.context import AdminContext
from authz.decision import Origin
from authz.errors import InvalidValue, PolicyError
from authz.policy.csv_edit import read_entries
from authz.policy.csv_rows import Row, spell
from authz.policy.records import (
    Add,
    Entry,
    Snapshot,
    changes_between,
    note_problem,
)

#: What an import may hold.
MAX_ENTRIES: Final = 100_000
_COLUMNS: Final = ("ptype", "v0", "v1", "v2", "v3", "v4", "v5")
_SCHEMA: Final = "authz/v1"


class Form(StrEnum):
    """How a policy is written down."""

    #: A policy file, with notes and disabled entries as comments.
    CSV = "csv"
    #: JSON with everything that the store knows.
    JSON = "json"
    #: The table of Casbin's SQL adapters, as CSV: no notes, nothing that is disabled.
    CASBIN_RULE = "casbin_rule"


class Mode(StrEnum):
    """What becomes of the entries that are there."""

    #: They go, unless the import has them too.
    REPLACE = "replace"
    #: They stay as they are.
    MERGE = "merge"


def exported(now: Snapshot, form: Form) -> str:
    """Return the entries of *now* as a text in *form*."""
    match form:
        case Form.CSV:
            return "".join(f"{line}\n" for e in now.entries for line in _lines(e))
        case Form.JSON:
            entries = [_as_json(entry) for entry in now.entries]
            document = {"schema": _SCHEMA, "number": now.number, "entries": entries}
            return json.dumps(document, indent=2) + "\n"
        case Form.CASBIN_RULE:
            return _table(entry.row for entry in now.entries if not entry.disabled)


def imported(context: AdminContext, content: str, form: Form, mode: Mode) -> Draft:
    """Return the draft that brings *content* into the store.

    Nothing is changed yet: it can be looked at, and then applied.

    Raises:
        PolicyError: with everything that cannot be read.
        StoreError: if the store cannot be read.
    """
    entries = read(content, form)
    now = context.records.snapshot()
    changes = changes_between(now.entries, entries)
    if mode is Mode.MERGE:
        changes = tuple(change for change in changes if isinstance(change, Add))
    return Draft(base=now.etag, changes=changes)


def read(content: str, form: Form) -> tuple[Entry, ...]:
    """Return the entries that *content* holds.

    Raises:
        PolicyError: with everything that cannot be read; all of it or nothing.
    """
    try:
        data = content.encode()
    except UnicodeEncodeError as error:
        raise _unreadable("it is not Unicode text") from error
    match form:
        case Form.CSV:
            entries: Sequence[Entry] = read_entries(data, source="the import")
        case Form.JSON:
            entries = _from_json(content)
        case Form.CASBIN_RULE:
            entries = _from_table(content)
    if len(entries) > MAX_ENTRIES:
        raise _unreadable(
            f"there are {len(entries)} entries", f"use at most {MAX_ENTRIES}"
        )
    return tuple(entries)


def _lines(entry: Entry) -> Iterable[str]:
    line = spell(entry.row.kind, *entry.row.fields)
    if entry.note:
        yield f"# note: {entry.note}"
    yield f"# disabled: {line}" if entry.disabled else line


def _as_json(entry: Entry) -> dict[str, Any]:
    return {
        "row": [entry.row.kind, *entry.row.fields],
        "note": entry.note,
        "disabled": entry.disabled,
        "author": entry.author,
        "created": entry.created.isoformat() if entry.created else None,
    }


def _from_json(content: str) -> list[Entry]:
    try:
        document = json.loads(content)
        if document["schema"] != _SCHEMA:
            raise _unreadable(f"its schema is not `{_SCHEMA}`")
        carried = document["entries"]
        return [_entry(each, number) for number, each in enumerate(carried, start=1)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable("this is not an export of authz") from error


def _entry(carried: Any, number: int) -> Entry:
    kind, *fields = carried["row"]
    note, disabled = carried.get("note", ""), carried.get("disabled", False)
    if not isinstance(note, str) or not isinstance(disabled, bool):
        raise TypeError("not an entry")
    problem = note_problem(note)
    if problem:
        raise PolicyError([problem.at(Origin("the import", number))])
    row = _row(kind, fields, number)
    return Entry(id=str(number), row=row, note=note, disabled=disabled)


def _table(rows: Iterable[Row]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        padding = [""] * (len(_COLUMNS) - 1 - len(row.fields))
        writer.writerow([row.kind, *row.fields, *padding])
    return out.getvalue()


def _from_table(content: str) -> list[Entry]:
    try:
        header, *lines = csv.reader(io.StringIO(content, newline=""), strict=True)
    except (csv.Error, ValueError) as error:
        raise _unreadable("it is not a table") from error
    wanted = [name.strip().lower() for name in header]
    # Some adapters export their id too.
    first = 1 if wanted[:1] == ["id"] else 0
    if tuple(wanted[first:]) != _COLUMNS[: len(wanted) - first]:
        raise _unreadable(f"its first line is not `{','.join(_COLUMNS)}`")
    entries = []
    for number, line in enumerate(lines, start=2):
        if not any(line):
            continue
        kind, *fields = line[first:] or [""]
        while fields and fields[-1] in {"", "NULL"}:
            fields.pop()
        row = _row(kind, fields, number)
        entries.append(Entry(id=str(number), row=row))
    return entries


def _row(kind: Any, fields: Sequence[Any], number: int) -> Row:
    """Return a row whose every field fits into one line of a policy."""
    try:
        if not all(isinstance(field, str) for field in (kind, *fields)):
            raise TypeError("not a text")
        spell(kind, *fields)
    except InvalidValue as error:
        problem = error.problem.at(Origin("the import", number))
        raise PolicyError([problem]) from error
    return Row(kind, tuple(fields), Origin("the import", number))


def _unreadable(message: str, hint: str = "export it again") -> PolicyError:
    return PolicyError.at("the import", message, hint)
