"""A change to a policy file touches the lines it is about and no other."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.errors import PolicyError
from authz.policy.csv_edit import edited, patch, read_entries
from authz.policy.csv_rows import Row, read_rows
from authz.policy.records import Add, Change, Remove, Replace, Switch
from tests.contracts.policy_records import row

TEXT = b"""# people
p, role:user, /map, GET   \n
# admins
# note: all of it
p, role:admin, /*, *
# disabled: p, role:user, /chat, POST
# disabled: this is no rule
g, user:anna, role:admin"""

_lines = st.sampled_from(
    [
        b"# a comment",
        b"",
        b"# note: why",
        b"  p , role:user,\t/map, GET ",
        b'g, "user:a", role:user',
        b"p, role:admin, /*, *",
        b"#disabled:  p, role:user, /off, GET",
        b"p, role:user, /x, GET, deny",
    ]
)


NEW = row("p", "role:new", "/new", "POST")


def change(data: bytes, *changes: Change) -> bytes:
    """Return *data* after *changes*."""
    return edited(data, changes, source="policy.csv")


def test_entries_are_named_by_their_lines():
    """Notes and disabled rows are read back; other comments are nobody's."""
    entries = read_entries(TEXT)

    assert [(e.id, e.note, e.disabled) for e in entries] == [
        ("L2", "", False),
        ("L6", "all of it", False),
        ("L7", "", True),
        ("L9", "", False),
    ]
    assert entries[2].row.fields == ("role:user", "/chat", "POST")


def test_a_rule_goes_behind_its_like():
    """A new rule stands with the other rules of the same subject."""
    changed = change(TEXT, Add(row=row("p", "role:user", "/chat", "GET"), note="talk"))

    assert changed == TEXT.replace(
        b"GET   \n", b"GET   \n# note: talk\np, role:user, /chat, GET\n", 1
    )


def test_rows_for_somebody_new_go_to_the_end():
    """The last line gets its end first, and what is alike stays together."""
    changed = change(
        TEXT,
        Add(row=row("g", "group:a, b", "role:user")),
        Add(row=NEW),
        Add(row=row("g", "group:a, b", "role:new")),
    )

    assert changed == TEXT + (
        b'\ng, "group:a, b", role:user\ng, "group:a, b", role:new\n'
        b"p, role:new, /new, POST\n"
    )


@given(
    lines=st.lists(_lines, max_size=12),
    end=st.sampled_from([b"\n", b"\r\n"]),
    final=st.booleans(),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    note=st.sampled_from(["", "for now"]),
)
def test_adding_and_removing_is_no_change(
    lines: list[bytes], end: bytes, final: bool, mark: bytes, note: str
):
    """What was added and taken away again leaves every byte as it was."""
    data = mark + end.join(lines) + (end if final else b"")
    changed = change(data, Add(row=NEW, note=note))
    (added,) = [e for e in read_entries(changed) if e.row.fields == NEW.fields]
    assert added.note == note

    left = change(changed, Remove(id=added.id))

    # A last line without an end got one, and a note on nothing at the very end got a
    # blank line behind it.
    assert left.startswith(data)
    assert left.removeprefix(data) in {b"", end, b"\n", end + end, b"\n\n"}
    if not data.rstrip(b"\r\n").endswith(b"# note: why"):
        assert left in {data, data + b"\n", data + b"\r\n"}


@given(
    lines=st.lists(_lines, min_size=1, max_size=12),
    number=st.integers(0, 11),
    final=st.booleans(),
)
def test_switching_there_and_back_is_no_change(
    lines: list[bytes], number: int, final: bool
):
    """A disabled row is the same row behind a mark."""
    data = b"\n".join(lines) + (b"\n" if final else b"")
    entries = [e for e in read_entries(data) if not e.disabled]
    if not entries:
        return
    it = entries[number % len(entries)]

    off = change(data, Switch(id=it.id, disabled=True))
    on = change(off, Switch(id=it.id, disabled=False))

    assert len(read_rows(off).rows) == len(read_rows(data).rows) - 1
    # Blanks in front of a row are not kept.
    before, after = data.split(b"\n"), on.split(b"\n")
    at = it.row.origin.line - 1
    assert after[at] == before[at].lstrip()
    assert after[:at] + after[at + 1 :] == before[:at] + before[at + 1 :]
    assert change(data, Switch(id=it.id, disabled=False)) == data


@given(lines=st.lists(_lines, min_size=1, max_size=12), number=st.integers(0, 11))
def test_replacing_touches_one_line(lines: list[bytes], number: int):
    """Every other line is byte for byte the same."""
    data = b"\r\n".join(lines)
    entries = read_entries(data)
    if not entries:
        return
    it = entries[number % len(entries)]

    other = Replace(id=it.id, row=row("g", "user:z", "role:z"), note=it.note)
    changed = change(data, other).split(b"\r\n")

    before = data.split(b"\r\n")
    off = b"# disabled: " if it.disabled else b""
    before[it.row.origin.line - 1] = off + b"g, user:z, role:z"
    assert changed == before


@pytest.mark.parametrize(
    "odd",
    [
        row("p", "role:user\np, user:evil", "/*", "GET"),
        row("p", "role:user", "/*\r", "GET"),
        row("p", " role:user", "/map", "GET"),
        row("p", "role:user", "/map", 'G"ET\n'),
        row("#p", "role:user", "/map", "GET"),
        row("", "role:user", "/map", "GET"),
        row("p\np", "role:user", "/map", "GET"),
    ],
)
def test_no_field_can_become_a_line(odd: Row):
    """A value with a line end in it cannot be written."""
    for each in (Add(row=odd), Replace(id="L2", row=odd)):
        with pytest.raises(PolicyError):
            change(TEXT, each)


def test_no_note_can_become_a_line():
    """A note with a line end in it cannot be written."""
    for each in (Add(row=NEW, note="a\nb"), Replace(id="L2", row=NEW, note="a\rb")):
        with pytest.raises(PolicyError, match="cannot be seen"):
            change(TEXT, each)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("final", [b"", b"\n"])
def test_the_patch_is_one(tmp_path: Path, end: bytes, final: bytes):
    """Git makes the changed file of the old one with the patch."""
    before = (TEXT + final).replace(b"\n", end)
    after = change(
        before,
        Remove(id="L2"),
        Add(row=NEW, note="naïve"),
        Switch(id="L9", disabled=True),
    )
    (tmp_path / "policy.csv").write_bytes(before)

    text = patch(before, after, name="policy.csv")
    subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"],
        input=text.encode(),
        cwd=tmp_path,
        check=True,
    )

    assert (tmp_path / "policy.csv").read_bytes() == after
