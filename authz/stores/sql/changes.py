"""What changes make of a policy's entries, and how that is written down. No I/O."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from authz.decision import Origin
from authz.errors import AlreadyThere, InvalidValue, PolicyError, Problem
from authz.policy.csv_rows import Row, spell
from authz.policy.normalize import Normalize
from authz.policy.records import (
    Add,
    Change,
    Entry,
    Remove,
    Replace,
    Switch,
    differences,
    note_problem,
)
from authz.stores.places import STORED
from authz.stores.sql.tables import MAX_FIELD, MAX_FIELDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry, before and after; None where there is none."""

    before: Entry | None
    after: Entry | None


def apply_changes(  # noqa: PLR0913 - what changes need
    entries: Sequence[Entry],
    changes: Iterable[Change],
    *,
    normalize: Normalize,
    new_id: Callable[[], str],
    author: str,
    now: datetime,
) -> tuple[tuple[Entry, ...], tuple[Step, ...]]:
    """Return the entries that *changes* lead to, and what differs.

    Raises:
        LookupError: if a change names an entry that does not exist.
        AlreadyThere: if a row would be there twice.
        PolicyError: if a row does not fit into the table.
    """
    by_id = {entry.id: entry for entry in entries}
    for change in changes:
        if isinstance(change, Add):
            new = new_entry(new_id(), change.row, change.note, author, now)
            by_id[new.id] = replace(new, disabled=change.disabled)
            continue
        old = by_id.get(change.id)
        if old is None:
            raise LookupError(f"there is no rule or grant `{change.id}`")
        if isinstance(change, Remove):
            del by_id[old.id]
        elif isinstance(change, Switch):
            by_id[old.id] = replace(old, disabled=change.disabled)
        else:
            by_id[old.id] = _replaced(old, change, author, now)
    after = tuple(sorted(by_id.values(), key=lambda entry: int(entry.id)))
    _refuse_twins(after, normalize)
    return after, steps(entries, after)


def new_entry(
    entry_id: str, row: Row, note: str, author: str, now: datetime | None
) -> Entry:
    """Return *row* as an entry of a database."""
    row = Row(row.kind, row.fields, Origin(STORED, int(entry_id)))
    _refuse_unfit(row, note)
    return Entry(id=entry_id, row=row, note=note, author=author, created=now)


def _replaced(old: Entry, change: Replace, author: str, now: datetime) -> Entry:
    new = new_entry(old.id, change.row, change.note, author, now)
    same = (new.row, new.note) == (old.row, old.note)
    return old if same else replace(new, disabled=old.disabled)


def steps(before: Iterable[Entry], after: Iterable[Entry]) -> tuple[Step, ...]:
    """Return what differs between two states, by id."""
    old = {entry.id: entry for entry in before}
    new = {entry.id: entry for entry in after}
    return tuple(
        Step(before=old.get(key), after=new.get(key))
        for key in sorted(old.keys() | new.keys(), key=int)
        if old.get(key) != new.get(key)
    )


def undone(entries: Iterable[Entry], made: Iterable[Step]) -> tuple[Entry, ...]:
    """Return the entries as they were before *made*."""
    by_id = {entry.id: entry for entry in entries}
    for step in made:
        if step.after is not None:
            by_id.pop(step.after.id, None)
        if step.before is not None:
            by_id[step.before.id] = step.before
    return tuple(sorted(by_id.values(), key=lambda entry: int(entry.id)))


def lines(made: Iterable[Step]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lines of a policy file that came and that went."""
    made = tuple(made)
    return differences(
        (step.before for step in made if step.before),
        (step.after for step in made if step.after),
    )


def fingerprint(row: Row) -> str:
    """Return what two rows have in common if, and only if, they say the same."""
    return hashlib.sha256(_canonical([row.kind, *row.fields])).hexdigest()


def entries_digest(entries: Iterable[Entry]) -> str:
    """Return what tells one state from another: what is decided, not why."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(
            _canonical([entry.id, entry.disabled, entry.row.kind, *entry.row.fields])
        )
        digest.update(b"\n")
    return digest.hexdigest()


def write_steps(made: Iterable[Step]) -> str:
    """Return *made* as JSON."""
    return json.dumps([[_written(step.before), _written(step.after)] for step in made])


def read_steps(text: str) -> tuple[Step, ...]:
    """Return what `write_steps` wrote."""
    return tuple(
        Step(before=_read(before), after=_read(after))
        for before, after in json.loads(text)
    )


def _written(entry: Entry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {
        "id": entry.id,
        "row": [entry.row.kind, *entry.row.fields],
        "note": entry.note,
        "author": entry.author,
        "created": entry.created.isoformat() if entry.created else None,
        "disabled": entry.disabled,
    }


def _read(written: Mapping[str, Any] | None) -> Entry | None:
    if written is None:
        return None
    kind, *fields = written["row"]
    created = written["created"]
    return Entry(
        id=written["id"],
        row=Row(kind, tuple(fields), Origin(STORED, int(written["id"]))),
        note=written["note"],
        author=written["author"],
        created=datetime.fromisoformat(created) if created else None,
        disabled=written["disabled"],
    )


#: Made once: `json.dumps` would make one for each entry.
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def _canonical(values: Sequence[object]) -> bytes:
    return _encode(values).encode()


def _refuse_twins(entries: Iterable[Entry], normalize: Normalize) -> None:
    seen: dict[tuple[str, tuple[str, ...]], Entry] = {}
    for entry in entries:
        twin = seen.setdefault(normalize(entry.row)[:2], entry)
        if twin is not entry:
            state = "there already, disabled" if twin.disabled else "there already"
            raise AlreadyThere(
                f"`{spell(entry.row.kind, *entry.row.fields)}` is {state} "
                f"({twin.row.origin})",
                "change that one instead",
            )


def _refuse_unfit(row: Row, note: str) -> None:
    longest = max((row.kind, *row.fields), key=len)
    problem = note_problem(note)
    if len(row.fields) > MAX_FIELDS:
        problem = Problem(
            message=f"there are {len(row.fields)} fields",
            hint=f"the table {STORED} has room for {MAX_FIELDS}",
        )
    elif len(longest) > MAX_FIELD:
        problem = Problem(
            message=f"`{longest[:40]}...` has {len(longest)} characters",
            hint=f"the table {STORED} has room for {MAX_FIELD}",
        )
    try:
        spell(row.kind, *row.fields)
    except InvalidValue as error:
        problem = problem or error.problem
    if problem:
        raise PolicyError([problem.at("the new row")])
