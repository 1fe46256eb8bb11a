"""What was done can be looked at, compared and taken back."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.admin import changes, history
from authz.admin.changes import Draft
from authz.admin.context import AdminContext
from authz.admin.rules import rule_row
from authz.errors import NotFound, StoreConflict
from authz.policy.csv_edit import edited, read_entries
from authz.policy.records import (
    Add,
    Change,
    Remove,
    Replace,
    Switch,
    changes_between,
)
from tests.unit.admin.conftest import ALICE


def do(context: AdminContext, *made: Change, note: str = "") -> int:
    """Make a change; return the number of its revision."""
    base = changes.state(context).etag
    return changes.apply(
        context, ALICE, Draft(base=base, changes=made), note=note
    ).number


def talk(path: str) -> Add:
    """Return the addition of a rule for *path*."""
    return Add(row=rule_row(subject="role:user", path=path), note=f"on {path}")


def test_revisions(context: AdminContext):
    """The newest first, each with who, why and what."""
    first = do(context, talk("/a"), note="one")
    second = do(context, talk("/b"), note="two")

    assert [(r.note, r.author) for r in history.revisions(context)][:2] == [
        ("two", "user:alice"),
        ("one", "user:alice"),
    ]
    assert history.revision(context, first).added == ("p, role:user, /a, *",)
    assert [r.number for r in history.revisions(context, limit=1, before=second)] == [
        first
    ]
    with pytest.raises(NotFound):
        history.revision(context, 999)


def test_what_lies_between(context: AdminContext):
    """Two revisions, or one and the state now, can be compared."""
    first = do(context, talk("/a"))
    do(context, talk("/b"))

    found = history.difference(context, first)

    assert found.added == ("p, role:user, /b, *",)
    assert found.removed == ()
    assert found.after
    assert found.after.revision == context.policy.revision
    assert history.difference(context, first + 1, first).removed == found.added
    with pytest.raises(NotFound):
        history.difference(context, 999)


def test_rolling_back(context: AdminContext):
    """The old state is in force again, as a new revision."""
    first = do(context, talk("/a"))
    old = context.policy.revision
    off = next(e for e in changes.state(context).entries if e.row.fields[1] == "/map")
    do(context, Switch(id=off.id, disabled=True), talk("/b"))
    last = changes.state(context)

    made = history.roll_back(context, ALICE, first, base=last.etag, note="too much")

    assert made.number == last.number + 1
    assert made.note == "too much"
    assert context.policy.revision == old
    assert {(e.row.fields, e.note) for e in changes.state(context).entries} == {
        (e.row.fields, e.note) for e in context.records.at(first).entries
    }


def test_rolling_back_what_somebody_else_has_changed(context: AdminContext):
    """The state must be the one that was looked at."""
    first = do(context, talk("/a"))
    base = changes.state(context).etag
    do(context, talk("/b"))

    with pytest.raises(StoreConflict):
        history.roll_back(context, ALICE, first, base=base, note="")


def test_a_state_that_cannot_be_any_more(make_context: Callable[..., AdminContext]):
    """An old state that would be refused today is still compared, by its lines."""
    context = make_context()
    first = do(context, talk("/a"))
    folder = Path(context.settings.policy)
    old = folder.with_name(f".{folder.name}.history") / f"{first}.csv"
    old.write_text("p, role:user, /old, GET\ng, role:everyone, role:admin\n")

    found = history.difference(context, first)

    assert found.before is None
    assert "p, role:user, /old, GET" in found.removed


_entries = st.dictionaries(
    st.sampled_from([f"p, role:r{n}, /{n}, GET" for n in range(6)]),
    st.tuples(st.sampled_from(["", "a", "b"]), st.booleans()),
)


def _text(entries: dict[str, tuple[str, bool]]) -> bytes:
    lines = []
    for line, (note, disabled) in entries.items():
        lines += [f"# note: {note}"] if note else []
        lines.append(f"# disabled: {line}" if disabled else line)
    return "".join(f"{line}\n" for line in lines).encode()


@given(now=_entries, then=_entries)
def test_there_is_always_a_way_back(
    now: dict[str, tuple[str, bool]], then: dict[str, tuple[str, bool]]
):
    """The changes lead from any state to any other, notes and all."""
    here, there = read_entries(_text(now)), read_entries(_text(then))

    after = edited(_text(now), changes_between(here, there), source="policy.csv")

    def said(entries: object) -> set[object]:
        return {(e.row.fields, e.note, e.disabled) for e in entries}

    assert said(read_entries(after)) == said(there)


def test_twins_by_hand_become_one():
    """A row that stands twice in the file is left once."""
    data = b"p, role:a, /, GET\np, role:a, /, GET\n"
    entries = read_entries(data)

    assert changes_between(entries, entries[:1]) == (Remove(id="L2"),)
    assert changes_between(entries[:1], entries) == ()
    assert Replace not in map(type, changes_between(entries, entries))
