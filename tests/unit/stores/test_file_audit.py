"""The audit log in a file: complete, chained, shared, and honest about its gaps."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.audit import AuditEvent, EventTag
from authz.audit.log import Wanted
from authz.errors import AuditFailure, StoreError
from authz.stores.file import audit, audit_end, audit_reader
from authz.stores.file.audit import AuditFile
from authz.stores.file.audit_end import full_files
from authz.stores.file.audit_reader import AuditFiles
from tests.processes import new_processes

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def event(tag: EventTag = EventTag.DECISION_DENY, **fields: Any) -> AuditEvent:
    """Return an event at noon."""
    return AuditEvent(**{"tag": tag, "at": NOON, **fields})


def change(**fields: Any) -> AuditEvent:
    """Return the record of a change."""
    return event(EventTag.POLICY_CHANGED, about="policy", **fields)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture(name="make")
def _make(path: Path) -> Iterator[Callable[..., AuditFile]]:
    made: list[AuditFile] = []

    def make(**options: Any) -> AuditFile:
        sink = AuditFile(
            path, **{"max_bytes": 1 << 20, "kept": 5, "clock": lambda: NOON, **options}
        )
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close()


def records(path: Path) -> list[dict[str, Any]]:
    """Return the records of the file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_change_is_there_when_it_is_told(make: Callable[..., AuditFile], path: Path):
    """Nobody waits for a background thread to keep a change."""
    make().record(change(subject="user:alice", after=("p, role:x, /, *",)))

    (record,) = records(path)
    assert record["event"] == "policy:changed"
    assert record["after"] == ["p, role:x, /, *"]
    assert record["seq"] == 1
    assert path.stat().st_mode & 0o777 == 0o600


def test_decisions_are_written_behind(make: Callable[..., AuditFile], path: Path):
    """They are there when the log is closed, in their order."""
    sink = make()
    for number in range(1500):
        sink.record(event(path=f"/{number}"))
    sink.close()

    assert [r["path"] for r in records(path)] == [f"/{n}" for n in range(1500)]
    verified = AuditFiles(path).verify()
    assert verified.problems == ()
    assert (verified.count, verified.first) == (1500, 1)


def test_a_flood_is_written_together(
    make: Callable[..., AuditFile], path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Whoever is answered meanwhile does not stand back for each of its events."""
    monkeypatch.setattr(audit, "_PAUSE", 3600.0)
    written = []
    write = os.write

    def counted(descriptor: int, data: bytes) -> int:
        written.append(data)
        return write(descriptor, data)

    monkeypatch.setattr(audit_end.os, "write", counted)
    sink, turn = make(), threading.Event()
    for number in range(20):
        sink.record(event(path=f"/{number}"))
        turn.wait(0.005)  # the thread could write each of them
    sink.close()

    assert [record["path"] for record in records(path)] == [
        f"/{number}" for number in range(20)
    ]
    assert len(written) <= 3


def test_what_came_before_a_change_stands_before_it(
    make: Callable[..., AuditFile], path: Path
):
    """A change takes along what waits, in its order."""
    sink = make()
    sink.open()
    for number in range(20):
        sink.record(event(path=f"/{number}"))
        sink.record(change(note=str(number)))
    sink.close()

    assert [r.get("note", r.get("path")) for r in records(path)] == [
        text for n in range(20) for text in (f"/{n}", str(n))
    ]


def test_full_files_are_put_aside(make: Callable[..., AuditFile], path: Path):
    """The chain leads through all that are kept; the oldest are removed."""
    sink = make(max_bytes=2000, kept=3)
    for number in range(60):
        sink.record(change(note=str(number)))

    full = audit_end.full_files(path)
    verified = AuditFiles(path).verify()
    assert len(full) == 3
    assert all(f.stat().st_size <= 2000 for f in full)
    assert verified.problems == ()
    assert verified.link.number == 60
    assert verified.first > 1


def test_another_process_turns_to_a_new_file(
    make: Callable[..., AuditFile], path: Path
):
    """Two sinks that do not know of one another write one chain, whoever turns."""
    first, second = make(max_bytes=2000), make(max_bytes=2000)
    for number in range(40):
        first.record(change(note=str(number)))
        second.record(change(note=str(number)))

    assert AuditFiles(path).verify().problems == ()


def _write_many(path: Path, name: str) -> None:
    sink = AuditFile(path, max_bytes=20_000, kept=100)
    for number in range(40):
        sink.record(change(subject=name, note=str(number)))
        sink.record(event(subject=name, path=f"/{number}"))
    sink.close()
    os._exit(0)


@pytest.mark.slow
def test_several_processes_write_one_chain(path: Path):
    """Nothing is lost or torn, and each process's changes keep their order."""
    context = new_processes()
    names = ("user:a", "user:b", "user:c")
    writers = [context.Process(target=_write_many, args=(path, n)) for n in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0

    log = AuditFiles(path)
    verified = log.verify()
    assert verified.problems == ()
    assert verified.count == 240
    for name in names:
        found = log.find(Wanted(subject=name, event="policy"), limit=100).records
        assert [r["note"] for r in reversed(found)] == [str(n) for n in range(40)]


def test_several_threads_write_one_chain(make: Callable[..., AuditFile], path: Path):
    """Changes and decisions at once, from several threads."""
    sink = make()

    def work() -> None:
        for _ in range(25):
            sink.record(change())
            sink.record(event())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.close()

    verified = AuditFiles(path).verify()
    assert (verified.count, verified.problems) == (200, ())


def test_a_child_process_writes_too(make: Callable[..., AuditFile], path: Path):
    """After a fork the child has its own thread, and waits for nobody's lock."""
    sink = make()
    sink.record(event(path="/parent"))
    sink.record(change())

    child = os.fork()
    if not child:
        try:
            sink.record(event(path="/child"))
            sink.record(change())
            sink.close()
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    sink.record(change())

    verified = AuditFiles(path).verify()
    assert (verified.count, verified.problems) == (5, ())


def test_what_is_written_meanwhile_is_no_problem(
    make: Callable[..., AuditFile], path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A writer turns to a new file while somebody follows the chain."""
    sink = make(max_bytes=1000, kept=9)
    while not full_files(path):
        sink.record(change())
    follow, turns = audit_reader.follow, iter(range(6))

    def slow(*given: Any, **more: Any) -> Any:
        if next(turns, None) is not None:
            sink.record(change())
        return follow(*given, **more)

    monkeypatch.setattr(audit_reader, "follow", slow)

    assert AuditFiles(path).verify().problems == ()


def test_a_log_that_turns_all_the_time_is_not_called_broken(
    make: Callable[..., AuditFile], path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nor sound: nobody could follow it."""
    sink = make(max_bytes=400, kept=2)
    for _ in range(4):
        sink.record(change())
    follow = audit_reader.follow

    def slow(*given: Any, **more: Any) -> Any:
        for _ in range(5):
            sink.record(change())
        return follow(*given, **more)

    monkeypatch.setattr(audit_reader, "follow", slow)

    with pytest.raises(StoreError, match="too fast"):
        AuditFiles(path).verify()


def test_a_torn_record_is_cut_off_and_told(make: Callable[..., AuditFile], path: Path):
    """The server died while it wrote: the next one says so and goes on."""
    make().record(change(note="kept"))
    with path.open("ab") as file:
        file.write(b'{"at":"2026-01-02T12:00')
    assert AuditFiles(path).verify().problems == ()

    make().record(change(note="next"))

    assert [r["event"] for r in records(path)] == [
        "policy:changed",
        "audit:mended",
        "policy:changed",
    ]
    assert AuditFiles(path).verify().problems == ()


def test_a_log_that_ends_with_something_else_is_not_continued(
    make: Callable[..., AuditFile], path: Path
):
    """Neither at start nor for a change: somebody has to look at it."""
    path.write_text("what is this\n")

    with pytest.raises(AuditFailure, match="does not end with a record"):
        make().open()
    with pytest.raises(AuditFailure):
        make().record(change())
    assert path.read_text() == "what is this\n"


def test_a_log_that_is_one_big_hole_is_not_continued(
    make: Callable[..., AuditFile], path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nobody reads terabytes to find where its last record begins."""
    monkeypatch.setattr(audit_end, "_LONGEST", 1024 * 1024)
    with path.open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(AuditFailure, match="longer than any"):
        make().open()


def test_records_that_vanish_are_told(make: Callable[..., AuditFile], path: Path):
    """Who cuts the end off while the server runs is found out."""
    sink = make()
    for number in range(3):
        sink.record(change(note=str(number)))
    path.write_text(path.read_text().splitlines(keepends=True)[0])

    sink.record(change(note="later"))

    (_, cut, _) = records(path)
    assert cut["event"] == "audit:cut"
    assert cut["detail"] == {"written": "3", "found": "1"}
    assert "cut off" in AuditFiles(path).verify().problems[0]


@pytest.mark.parametrize("gone", ["remove", "replace"])
def test_a_file_that_vanishes_is_told(
    make: Callable[..., AuditFile], path: Path, gone: str
):
    """A log that was taken away or written anew is not the same log."""
    sink = make()
    sink.record(change())
    if gone == "remove":
        path.unlink()
    else:
        other = path.with_name("other")
        AuditFile(other, max_bytes=1 << 20, kept=1).record(change(note="forged"))
        other.replace(path)

    sink.record(change())

    assert "audit:cut" in [r["event"] for r in records(path)]


def test_without_room_a_change_fails_and_leaves_no_half(
    make: Callable[..., AuditFile], path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What could not be written whole is taken back; then all is well again."""
    sink = make()
    sink.record(change(note="before"))
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[: len(data) // 2])

    with monkeypatch.context() as patched:
        patched.setattr(audit_end.os, "write", full)
        with pytest.raises(AuditFailure, match="No space left"):
            sink.record(change(note="lost"))
    assert [r["note"] for r in records(path)] == ["before"]

    sink.record(change(note="after"))
    assert [r["note"] for r in records(path)] == ["before", "after"]
    assert AuditFiles(path).verify().problems == ()


def test_a_disk_that_does_not_answer_fails_the_change(
    make: Callable[..., AuditFile], path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A record that is not known to be on the disk does not count."""
    sink = make()
    sink.record(change(note="before"))

    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(audit_end.os, "fsync", broken)
        with pytest.raises(AuditFailure):
            sink.record(change(note="lost"))

    assert [r["note"] for r in records(path)] == ["before"]


def test_what_is_dropped_is_counted(
    make: Callable[..., AuditFile],
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    """Decisions that cannot be written are lost; the log says how many."""
    monkeypatch.setattr(audit, "BURST", 10.0)
    monkeypatch.setattr(audit, "RATE", 0.0)
    sink = make()
    for _ in range(25):
        sink.record(event())
    assert sink.dropped == 15
    sink.record(change())
    sink.close()

    dropped = [r for r in records(path) if r["event"] == "audit:dropped"]
    assert [r["detail"] for r in dropped] == [{"count": "15"}]
    assert len([r for r in records(path) if r["event"] == "decision:deny"]) == 10

    path.parent.chmod(0o700)
    path.unlink()
    path.mkdir()
    monkeypatch.setattr(sink._bucket, "_left", 2)
    sink.record(event())
    sink.close()
    sink.record(event())
    sink.close()
    assert sink.dropped == 2
    assert len(caplog.records) == 1
    path.rmdir()


@given(st.lists(st.text(max_size=40), min_size=1, max_size=6))
def test_nobody_writes_a_line_of_their_own(texts: list[str]):
    """Whatever a name, path or note holds, it stays within one line."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "audit.jsonl"
        sink = AuditFile(path, max_bytes=1 << 30, kept=1)
        for text in texts:
            sink.record(change(subject=text, path=text, note=text, detail={"x": text}))
        lines = path.read_bytes().split(b"\n")
        verified = AuditFiles(path).verify()

    assert len(lines) == len(texts) + 1
    assert all(line.isascii() and line.decode().isprintable() for line in lines)
    for line, text in zip(lines, texts, strict=False):
        assert json.loads(line).get("subject", "") == text
    assert verified.problems == ()


class TestLookingThrough:
    @pytest.fixture(name="log")
    def _log(self, make: Callable[..., AuditFile], path: Path) -> AuditFiles:
        sink = make(max_bytes=3000, kept=100)
        for number in range(40):
            at = NOON + timedelta(minutes=number)
            sink.record(
                change(subject=f"user:{number % 3}", note=str(number), at=at)
                if number % 2
                else event(subject="user:0", path=f"/api/{number}", at=at)
            )
            sink.record(change(at=at)) if number % 5 == 0 else None
        sink.close()
        return AuditFiles(path)

    def test_the_newest_first_page_by_page(self, log: AuditFiles):
        """Pages follow one another without a gap or an overlap."""
        seen: list[int] = []
        before = None
        while True:
            found = log.find(Wanted(), limit=7, before=before)
            seen += [r["seq"] for r in found.records]
            before = found.next_before
            if before is None:
                break

        assert seen == list(range(48, 0, -1))

    def test_the_oldest_first_page_by_page(self, log: AuditFiles):
        """The other way round, across files; a time ends the search."""
        seen: list[int] = []
        after: int | None = 0
        while after is not None:
            found = log.find(Wanted(), limit=7, after=after)
            seen += [r["seq"] for r in found.records]
            after = found.next_after

        assert seen == list(range(1, 49))
        until = NOON + timedelta(minutes=2)
        found = log.find(Wanted(until=until), limit=100, after=0)
        assert [r["at"] < until.isoformat() for r in found.records] == [True] * 3

    @pytest.mark.parametrize(
        ("wanted", "count"),
        [
            (Wanted(event="decision"), 20),
            (Wanted(event="decision:deny"), 20),
            (Wanted(event="decision:d"), 0),
            (Wanted(denied=True), 20),
            (Wanted(changes=True), 28),
            (Wanted(subject="user:1"), 7),
            (Wanted(path="/api/1"), 5),
            (Wanted(about="policy"), 28),
            (Wanted(request_id="none"), 0),
            (Wanted(since=NOON + timedelta(minutes=30), denied=True), 5),
            (Wanted(until=NOON + timedelta(minutes=30), denied=True), 15),
        ],
    )
    def test_filters(self, log: AuditFiles, wanted: Wanted, count: int):
        """All that is given must hold."""
        assert len(log.find(wanted, limit=100).records) == count

    def test_a_change_anywhere_is_found(self, log: AuditFiles):
        """Each file is followed; the place is named."""
        victim = audit_end.full_files(log.path)[1]
        text = victim.read_text()
        victim.write_text(text.replace("user:1", "user:9", 1))

        (problem,) = log.verify().problems
        assert problem.startswith(victim.name)
        assert "changed" in problem

    def test_a_missing_file_is_found(self, log: AuditFiles):
        """A file in the middle that is gone leaves a gap."""
        audit_end.full_files(log.path)[1].unlink()

        (problem,) = log.verify().problems
        assert "does not follow" in problem

    def test_a_cut_end_is_found_by_the_head(self, log: AuditFiles):
        """The chain alone does not show it; the head that was noted does."""
        head = log.verify().link.head
        assert log.verify(head=head).problems == ()
        lines = log.path.read_text().splitlines(keepends=True)
        log.path.write_text("".join(lines[:-1]))

        assert log.verify().problems == ()
        assert "cut off" in log.verify(head=head).problems[0]

    def test_every_break_is_told_once(self, log: AuditFiles):
        """After a break the rest is followed from where it claims to be."""
        victim = audit_end.full_files(log.path)[0]
        lines = victim.read_text().splitlines(keepends=True)
        lines[1] = "garbage\n"
        victim.write_text("".join(lines))

        assert [p.split(":")[1] for p in log.verify().problems] == ["2"]
        assert len(log.find(Wanted(), limit=100).records) == 47

    def test_a_log_that_cannot_be_read(self, tmp_path: Path):
        """It is an error, not an empty log."""
        path = tmp_path / "folder"
        path.mkdir()

        with pytest.raises(StoreError):
            AuditFiles(path).verify()

    def test_no_log_yet(self, tmp_path: Path):
        """Before the first record there is nothing, and nothing is wrong."""
        log = AuditFiles(tmp_path / "audit.jsonl")

        assert log.find(Wanted(), limit=5).records == ()
        assert log.verify().problems == ()
