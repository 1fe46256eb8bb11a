"""Whoever touches a record of the chain breaks it there."""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.audit.chain import GENESIS, BrokenChain, Link, follow, sealed

_records = st.lists(
    st.dictionaries(
        st.sampled_from(["event", "subject", "path", "note", "detail"]),
        st.text(st.characters(codec="utf-8"), max_size=20) | st.integers(),
    ),
    min_size=2,
    max_size=8,
)


def follow_all(lines: Iterable[str], *, link: Link | None = None) -> Link:
    """Return where the chain stands behind all *lines*; *link* is where it stood."""
    stand, first = link or Link(), link is None
    for line in lines:
        stand, first = follow(stand, line, first=first), False
    return stand


def chain(records: list[dict[str, Any]]) -> list[str]:
    """Return *records* as the lines of a chain."""
    lines, head = [], GENESIS
    for number, record in enumerate(records, start=1):
        line, head = sealed(record, number=number, previous=head)
        lines.append(line)
    return lines


@given(records=_records)
def test_a_chain_is_followed(records: list[dict[str, Any]]):
    """What was written can be read again and follows, line by line."""
    lines = chain(records)

    link = follow_all(lines, link=Link())

    assert link.number == len(lines)
    assert link.head == json.loads(lines[-1])["hash"]
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_the_hash_is_that_of_the_line_without_it():
    """Any tool finds it again, whatever else is called `hash` in the line."""
    record = {"event": "x", "detail": {"hash": "h", "a": "\u00e4"}, "subject": "s"}
    line, digest = sealed(record, number=1, previous=GENESIS)
    whole = json.loads(line)
    without = {key: value for key, value in whole.items() if key != "hash"}
    plain = json.dumps(without, sort_keys=True, separators=(",", ":"))

    assert whole == {**record, "seq": 1, "prev_hash": GENESIS, "hash": digest}
    assert digest == sha256(plain.encode()).hexdigest()
    assert line == json.dumps(whole, sort_keys=True, separators=(",", ":"))


@given(records=_records, data=st.data())
def test_no_byte_can_be_changed(records: list[dict[str, Any]], data: st.DataObject):
    """Any other byte anywhere in a line breaks the chain."""
    lines = chain(records)
    at = data.draw(st.integers(0, len(lines) - 1))
    byte = data.draw(st.integers(0, len(lines[at]) - 1))
    other = data.draw(st.sampled_from(' x0"{}[]:,\\'))
    if lines[at][byte] == other:
        return
    lines[at] = lines[at][:byte] + other + lines[at][byte + 1 :]

    with pytest.raises(BrokenChain):
        follow_all(lines, link=Link())


@given(records=_records, data=st.data())
def test_no_line_can_be_taken_out(records: list[dict[str, Any]], data: st.DataObject):
    """Without one line that is not the last, the chain is broken."""
    lines = chain(records)
    del lines[data.draw(st.integers(0, len(lines) - 2))]

    with pytest.raises(BrokenChain, match="does not follow"):
        follow_all(lines, link=Link())


def test_lines_cannot_be_swapped_or_repeated():
    """The order is part of the chain."""
    lines = chain([{"event": "a"}, {"event": "b"}, {"event": "c"}])

    for wrong in ([lines[1], lines[0]], [lines[0], lines[0]], [lines[0], lines[2]]):
        with pytest.raises(BrokenChain, match="does not follow"):
            follow_all(wrong, link=Link())


def test_a_rotated_log_begins_anywhere():
    """What came before the oldest file that is kept is gone, and not missed."""
    lines = chain([{"event": "a"}, {"event": "b"}, {"event": "c"}])

    assert follow_all(lines[1:]).number == 3
    with pytest.raises(BrokenChain):
        follow_all(lines[1:], link=Link())


@pytest.mark.parametrize(
    "line",
    ["", "null", "[]", "{}", '{"seq":true,"prev_hash":""}', '{"seq":1}', "[" * 100_000],
)
def test_what_is_no_record_breaks_the_chain(line: str):
    """A line of something else is not skipped."""
    with pytest.raises(BrokenChain, match="not a record"):
        follow(Link(), line)


def test_a_name_that_stands_twice_is_seen():
    """A reader that takes the first of two values would read another record."""
    (line,) = chain([{"event": "policy:changed", "subject": "user:alice"}])
    forged = line.replace('"subject":', '"subject":"user:bob","subject":')

    assert json.loads(forged) == json.loads(line)
    with pytest.raises(BrokenChain, match="changed"):
        follow(Link(), forged)
