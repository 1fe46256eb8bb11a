"""What any store of policy entries does: a class of tests for each to inherit."""

from collections.abc import Sequence
from typing import Any

import pytest

from authz.decision import Origin
from authz.errors import AlreadyThere, PolicyError, StoreConflict
from authz.policy.csv_rows import Row
from authz.policy.records import (
    Add,
    Change,
    Entry,
    PolicyRecords,
    Remove,
    Replace,
    Revision,
    Switch,
)

#: A store that holds two rules and a grant.
ROWS = (
    ("p", "role:user", "/map", "GET"),
    ("p", "role:admin", "/*", "*"),
    ("g", "user:anna", "role:admin"),
)


def row(kind: str, *fields: str) -> Row:
    """Return a row that comes from nowhere."""
    return Row(kind, fields, Origin("test"))


def spoken(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """Return what *entries* say, in an order of its own."""
    return sorted((e.row.kind, *e.row.fields) for e in entries)


def nothing(*_: object) -> None:
    """Refuse nothing, and write nothing down."""


#: Who changes something, and has nothing against it.
FREE: dict[str, Any] = {
    "author": "user:anna",
    "note": "because",
    "check": nothing,
    "before_commit": nothing,
}


def apply(
    records: PolicyRecords, *changes: Change, expected: str | None = None, **named: Any
) -> Revision:
    """Apply *changes* to the state now."""
    seen = records.snapshot().etag if expected is None else expected
    return records.apply(changes, expected=seen, **(FREE | named))


def entry(records: PolicyRecords, *fields: str) -> Entry:
    """Return the entry with *fields*."""
    return next(e for e in records.snapshot().entries if e.row.fields == fields)


class Refused(Exception):
    """A check said no."""


class PolicyRecordsContract:
    """The fixture `records` is a store that can be written and holds `ROWS`."""

    def test_it_holds_what_it_was_given(self, records: PolicyRecords):
        """Every entry is there, with an id of its own, and enabled."""
        snapshot = records.snapshot()

        assert spoken(snapshot.entries) == sorted(ROWS)
        assert len({e.id for e in snapshot.entries}) == 3
        assert not any(e.disabled for e in snapshot.entries)
        assert not records.read_only

    def test_the_same_state_is_not_read_twice(self, records: PolicyRecords):
        """Until it changes, the very same snapshot answers."""
        first = records.snapshot()
        assert records.snapshot() is first

    @pytest.mark.parametrize(
        "note", ["", "why not", "# p, role:x, /*, *", "commas, \"quotes\" and 'more'"]
    )
    def test_adding(self, records: PolicyRecords, note: str):
        """What is added is there, with its note, beside what was there before."""
        before = records.snapshot()
        added = row("p", "group:a, b", '/x"y', "GET|POST", "deny")

        revision = apply(records, Add(row=added, note=note))

        found = entry(records, *added.fields)
        assert found.note == note
        assert spoken(records.snapshot().entries) == sorted(
            [*ROWS, (added.kind, *added.fields)]
        )
        assert records.snapshot().etag == revision.etag != before.etag
        assert records.snapshot().number == revision.number == before.number + 1

    def test_adding_what_is_disabled(self, records: PolicyRecords):
        """What is added disabled decides nothing; it comes with no line."""
        it = row("p", "role:user", "/x", "GET")

        revision = apply(records, Add(row=it, note="later", disabled=True))

        assert entry(records, *it.fields).disabled
        assert entry(records, *it.fields).note == "later"
        assert revision.added == ()

    def test_replacing(self, records: PolicyRecords):
        """Another rule stands in the place of the old one."""
        old = entry(records, "role:user", "/map", "GET")

        apply(
            records,
            Replace(id=old.id, row=row("p", "role:user", "/map", "*"), note="all"),
        )

        assert entry(records, "role:user", "/map", "*").note == "all"
        assert len(records.snapshot().entries) == 3

    def test_a_note_can_be_taken_away(self, records: PolicyRecords):
        """Replacing an entry by itself without a note leaves it without one."""
        it = row("p", "role:user", "/x", "GET")
        apply(records, Add(row=it, note="first"))
        apply(records, Replace(id=entry(records, *it.fields).id, row=it, note="second"))
        assert entry(records, *it.fields).note == "second"

        apply(records, Replace(id=entry(records, *it.fields).id, row=it))

        assert entry(records, *it.fields).note == ""

    def test_removing(self, records: PolicyRecords):
        """What is removed is gone, its note too, and nothing else."""
        it = row("p", "role:user", "/x", "GET")
        apply(records, Add(row=it, note="for a day"))

        apply(records, Remove(id=entry(records, *it.fields).id))

        assert spoken(records.snapshot().entries) == sorted(ROWS)
        assert not any(e.note for e in records.snapshot().entries)

    def test_disabling_and_enabling(self, records: PolicyRecords):
        """A disabled entry is kept as it is, and can be enabled again."""
        it = row("p", "role:user", "/x", "GET")
        apply(records, Add(row=it, note="sometimes"))

        apply(records, Switch(id=entry(records, *it.fields).id, disabled=True))
        off = entry(records, *it.fields)
        assert off.disabled
        assert off.note == "sometimes"

        apply(records, Switch(id=off.id, disabled=False))
        on = entry(records, *it.fields)
        assert not on.disabled
        assert on.note == "sometimes"

    def test_a_row_is_not_there_twice(self, records: PolicyRecords):
        """Neither an addition nor a replacement makes a twin, of a disabled one too."""
        it = row("p", "role:user", "/x", "GET")
        apply(records, Add(row=it))
        apply(records, Switch(id=entry(records, *it.fields).id, disabled=True))
        other = entry(records, "role:user", "/map", "GET")
        before = records.snapshot()

        for change in (
            [Add(row=it)],
            [Add(row=row(*it[:1], *it.fields, "allow"))],
            [Replace(id=other.id, row=it)],
            [
                Add(row=row("p", "a:b", "/", "GET")),
                Add(row=row("p", "a:b", "/", "GET")),
            ],
        ):
            with pytest.raises(AlreadyThere):
                apply(records, *change)

        assert records.snapshot() == before

    def test_a_change_that_changes_nothing_is_none(self, records: PolicyRecords):
        """No revision is made, nobody is asked; the newest revision is the answer."""
        it = entry(records, "role:user", "/map", "GET")
        made = apply(records, Replace(id=it.id, row=it.row, note="look"))
        it = entry(records, "role:user", "/map", "GET")
        before = records.snapshot()

        def never(*_: object) -> None:
            raise Refused

        for change in (
            [],
            [Switch(id=it.id, disabled=False)],
            [Replace(id=it.id, row=it.row, note="look")],
            [Switch(id=it.id, disabled=True), Switch(id=it.id, disabled=False)],
        ):
            assert apply(records, *change, check=never, before_commit=never) == made

        assert records.snapshot() == before

    def test_all_or_nothing(self, records: PolicyRecords):
        """One change that names nothing undoes the rest."""
        before = records.snapshot()

        with pytest.raises(LookupError):
            apply(
                records,
                Add(row=row("p", "role:user", "/x", "GET")),
                Remove(id="no such entry"),
            )

        assert records.snapshot() == before

    def test_several_at_once(self, records: PolicyRecords):
        """Ids are those of the state that was seen, whatever else changes."""
        first = entry(records, "role:user", "/map", "GET")
        last = entry(records, "user:anna", "role:admin")

        revision = apply(
            records,
            Add(row=row("g", "user:bob", "role:admin"), note="deputy"),
            Remove(id=first.id),
            Replace(id=last.id, row=row("g", "user:carol", "role:admin")),
            Add(row=row("p", "role:user", "/", "GET")),
        )

        assert spoken(records.snapshot().entries) == sorted(
            [
                ROWS[1],
                ("g", "user:bob", "role:admin"),
                ("g", "user:carol", "role:admin"),
                ("p", "role:user", "/", "GET"),
            ]
        )
        assert sorted(revision.added) == [
            "g, user:bob, role:admin",
            "g, user:carol, role:admin",
            "p, role:user, /, GET",
        ]
        assert sorted(revision.removed) == [
            "g, user:anna, role:admin",
            "p, role:user, /map, GET",
        ]

    def test_an_entry_that_is_gone_cannot_be_changed(self, records: PolicyRecords):
        """Nothing follows the removal of an entry."""
        it = entry(records, "role:user", "/map", "GET")

        with pytest.raises(LookupError):
            apply(records, Remove(id=it.id), Switch(id=it.id, disabled=True))

    def test_who_comes_late_is_told(self, records: PolicyRecords):
        """A change to a state that is not there any more is a conflict."""
        seen = records.snapshot().etag
        apply(records, Add(row=row("p", "role:user", "/x", "GET")))
        before = records.snapshot()

        with pytest.raises(StoreConflict):
            apply(records, Add(row=row("p", "role:user", "/y", "GET")), expected=seen)

        assert records.snapshot() == before

    @pytest.mark.parametrize("part", ["check", "before_commit"])
    def test_what_is_refused_is_not_done(self, records: PolicyRecords, part: str):
        """Check and before_commit can each refuse a change; then nothing happens."""
        before = records.snapshot()

        def refuse(*_: object) -> None:
            raise Refused

        with pytest.raises(Refused):
            apply(
                records,
                Add(row=row("p", "role:user", "/x", "GET")),
                **{part: refuse},
            )

        assert records.snapshot() == before
        assert [r.note for r in records.history(limit=10)].count("because") == 0

    def test_the_check_sees_what_is_and_what_would_be(self, records: PolicyRecords):
        """The check gets every entry, disabled ones too; before_commit the revision."""
        known = records.snapshot().entries
        seen: list[Entry] = []

        def check(before: Sequence[Entry], after: Sequence[Entry]) -> None:
            assert tuple(before) == known
            seen.extend(after)

        noted: list[Revision] = []
        off = entry(records, "role:user", "/map", "GET")

        revision = apply(
            records,
            Switch(id=off.id, disabled=True),
            Add(row=row("p", "role:user", "/x", "GET")),
            check=check,
            before_commit=noted.append,
        )

        assert spoken(seen) == sorted([*ROWS, ("p", "role:user", "/x", "GET")])
        assert tuple(seen) == records.snapshot().entries
        assert [e.row.fields for e in seen if e.disabled] == [off.row.fields]
        assert noted == [revision]
        assert revision.added == ("p, role:user, /x, GET",)
        assert revision.removed == ("p, role:user, /map, GET",)

    def test_what_would_be(self, records: PolicyRecords):
        """It is what is there then. Nothing changes, and what would be is refused."""
        before = records.snapshot()
        gone, *_ = before.entries
        changes = (Add(row=row("p", "role:user", "/a", "GET")), Remove(id=gone.id))
        asked: dict[str, Any] = {"expected": before.etag, "author": "user:anna"}

        would = records.would_be(changes, **asked)
        assert records.snapshot() == before
        for refused, error in (
            ((Add(row=gone.row),), AlreadyThere),
            ((Remove(id="99"),), LookupError),
        ):
            with pytest.raises(error):
                records.would_be(refused, **asked)
        apply(records, *changes)
        assert [e.row for e in records.snapshot().entries] == [e.row for e in would]
        with pytest.raises(StoreConflict):
            records.would_be(changes, **asked)

    def test_history(self, records: PolicyRecords):
        """Every change is told with who, when, why and what; the newest first."""
        for path in ("/a", "/b", "/c"):
            apply(records, Add(row=row("p", "role:user", path, "GET")), note=path)

        newest = records.history(limit=2)

        assert [r.note for r in newest] == ["/c", "/b"]
        assert newest[0].author == "user:anna"
        assert newest[0].at.tzinfo is not None
        assert newest[0].added == ("p, role:user, /c, GET",)
        assert newest[0].etag == records.snapshot().etag
        older = records.history(limit=1, before=newest[1].number)
        assert [r.note for r in older] == ["/a"]

    def test_the_state_of_an_earlier_revision(self, records: PolicyRecords):
        """What a revision left can be looked at again."""
        first = apply(records, Add(row=row("p", "role:user", "/a", "GET")))
        then = spoken(records.snapshot().entries)
        apply(records, Add(row=row("p", "role:user", "/b", "GET")))

        assert spoken(records.at(first.number).entries) == then
        with pytest.raises(LookupError):
            records.at(first.number + 7)

    def test_going_back(self, records: PolicyRecords):
        """The state is what the revision left, and the history goes on."""
        first = apply(records, Add(row=row("p", "role:user", "/a", "GET"), note="a"))
        then = spoken(records.snapshot().entries)
        apply(records, Remove(id=entry(records, "role:user", "/map", "GET").id))
        with pytest.raises(StoreConflict):
            records.go_back(first.number, expected=first.etag, **FREE)
        made = records.go_back(first.number, expected=records.etag(), **FREE)

        assert made.number == first.number + 2
        assert (made.note, made.added) == ("because", ("p, role:user, /map, GET",))
        assert spoken(records.snapshot().entries) == then
        assert records.etag() == records.snapshot().etag == made.etag

    @pytest.mark.parametrize("bad", ["two\nlines", "x" * 501, "\u202eevil", "\x1b[0m"])
    def test_a_note_is_one_plain_line(self, records: PolicyRecords, bad: str):
        """What could begin a line of its own, or hide, is refused."""
        before = records.snapshot()

        with pytest.raises(PolicyError):
            apply(records, Add(row=row("p", "role:user", "/x", "GET"), note=bad))

        assert records.snapshot() == before

    @pytest.mark.parametrize("bad", ["/x\np, role:user, /*, *", "/\x00", "/x\r", "/x "])
    def test_a_field_is_one_plain_piece(self, records: PolicyRecords, bad: str):
        """What could begin a row of its own is refused."""
        before = records.snapshot()

        with pytest.raises(PolicyError):
            apply(records, Add(row=row("p", "role:user", bad, "GET")))

        assert records.snapshot() == before
