"""The canonical spelling of a policy file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.errors import PolicyError
from authz.policy.csv_rows import read_rows
from authz.policy.format import formatted

FIELDS = st.sampled_from(
    ["p", "g", "role:user", "/map", "GET|POST", "*", '"a, b"', '"x""y"', "deny", ""]
)
BLANKS = st.sampled_from(["", " ", "\t", "  "])
ROWS = st.builds(
    lambda kind, fields, blanks: f",{blanks}".join([kind, *fields]) + blanks,
    st.sampled_from(["p", "g", "p2"]),
    st.lists(FIELDS, min_size=1, max_size=4),
    BLANKS,
)
LINES = st.one_of(ROWS, BLANKS, st.sampled_from(["# why", "  # note: x  ", "#"]))


@given(st.lists(LINES), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_it_changes_nothing_that_counts(lines: list[str], end: str, closed: bool):
    """Rows and comments stay, in their order; a second time changes nothing."""
    data = (end.join(lines) + (end if closed else "")).encode()
    try:
        before = read_rows(data)
        tidy = formatted(data)
    except PolicyError:
        return
    after = read_rows(tidy)

    assert [row[:2] for row in after.rows] == [row[:2] for row in before.rows]
    assert _comments(tidy) == _comments(data)
    assert formatted(tidy) == tidy
    assert b"\r" not in tidy
    assert b"\n\n\n" not in tidy


def test_what_is_spelled_anew():
    """Blanks, quotes nobody needs, line ends, the mark at the start, blank lines."""
    data = '\ufeff\n\np,role:user , /map,GET \r\n\n\n  # why\np, "role:user", /x, *'

    assert formatted(data.encode()).decode() == (
        "p, role:user, /map, GET\n\n# why\np, role:user, /x, *\n"
    )


def test_what_cannot_be_read_is_left_alone():
    """A file with a mistake is not formatted."""
    with pytest.raises(PolicyError, match=r"policy\.csv:1"):
        formatted(b'p, "role:user, /map, GET\n')


def test_a_line_that_would_become_too_long():
    """A line at the limit is not made unreadable."""
    data = b"p," + b",".join([b"x"] * 2000)

    with pytest.raises(PolicyError, match=r"policy\.csv:1: no spelling"):
        formatted(data)


def _comments(data: bytes) -> list[bytes]:
    lines = (line.strip() for line in data.splitlines())
    return [line for line in lines if line.startswith(b"#")]
