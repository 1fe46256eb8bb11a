"""The audit log in a database: chained, complete, and kept with what it tells of."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from authz.audit import AuditEvent, EventTag
from authz.audit.chain import follow, sealed
from authz.audit.log import Wanted
from authz.errors import AuditFailure, AuthzError, StoreError
from authz.identity.people import Person
from authz.stores.file.audit_flood import BURST
from authz.stores.sql import audit as module
from authz.stores.sql import audit_log
from authz.stores.sql.audit import SqlAudit
from authz.stores.sql.audit_log import SqlAuditLog
from authz.stores.sql.database import Database
from authz.stores.sql.people import SqlPeople
from authz.stores.sql.tables import authz_audit, authz_audit_head
from tests.contracts.conftest import POSTGRESQL, database_url

NOW = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def event(tag: EventTag = EventTag.DECISION_DENY, **fields: Any) -> AuditEvent:
    """Return something that happened."""
    return AuditEvent(tag=tag, **({"at": NOW, "subject": "user:bob"} | fields))


def change(**fields: Any) -> AuditEvent:
    """Return something that an administrator changed."""
    return event(EventTag.PERSON_ADDED, about="user:eve", **fields)


def lines(database: Database) -> list[str]:
    """Return what is in the log, in order."""
    with database.read() as connection:
        query = select(authz_audit.c.line).order_by(authz_audit.c.number)
        return list(connection.scalars(query))


def test_changes_are_written_at_once(database: Database):
    """Nothing else is, until there is time for it."""
    audit = SqlAudit(database)
    audit.record(event())
    audit.record(change())
    assert len(lines(database)) == 1
    audit.write_waiting()

    assert len(lines(database)) == 2
    assert SqlAuditLog(database).verify().problems == ()


def test_two_processes_write_one_chain(
    tmp_path: Path, open_database: Callable[[str], Database]
):
    """Whoever is first: each follows the other."""
    url = database_url("sqlite", tmp_path, None)
    one, other = (SqlAudit(open_database(url)) for _ in range(2))
    for turn in range(5):
        for audit in (one, other):
            audit.record(event(path=f"/{turn}"))
            audit.record(change(note=str(turn)))
        other.write_waiting()
    one.write_waiting()
    found = SqlAuditLog(open_database(url)).verify()

    assert (found.count, found.first, found.problems) == (20, 1, ())


def test_the_record_is_kept_with_the_change_or_neither(database: Database):
    """A change that is refused later leaves no record, and the chain is whole."""
    audit, people = SqlAudit(database), SqlPeople(database)
    eve = Person(id="eve", display_name="Eve", source="local")

    class Refused(AuthzError):
        pass

    def note(_before: object, _after: object) -> None:
        audit.record(change())

    def note_and_refuse(_before: object, _after: object) -> None:
        audit.record(change())
        raise Refused

    with pytest.raises(Refused):
        people.add(eve, check=lambda _: None, before_commit=note_and_refuse)
    assert lines(database) == []
    people.add(eve, check=lambda _: None, before_commit=note)

    assert len(lines(database)) == 1
    assert SqlAuditLog(database).verify().problems == ()


def test_without_a_record_there_is_no_change(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    """If it cannot be written, what it tells of does not happen."""
    audit, people = SqlAudit(database), SqlPeople(database)
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE authz_audit RENAME COLUMN line TO x")

    def note(_before: object, _after: object) -> None:
        audit.record(change())

    with pytest.raises(AuditFailure, match="cannot be written"):
        people.add(
            Person(id="eve", display_name="Eve", source="local"),
            check=lambda _: None,
            before_commit=note,
        )
    assert people.find("eve") is None


def test_what_cannot_be_written_waits(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    """Until it can; then it is there once, in its order."""
    audit = SqlAudit(database)
    for number in range(3):
        audit.record(event(path=f"/{number}"))

    def fail(*_: Any, **__: Any) -> Any:
        raise StoreError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", fail)
        with pytest.raises(StoreError):
            audit.write_waiting()
    audit.write_waiting()
    audit.write_waiting()
    found = SqlAuditLog(database).find(Wanted(), limit=10)

    assert [record["path"] for record in found.records] == ["/2", "/1", "/0"]


def test_what_is_dropped_is_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    """A flood neither fills the memory nor goes unnoticed; changes are never lost."""
    monkeypatch.setattr(module, "WAITING", 2)
    audit = SqlAudit(database)
    for _ in range(5):
        audit.record(event())
    audit.record(change())
    audit.write_waiting()
    records = SqlAuditLog(database).find(Wanted(), limit=10).records

    assert [record["event"] for record in reversed(records)] == [
        "person:added",
        "audit:dropped",
        "decision:deny",
        "decision:deny",
    ]
    assert records[2]["detail"] == {"count": "3"}
    assert (audit.dropped, audit.lost) == (0, 3)


def test_a_burst_is_let_through_and_a_flood_is_not(database: Database):
    """What is no change is kept at a rate that a disk can bear."""
    audit = SqlAudit(database, rate=0)
    for _ in range(3000):
        audit.record(event())

    assert audit.lost == 3000 - BURST


THIRD = "UPDATE authz_audit SET {} WHERE number = 3"
ANOTHER = "(SELECT line FROM authz_audit WHERE number = 1)"
#: Whole in itself, as somebody makes it who knows how; it follows no other.
RESEALED, _ = sealed(change().as_record(), number=3, previous="0" * 64)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (THIRD.format("line = replace(line, 'bob', 'eve')"), ":3: it was changed"),
        (THIRD.format(f"line = {ANOTHER}"), ":3: it is record 1, which does not"),
        (THIRD.format(f"line = '{RESEALED}'"), ":3: it is record 3, which does not"),
        ("DELETE FROM authz_audit WHERE number = 3", ":4: it is record 4, which does"),
        ("DELETE FROM authz_audit WHERE number = 6", "the end was cut off"),
        (
            "INSERT INTO authz_audit SELECT 9, at, 'x', line FROM authz_audit LIMIT 1",
            ":9: ",
        ),
        (THIRD.format("line = '{}'"), ":3: it is not a record"),
        (THIRD.format("event = 'x'"), ":3: its columns say something"),
        (
            THIRD.format("at = '2031-01-02 03:04:05.000000'"),
            "its columns say something",
        ),
    ],
)
def test_tampering_shows(database: Database, harm: str, said: str):
    """Whatever is changed, removed or put in: the place is told."""
    audit = SqlAudit(database)
    for number in range(6):
        audit.record(change(note=str(number)))
    assert SqlAuditLog(database).verify().problems == ()
    with database.write() as connection:
        connection.exec_driver_sql(harm)
    problems = SqlAuditLog(database).verify().problems

    assert problems
    assert said in problems[0]


def test_a_head_that_was_noted_elsewhere_is_looked_for(database: Database):
    """Who can write everything can write a new chain; the head shows it."""
    audit, log = SqlAudit(database), SqlAuditLog(database)
    audit.record(change())
    head = log.verify().link.head
    audit.record(change())

    assert log.verify(head=head).problems == ()
    assert "no record has the hash" in log.verify(head="f" * 64).problems[0]


@pytest.mark.parametrize("batch", [500, 3, 2])
def test_what_is_written_meanwhile_is_no_problem(
    database: Database, monkeypatch: pytest.MonkeyPatch, batch: int
):
    """An app that runs writes while somebody follows the chain."""
    sink = SqlAudit(database)
    for _ in range(3):
        sink.record(change())
    more = iter(range(3))

    def meanwhile(link: Any, line: str, *, first: bool) -> Any:
        if next(more, None) is not None:
            sink.record(change())
        return follow(link, line, first=first)

    monkeypatch.setattr(audit_log, "follow", meanwhile)
    monkeypatch.setattr(audit_log, "_BATCH", batch)
    found = SqlAuditLog(database).verify()

    assert found.problems == ()
    assert found.count >= 3
    assert next(more, None) is None


def test_records_are_found(database: Database):
    """The newest first, in pages; by event, name, time and whatever else."""
    audit, log = SqlAudit(database), SqlAuditLog(database)
    for number in range(1200):
        at = NOW + timedelta(minutes=number)
        tag = EventTag.SIGN_IN_FAILURE if number % 2 else EventTag.DECISION_DENY
        audit.record(event(tag, at=at, path=f"/{number}", subject=f"user:u{number}"))
    audit.write_waiting()
    seen: list[str] = []
    before = None
    while True:
        found = log.find(Wanted(event="session"), limit=70, before=before)
        seen += [record["path"] for record in found.records]
        before = found.next_before
        if before is None:
            break

    assert seen == [f"/{number}" for number in range(1199, 0, -2)]
    after: int | None = 0
    while after is not None:
        found = log.find(Wanted(event="session"), limit=70, after=after)
        assert [record["path"] for record in found.records] == list(
            reversed(seen[-len(found.records) :] if found.records else [])
        )
        seen = seen[: len(seen) - len(found.records)]
        after = found.next_after
    assert seen == []
    assert len(log.find(Wanted(subject="user:u7"), limit=9).records) == 1
    begin = NOW.replace(microsecond=0)
    since, until = (begin + timedelta(minutes=minutes) for minutes in (10, 12))
    found = log.find(Wanted(since=since, until=until), limit=9)
    assert [record["path"] for record in found.records] == ["/11", "/10"]
    assert log.find(Wanted(event="sess%"), limit=9).records == ()


def test_old_records_are_removed_from_the_beginning(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    """The rest is a chain still, and says where it begins."""
    audit = SqlAudit(
        database, days=10, clock=lambda: NOW + timedelta(days=15, seconds=1)
    )
    for day in range(10):
        audit.record(change(at=NOW + timedelta(days=day)))
    monkeypatch.setattr(module, "_TIDIED", -1.0)
    audit.write_waiting()
    found = SqlAuditLog(database).verify()

    assert (found.first, found.count, found.problems) == (7, 4, ())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", POSTGRESQL])
def test_a_long_log_is_read_from_end_to_end(
    kind: str,
    tmp_path: Path,
    request: Any,
    open_database: Callable[[str], Database],
):
    """A page of a long log, and nothing is missed on the way."""
    database = open_database(database_url(kind, tmp_path, request))
    audit = SqlAudit(database)
    # Six batches that are read at once, and one record more.
    for first in range(0, 3_001, 500):
        numbers = range(first, min(first + 500, 3_001))
        audit.append([event(path=f"/{number}") for number in numbers])

    assert len(SqlAuditLog(database).find(Wanted(), limit=50).records) == 50
    assert SqlAuditLog(database).verify().count == 3_001


def test_an_end_that_was_cut_off_is_told_when_it_goes_on(database: Database):
    """By the next record, and by whoever follows the chain, earlier breaks or not."""
    sink, log = SqlAudit(database), SqlAuditLog(database)
    for number in range(6):
        sink.record(event(path=str(number)))
    sink.write_waiting()
    with database.write() as connection:
        connection.execute(
            update(authz_audit).where(authz_audit.c.number == 2).values(event="x")
        )
        connection.execute(delete(authz_audit).where(authz_audit.c.number > 4))
    problems = log.verify().problems
    assert len(problems) == 2
    assert "authz_audit:2" in problems[0]
    assert "the end was cut off" in problems[1]
    sink.record(event())
    sink.write_waiting()
    (cut,) = log.find(Wanted(event="audit:cut"), limit=5).records

    assert cut["detail"] == {"written": "6", "found": "4"}
    assert any("the end was cut off here" in p for p in log.verify().problems)
    # Once: what follows is on firm ground again.
    sink.record(event())
    sink.write_waiting()
    assert len(log.find(Wanted(event="audit:cut"), limit=5).records) == 1


def test_an_end_that_was_cut_off_with_its_anchor(database: Database):
    """Whoever wrote it remembers."""
    sink, log = SqlAudit(database), SqlAuditLog(database)
    sink.record(event())
    sink.write_waiting()
    with database.read() as connection:
        head = connection.execute(select(authz_audit_head)).one()
    sink.record(event())
    sink.write_waiting()
    with database.write() as connection:
        connection.execute(delete(authz_audit).where(authz_audit.c.number > 1))
        connection.execute(
            update(authz_audit_head).values(number=head.number, hash=head.hash)
        )
    sink.record(event())
    sink.write_waiting()

    assert len(log.find(Wanted(event="audit:cut"), limit=5).records) == 1
