"""Drafts on their way: put together step by step, carried as text, built anew.

A draft is kept by its author alone, in a form or a file. It names entries by their ids
and remembers what they said, so that it finds them again when somebody else has changed
the policy meanwhile.
"""

import json
from dataclasses import replace
from typing import Any, Final

from authz.admin.changes import Draft
from authz.admin.context import AdminContext
from authz.decision import Origin
from authz.errors import NotFound, StoreConflict
from authz.policy.csv_rows import Row, spell
from authz.policy.records import Add, Change, Remove, Replace, Switch

#: A draft of more changes than this is an import.
MAX_CHANGES: Final = 500
_DRAFT: Final = Origin("the draft")


def begin(context: AdminContext) -> Draft:
    """Return an empty draft on the state now."""
    return Draft(base=context.records.snapshot().etag)


def amended(context: AdminContext, draft: Draft, *changes: Change) -> Draft:
    """Return *draft* with *changes* behind what it has.

    Raises:
        StoreConflict: if somebody else changed the policy since it was begun.
        NotFound: if a change names an entry that is not there.
    """
    now = context.records.snapshot()
    if now.etag != draft.base:
        raise StoreConflict(
            "somebody else changed the policy since this draft was begun",
            "build it on the new state first",
        )
    said = {e.id: spell(e.row.kind, *e.row.fields) for e in now.entries}
    about = dict(draft.about)
    for change in changes:
        if isinstance(change, Add):
            continue
        if change.id not in said:
            raise NotFound(f"there is no entry `{change.id[:80]}`")
        about[change.id] = said[change.id]
    return replace(
        draft, changes=(*draft.changes, *changes), about=tuple(about.items())
    )


def without(draft: Draft, index: int) -> Draft:
    """Return *draft* without its change number *index*, from 0. Raises `NotFound`."""
    if not 0 <= index < len(draft.changes):
        raise NotFound(f"the draft has no change number {index + 1}")
    kept = draft.changes[:index] + draft.changes[index + 1 :]
    return replace(draft, changes=kept)


def undone(draft: Draft, change: Change) -> Draft | None:
    """Return *draft* without what *change* would only take back, or None."""
    for index, known in enumerate(draft.changes):
        match known, change:
            case Add(), Add() if known.row[:2] == change.row[:2]:
                return without(draft, index)
            case Remove(), Remove() if known.id == change.id:
                return without(draft, index)
            case Switch(), Switch() if (
                known.id == change.id and known.disabled is not change.disabled
            ):
                return without(draft, index)
    return None


def rebased(context: AdminContext, draft: Draft) -> tuple[Draft, tuple[str, ...]]:
    """Return *draft* on the state now, and the lines it cannot find there any more.

    Changes of what somebody else has removed or changed meanwhile are left out, and so
    are additions of what is there already.
    """
    now = context.records.snapshot()
    said = {spell(e.row.kind, *e.row.fields): e.id for e in now.entries}
    about = dict(draft.about)
    changes: list[Change] = []
    lost: list[str] = []
    for change in draft.changes:
        if isinstance(change, Add):
            line = spell(change.row.kind, *change.row.fields)
            if line in said:
                lost.append(line)
            else:
                changes.append(change)
            continue
        line = about.get(change.id, "")
        if line in said:
            changes.append(replace(change, id=said[line]))
        else:
            lost.append(line or change.id)
    found = {said[line]: line for line in about.values() if line in said}
    return (
        Draft(base=now.etag, changes=tuple(changes), about=tuple(found.items())),
        tuple(lost),
    )


def as_text(draft: Draft) -> str:
    """Return *draft* as one line of JSON, for a form to carry."""
    return json.dumps(
        {
            "base": draft.base,
            "changes": [change_as_json(change) for change in draft.changes],
            "about": dict(draft.about),
        },
        separators=(",", ":"),
    )


def from_text(text: str) -> Draft:
    """Return the draft that *text* is.

    Its author may have changed it on the way; nothing in it is believed, and all of it
    is checked when it is looked at or applied.

    Raises:
        NotFound: if it is not a draft.
    """
    try:
        carried = json.loads(text)
        changes = carried["changes"]
        if len(changes) > MAX_CHANGES:
            raise NotFound(f"a draft has at most {MAX_CHANGES} changes")
        return Draft(
            base=_text(carried["base"]),
            changes=tuple(_change(change) for change in changes),
            about=tuple((k, _text(v)) for k, v in carried["about"].items()),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotFound("this is not a draft (any more)", "begin again") from error


def change_as_json(change: Change) -> dict[str, Any]:
    """Return *change* as JSON knows values: `do` says what it is."""
    match change:
        case Add():
            return {
                "do": "add",
                "row": [change.row.kind, *change.row.fields],
                "note": change.note,
                "disabled": change.disabled,
            }
        case Replace():
            return {
                "do": "replace",
                "id": change.id,
                "row": [change.row.kind, *change.row.fields],
                "note": change.note,
            }
        case Remove():
            return {"do": "remove", "id": change.id}
        case Switch():
            return {
                "do": "disable" if change.disabled else "enable",
                "id": change.id,
            }


def _change(carried: Any) -> Change:
    match carried["do"]:
        case "add":
            return Add(
                row=_row(carried["row"]),
                note=_text(carried["note"]),
                disabled=carried["disabled"] is True,
            )
        case "replace":
            return Replace(
                id=_text(carried["id"]),
                row=_row(carried["row"]),
                note=_text(carried["note"]),
            )
        case "remove":
            return Remove(id=_text(carried["id"]))
        case "disable" | "enable" as do:
            return Switch(id=_text(carried["id"]), disabled=do == "disable")
        case _:
            raise ValueError("no such change")


def _row(carried: Any) -> Row:
    kind, *fields = map(_text, carried)
    spell(kind, *fields)  # raises ValueError for what is not one line
    return Row(kind, tuple(fields), _DRAFT)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
