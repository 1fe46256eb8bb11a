"""Processes that share a database: how soon they agree, and what outages do to them."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from authz.errors import StoreError, StoreUnreachable
from authz.runtime import Runtime
from authz.stores.followers import StoreFollowers
from authz.stores.replicas import Served, this_process
from authz.stores.sql import replicas
from authz.stores.sql.database import Database
from authz.stores.sql.migrate import migrate
from authz.stores.sql.replicas import SqlReplicas
from authz.stores.sql.tables import authz_replica
from tests.contracts.processes import give, process
from tests.services import PostgreSQL, Redis, until


@pytest.fixture(name="new_process")
def _new_process(url: str, tmp_path: Path) -> Iterator[Callable[..., Runtime]]:
    made: list[Runtime] = []

    def new(**config: str) -> Runtime:
        made.append(process(url, tmp_path, **config))
        return made[-1]

    yield new
    for runtime in made:
        runtime.close()


def change(runtime: Runtime, name: str) -> str:
    """Give *name* a role; return the policy's new revision."""
    give(runtime, name)
    runtime.refresh()
    return runtime.policy.revision


def listening(*runtimes: Runtime) -> bool:
    """Return whether all of them get hints."""
    listeners = [one for each in runtimes for one in each.store_sync.listeners]
    return bool(listeners) and not any(one.problem for one in listeners)


def test_a_hint_is_faster_than_the_next_look(new_process: Callable[..., Runtime]):
    """They agree, however rarely they look: the next look is an hour away."""
    one, other = new_process(), new_process()
    until(lambda: listening(one, other))
    for number in range(5):
        revision = change(one, f"p{number}")
        until(lambda wanted=revision: other.policy.revision == wanted)


@pytest.mark.slow
def test_redis_tells_as_well(
    new_process: Callable[..., Runtime],
    redis_server: Redis,
    monkeypatch: pytest.MonkeyPatch,
):
    """Without the database's own hints; and a Redis that stops stops nothing."""

    def none(_: Database) -> Any:
        raise StoreError("no hints here")

    monkeypatch.setattr(Database, "hints", none)
    one, other = (new_process(AUTHZ_REDIS_URL=redis_server.url) for _ in range(2))
    until(lambda: other.store_sync.listeners[1].problem is None)
    revision = change(one, "bob")
    until(lambda: other.policy.revision == revision)
    redis_server.stop()
    revision = change(one, "carol")

    other.refresh()
    assert other.policy.revision == revision
    redis_server.start()
    until(lambda: other.store_sync.listeners[1].problem is None)
    revision = change(one, "dora")
    until(lambda: other.policy.revision == revision)


def test_without_hints_the_next_look_finds_it(new_process: Callable[..., Runtime]):
    """The truth is what is looked at."""
    one, other = new_process(), new_process(AUTHZ_POLL_SECONDS="0.2")
    for listener in other.store_sync.listeners:
        listener.close()
    revision = change(one, "bob")

    until(lambda: other.policy.revision == revision)


def test_a_process_says_what_it_serves(new_process: Callable[..., Runtime]):
    """With its number and its revision, once it has looked."""
    runtime = new_process()
    change(runtime, "bob")
    until(lambda: [replica.number for replica in runtime.replicas] == [2])
    (replica,) = runtime.replicas

    assert replica.name == this_process()
    assert replica.revision == runtime.policy.revision
    assert replica.problem == ""


def test_processes_that_are_gone_are_forgotten(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    """Who has not said anything for ten minutes is not there."""
    now = datetime(2030, 1, 1, tzinfo=UTC)
    served = Served(number=1, revision="abc", problem="")
    for name, minutes in (("a:1", 0), ("b:2", 5), ("c:3", 11)):
        at = now + timedelta(minutes=minutes)
        monkeypatch.setattr(replicas, "this_process", lambda name=name: name)
        SqlReplicas(database, clock=lambda at=at: at).report(served)
    found = SqlReplicas(database, clock=lambda: now + timedelta(minutes=11)).all()

    assert [replica.name for replica in found] == ["b:2", "c:3"]


def test_a_process_notices_that_its_report_is_not_there_any_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    """As after a restore; reports of others, and its own first one, are no sign."""
    monkeypatch.setattr(replicas, "_AGAIN", 0.0)
    lost: list[int] = []
    reports = SqlReplicas(database)
    reports.lost.append(lambda: lost.append(1))
    served = Served(number=1, revision="abc", problem="")
    for _ in range(3):
        reports.report(served)
    assert not lost
    with database.write() as connection:
        connection.execute(authz_replica.update().values(seen=datetime.now(UTC)))
    reports.report(served)
    assert lost == [1]
    with database.write() as connection:
        connection.execute(authz_replica.delete())
    reports.report(served)
    reports.report(served)
    assert lost == [1, 1]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_connections_of_its_own(
    new_process: Callable[..., Runtime],
):
    """Whatever parent and child do, neither disturbs the other."""
    parent = new_process()
    until(lambda: listening(parent))
    change(parent, "before")
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            code = 1
            with suppress(BaseException):
                for turn in range(5):
                    parent.records.snapshot()
                    _insist(parent, f"c{number}x{turn}")
                # Its own threads run: another process's change arrives.
                until(lambda: len(parent.records.snapshot().entries) >= 26)
                code = 0
            os._exit(code)
        children.append(child)
    for turn in range(2):
        _insist(parent, f"parent{turn}")
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

    assert codes == [0, 0, 0]
    # Nine lines of the seed, `before`, 3 x 5 and 2.
    assert len(parent.records.snapshot().entries) == 27
    assert parent.following.refresh()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_worker_does_not_serve_what_it_knows_to_be_replaced():
    """A worker forked without its database, from a process that missed a change.

    One whose parent missed nothing serves, and so does the parent of one that reads
    the same; when the database is back, so does everybody.
    """
    now = 0.0

    class Store:
        state, away = "old", False

        def look(self) -> Callable[[], None]:
            if self.away:
                raise StoreUnreachable("gone")
            self.read = self.state
            return lambda: None

    store = Store()
    while_it_waits: list[bool] = []

    @contextmanager
    def hang() -> Iterator[None]:
        nonlocal now
        while_it_waits.append(following.is_stale)
        now += 1.1
        while_it_waits.append(following.is_stale)
        yield

    following = StoreFollowers(
        failed=lambda *_: None,
        interval=2.0,
        state=hang,
        max_stale=300.0,
        clock=lambda: now,
    )
    following.follow(store)
    following.state_read = lambda: store.read
    assert following.refresh()

    def in_a_worker(*, sees: str, away: bool) -> tuple[bool, bool]:
        """Return whether a look gets through in a forked process; whether it serves."""
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                store.state, store.away = sees, away
                os._exit(10 + 2 * following.refresh() + (not following.is_stale))
            os._exit(1)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) - 10
        return bool(code & 2), bool(code & 1)

    now = 10.0
    assert in_a_worker(sees="old", away=True) == (False, True)
    assert in_a_worker(sees="new", away=False) == (True, True)
    assert in_a_worker(sees="old", away=True) == (False, False)
    assert not following.is_stale  # it has not tried, and may be about to

    now, store.away = 20.0, True
    while_it_waits.clear()
    assert not following.refresh()
    assert while_it_waits == [False, True]
    assert following.is_stale

    now, store.away, store.state = 30.0, False, "new"
    assert following.refresh()
    assert not following.is_stale
    assert in_a_worker(sees="new", away=True) == (False, True)


def test_sqlite_takes_changes_again_after_a_read_only_mount(tmp_path: Path):
    """What opened the file while nobody could write is let go of."""
    database = Database(f"sqlite:///{tmp_path}/authz.db")
    migrate(database)
    with database.engine.connect() as connection:
        # As the connection of one who could open it for reading only.
        connection.exec_driver_sql("PRAGMA query_only = ON")

    def write() -> None:
        with database.write() as connection:
            connection.execute(authz_replica.delete())

    with pytest.raises(StoreError, match="readonly"):
        write()
    assert "readonly" in str(database.write_problem)
    write()
    assert database.write_problem is None
    database.close()


def _insist(runtime: Runtime, name: str) -> None:
    for _ in range(100):
        try:
            change(runtime, name)
        except StoreError:
            continue
        return
    raise AssertionError("nobody else was ever done")


class TestOutages:
    """PostgreSQL stops, hangs, and comes back."""

    pytestmark = pytest.mark.slow

    @pytest.fixture(name="url")
    def _url(self, postgresql: PostgreSQL) -> str:
        return postgresql.new_database()

    def test_a_stopped_database(
        self, new_process: Callable[..., Runtime], postgresql: PostgreSQL
    ):
        """The last good policy serves; changes fail at once; then it goes on."""
        one, other = (new_process(AUTHZ_POLL_SECONDS="1") for _ in range(2))
        before = one.policy.revision
        postgresql.stop()
        try:
            until(lambda: one.following.is_failing)
            with pytest.raises(StoreError, match="cannot be"):
                change(one, "bob")
            assert one.policy.revision == before
            assert not one.following.is_stale
        finally:
            postgresql.start()
        until(lambda: not (one.following.is_failing or other.following.is_failing))
        revision = change(one, "bob")
        until(lambda: other.policy.revision == revision)

    def test_a_hanging_database(
        self, new_process: Callable[..., Runtime], postgresql: PostgreSQL
    ):
        """Nobody waits for ever: not the watch, and not who makes a change."""
        runtime = new_process(AUTHZ_POLL_SECONDS="1")
        postgresql.signal(signal.SIGSTOP)
        try:
            with pytest.raises(StoreError):
                change(runtime, "bob")
            until(lambda: runtime.following.is_failing)
        finally:
            postgresql.signal(signal.SIGCONT)
        until(lambda: not runtime.following.is_failing)
        change(runtime, "bob")

    def test_a_database_that_takes_no_changes(
        self, new_process: Callable[..., Runtime], postgresql: PostgreSQL, url: str
    ):
        """It is read as before; that nothing can be written is known, until it can."""
        runtime = new_process(AUTHZ_POLL_SECONDS="0.1")
        try:
            postgresql.take_changes(url, yes=False)
            with pytest.raises(StoreError, match="read-only"):
                change(runtime, "bob")
            assert "read-only" in str(runtime.write_problem)
            until(lambda: not runtime.following.is_failing)
        finally:
            postgresql.take_changes(url, yes=True)
        until(lambda: _changed(runtime))
        assert runtime.write_problem is None

    def test_a_writer_that_hangs_keeps_nobody_out(
        self, new_process: Callable[..., Runtime]
    ):
        """A process that is stopped in the middle of a change loses the lock."""
        one, other = new_process(), new_process()
        database = one.stores.database
        assert database is not None
        write = database.database.write
        with pytest.raises(StoreError), write() as connection:  # noqa: PT012
            connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 500")
            until(lambda: _changed(other))
            connection.exec_driver_sql("SELECT 1")
        assert len(other.records.snapshot().entries) == 10


def _changed(runtime: Runtime) -> bool:
    try:
        change(runtime, "bob")
    except StoreError:
        return False
    return True


#: The database does not answer.
GONE = StoreUnreachable("gone")


class Part:
    """Something that follows a store, and fails when the test says so."""

    def __init__(self) -> None:
        self.error: StoreError | None = None
        self.looks = 0

    def look(self) -> Callable[[], None]:
        """Read nothing, or fail."""
        self.looks += 1
        if self.error is not None:
            raise self.error
        return lambda: None


class Watch:
    """A following of one thing, by a clock of the test's own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.failures: list[str] = []
        self.following = StoreFollowers(
            failed=lambda _, error: self.failures.append(str(error)),
            interval=2.0,
            max_stale=300.0,
            clock=lambda: self.now,
        )
        self.part = Part()
        self.following.follow(self.part)


class TestFollowing:
    def test_it_is_stale_after_its_time(self):
        """Counted from when the last good look began, by a clock nobody can set."""
        watch = Watch()
        watch.part.error = GONE
        for now, stale in ((299.0, False), (300.0, False), (300.1, True)):
            watch.now = now
            assert not watch.following.refresh()
            assert watch.following.is_stale is stale
        watch.part.error = None
        assert watch.following.refresh()
        assert not watch.following.is_stale

    def test_how_long_it_waits_while_the_store_fails(self):
        """Soon at first, then twice a second, and never longer than usual."""
        watch = Watch()
        assert watch.following.pause() == 2.0
        watch.part.error = GONE
        pauses = []
        for _ in range(20):
            watch.following.refresh()
            pauses.append(watch.following.pause())
        assert pauses[:4] == [0.25, 0.5, 0.5, 0.5]
        assert max(pauses) == 0.5
        watch.part.error = None
        watch.following.refresh()
        assert watch.following.pause() == 2.0

    def test_nobody_waits_for_a_store_that_fails(self):
        """Who must be up to date is told at once that that cannot be."""
        watch = Watch()
        watch.part.error = GONE
        watch.following.refresh()
        watch.part.error = None
        with pytest.raises(StoreError):
            watch.following.catch_up()
        watch.following.refresh()
        watch.following.catch_up()

    def test_each_part_fails_by_itself(self):
        """The others go on, before it and behind it; each has an age of its own."""
        watch = Watch()
        names = ("people", "policy", "tokens", "file")
        parts = {name: Part() for name in names}
        for name, part in parts.items():
            watch.following.follow(part, name, in_database=name != "file")
        watch.now = 10.0
        assert watch.following.refresh()
        for broken, part in parts.items():
            part.error = StoreError(f"{broken} is damaged")
            watch.now += 10.0
            assert not watch.following.refresh()
            assert watch.following.problems == {broken: f"{broken} is damaged"}
            assert watch.following.ages == {n: 10.0 * (n == broken) for n in names}
            assert not watch.following.is_unreachable
            if broken == "policy":  # it says nothing of who somebody is
                watch.following.catch_up()
            part.error = None
            assert watch.following.refresh()
        assert watch.failures == [f"{name} is damaged" for name in names]

    def test_a_database_that_does_not_answer_is_asked_once(self):
        """Nobody waits for it as often as there are parts; what is in files goes on."""
        watch = Watch()
        first, second, file = Part(), Part(), Part()
        for part in (first, second):
            watch.following.follow(part, "x")
        watch.following.follow(file, "file", in_database=False)
        first.error = GONE
        assert not watch.following.refresh()

        assert (first.looks, second.looks, file.looks) == (1, 0, 1)
        assert watch.following.is_unreachable

    def test_a_chore_that_fails_hinders_nothing(self, caplog: pytest.LogCaptureFixture):
        """It is tried again the next time, and no look knows of it."""
        done: list[int] = []

        def fail() -> None:
            raise StoreError("no")

        watch = Watch()
        watch.following.do_after(fail)
        watch.following.do_after(lambda: done.append(1))

        watch.following.do_chores()
        watch.following.do_chores()

        assert watch.following.refresh()
        assert done == [1, 1]
        assert caplog.text.count("tried again") == 1

    def test_no_look_waits_for_a_chore(self):
        """As a process that writes into the audit log waits for the others."""
        watch = Watch()
        begun, over = threading.Event(), threading.Event()

        def wait() -> None:
            begun.set()
            assert over.wait(120)

        watch.following.do_after(wait)
        chores = threading.Thread(target=watch.following.do_chores)
        chores.start()
        assert begun.wait(120)

        assert watch.following.refresh()
        assert watch.following.refresh()
        assert chores.is_alive()
        over.set()
        chores.join()
