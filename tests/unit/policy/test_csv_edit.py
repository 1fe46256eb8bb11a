"""A change to a policy file touches the line it is about and no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.errors import PolicyError
from authz.policy.csv_edit import add_row, remove_row, replace_row
from authz.policy.csv_rows import read_rows, spell

TEXT = b"""# people
p, role:user, /map, GET   \n
# admins
p, role:admin, /*, *
g, user:anna, role:admin"""

_lines = st.sampled_from(
    [
        b"# a comment",
        b"",
        b"  p , role:user,\t/map, GET ",
        b'g, "user:a", role:user',
        b"p, role:admin, /*, *",
        b"p, role:user, /x, GET, deny",
    ]
)


def test_a_rule_goes_behind_its_like():
    """A new rule stands with the other rules of the same subject."""
    changed = add_row(TEXT, spell("p", "role:user", "/chat", "GET"))

    assert changed == TEXT.replace(
        b"GET   \n", b"GET   \np, role:user, /chat, GET\n", 1
    )


def test_a_row_for_somebody_new_goes_to_the_end():
    """The last line gets its end first."""
    changed = add_row(TEXT, spell("g", "group:a, b", "role:user"))

    assert changed == TEXT + b'\ng, "group:a, b", role:user\n'


@given(
    lines=st.lists(_lines, max_size=12),
    end=st.sampled_from([b"\n", b"\r\n"]),
    final=st.booleans(),
)
def test_adding_and_removing_is_no_change(lines: list[bytes], end: bytes, final: bool):
    """What was added and taken away again leaves every byte as it was."""
    data = end.join(lines) + (end if final else b"")
    changed = add_row(data, spell("p", "role:new", "/new", "POST"))
    added = next(r for r in read_rows(changed).rows if r.fields[0] == "role:new")

    left = remove_row(changed, added)

    # A last line without an end got one.
    assert left in {data, data + b"\n", data + b"\r\n"}


@given(lines=st.lists(_lines, min_size=1, max_size=12), number=st.integers(0, 11))
def test_replacing_touches_one_line(lines: list[bytes], number: int):
    """Every other line is byte for byte the same."""
    data = b"\r\n".join(lines)
    rows = read_rows(data).rows
    if not rows:
        return
    row = rows[number % len(rows)]

    changed = replace_row(data, row, spell("g", "user:z", "role:z")).split(b"\r\n")

    before = data.split(b"\r\n")
    before[row.origin.line - 1] = b"g, user:z, role:z"
    assert changed == before


def test_a_line_that_moved_is_not_touched():
    """Somebody edited the file meanwhile: nothing is removed or replaced."""
    row = read_rows(TEXT).rows[0]

    for change in (remove_row, lambda d, r: replace_row(d, r, "g, user:z, role:z")):
        with pytest.raises(PolicyError, match="not what it was"):
            change(b"# new first line\n" + TEXT, row)


@pytest.mark.parametrize(
    "line", ["", "# comment", "g, a, b\ng, c, d", "p, \x00, /, GET"]
)
def test_only_one_row_can_be_written(line: str):
    """A line that would not be read back as one row is refused."""
    row = read_rows(TEXT).rows[0]

    with pytest.raises(PolicyError):
        add_row(TEXT, line)
    with pytest.raises(PolicyError):
        replace_row(TEXT, row, line)


@pytest.mark.parametrize(
    "fields",
    [
        ("role:user\np, user:evil", "/*", "GET"),
        ("role:user", "/*\r", "GET"),
        (" role:user", "/map", "GET"),
        ("role:user", "/map", 'G"ET\n'),
    ],
)
def test_no_field_can_become_a_line(fields: tuple[str, ...]):
    """A value with a line end in it cannot be spelled."""
    with pytest.raises(ValueError, match=r"cannot be written|control character"):
        spell("p", *fields)
