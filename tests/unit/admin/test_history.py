"""What was done can be compared, and there is always a way back."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from authz.admin import history
from authz.admin.context import AdminContext
from authz.policy.csv_edit import edited, read_entries
from authz.policy.records import Add, Remove, Replace, changes_between
from authz.policy.written_rule import WrittenRule
from tests.unit.admin.conftest import do


def test_a_state_that_cannot_be_any_more(context: AdminContext):
    """An old state that would be refused today is still compared, by its lines."""
    first = do(
        context, Add(row=WrittenRule(subject="role:user", path="/a").row())
    ).number
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
