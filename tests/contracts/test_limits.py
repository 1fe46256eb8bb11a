"""What holds for every storage of rate limits, and for processes that share one."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from limits import RateLimitItemPerSecond
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import func, select

from authz.identity import guesser
from authz.identity.guesser import PER_ACCOUNT, PER_CLIENT, PER_DEVICE, Guesser
from authz.identity.guesses import PAUSE, OwnStorage, SharedGuesses
from authz.identity.throttle import Throttle
from authz.stores.shared_limits import redis_limits
from authz.stores.sql import limits
from authz.stores.sql.database import Database
from authz.stores.sql.limits import SqlLimits
from authz.stores.sql.tables import authz_limit
from tests.contracts.conftest import database_url
from tests.services import PostgreSQL, Redis, until

pytestmark = pytest.mark.slow

#: Three in a time that no machine is too slow for; and in one that is soon over.
ITEM = RateLimitItemPerSecond(3, 600, namespace="test")
SHORT = RateLimitItemPerSecond(3, 1, namespace="test")


@pytest.fixture(name="make_shared", params=["sqlite", "postgresql", "redis"])
def _make_shared(
    request: Any, tmp_path: Path, open_database: Callable[[str], Database]
) -> Callable[[], Storage]:
    """Return the storage as another process opens it, each time."""
    if request.param == "redis":
        server: Redis = request.getfixturevalue("redis_server")
        redis_limits(server.url).reset()
        return lambda: redis_limits(server.url)
    url = database_url(request.param, tmp_path, request)
    return lambda: SqlLimits(open_database(url))


@pytest.fixture(name="storage", params=["memory", "sqlite", "postgresql", "redis"])
def _storage(
    request: Any, tmp_path: Path, open_database: Callable[[str], Database]
) -> Storage:
    if request.param == "memory":
        return OwnStorage()
    if request.param == "redis":
        storage = redis_limits(request.getfixturevalue("redis_server").url)
        storage.reset()
        return storage
    return SqlLimits(open_database(database_url(request.param, tmp_path, request)))


def at(name: str, client: str, device: str | None = None) -> Guesser:
    """Return who guesses at *name* from *client*, in a browser that is known or not."""
    return Guesser(name=name, client=client, device=device)


class LaterEachTime:
    """A clock that goes on by so many seconds each time it is read."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.step = 0.0

    def __call__(self) -> float:
        """Return the time."""
        self.now += self.step
        return self.now


def rows(database: Database) -> int:
    """Return how many keys there are."""
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(authz_limit)) or 0


class TestStorage:
    """What the strategy relies on."""

    def test_no_more_than_the_limit(self, storage: Storage):
        """Each key has its own."""
        limiter = MovingWindowRateLimiter(storage)

        assert [limiter.hit(ITEM, "a") for _ in range(5)] == [True] * 3 + [False] * 2
        assert not limiter.test(ITEM, "a")
        assert limiter.test(ITEM, "b")
        assert limiter.hit(ITEM, "b")

    def test_the_window_moves(self, storage: Storage):
        """What happened is over a second later, and not before."""
        limiter = MovingWindowRateLimiter(storage)
        # However slow the machine is, some four come within a second.
        until(lambda: not limiter.hit(SHORT, "a"))

        until(lambda: limiter.test(SHORT, "a"))
        assert limiter.hit(SHORT, "a")

    def test_what_is_refused_does_not_count(self, storage: Storage):
        """Somebody who goes on and on does not wait for longer."""
        limiter = MovingWindowRateLimiter(storage)
        for _ in range(3):
            limiter.hit(ITEM, "a")
        reset = limiter.get_window_stats(ITEM, "a").reset_time
        for _ in range(10):
            assert not limiter.hit(ITEM, "a")

        assert limiter.get_window_stats(ITEM, "a").reset_time == reset

    def test_more_than_the_limit_at_once_is_refused(self, storage: Storage):
        """And leaves no trace."""
        limiter = MovingWindowRateLimiter(storage)

        assert not limiter.hit(ITEM, "a", cost=4)
        assert limiter.hit(ITEM, "a", cost=2)
        assert not limiter.hit(ITEM, "a", cost=2)
        assert limiter.get_window_stats(ITEM, "a").remaining == 1

    def test_a_count_ends(self, storage: Storage):
        """It begins anew after its time."""
        assert storage.get("k") == 0
        assert [storage.incr("k", 600), storage.incr("k", 600, 2)] == [1, 3]
        assert storage.get("k") == 3

        storage.incr("soon", 1)
        until(lambda: storage.get("soon") == 0)
        assert storage.incr("soon", 600) == 1

    def test_what_is_cleared_is_gone(self, storage: Storage):
        """One key, or all of them."""
        limiter = MovingWindowRateLimiter(storage)
        for key in ("a", "b"):
            for _ in range(3):
                limiter.hit(ITEM, key)
        limiter.clear(ITEM, "a")

        assert limiter.test(ITEM, "a")
        assert not limiter.test(ITEM, "b")
        storage.reset()
        assert limiter.test(ITEM, "b")
        assert storage.check()

    @pytest.mark.parametrize("key", ["", "x" * 5000, "a'; --", "\u00e9\u0000", "%s:k"])
    def test_any_key_will_do(self, storage: Storage, key: str):
        """Whatever is in it."""
        limiter = MovingWindowRateLimiter(storage)
        for _ in range(3):
            limiter.hit(ITEM, key)

        assert not limiter.test(ITEM, key)
        assert limiter.test(ITEM, key + "-")

    def test_at_once_is_not_more_often(
        self, storage: Storage, monkeypatch: pytest.MonkeyPatch
    ):
        """Threads that guess at the same moment share one limit."""
        # Every one of them gets its turn, however busy the machine is.
        monkeypatch.setattr(limits, "PATIENCE", 60.0)
        assert isinstance(storage, MovingWindowSupport)
        acquire = storage.acquire_entry
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda _: acquire("k", 10, 60), range(60)))

        assert sum(taken) == 10


class TestProcesses:
    """They share a storage, and nothing else."""

    def test_they_share_the_count(self, make_shared: Callable[[], Storage]):
        """Guesses at one are guesses at the other."""
        one, other = Throttle(make_shared()), Throttle(make_shared())
        for number in range(PER_ACCOUNT.amount):
            assert not one.wait(at("bob", "eve"))
            (one, other)[number % 2].failed(at("bob", "eve"))

        assert 1 <= one.wait(at("bob", "eve")) <= 30
        assert 1 <= other.wait(at("bob", "eve")) <= 30
        assert not other.wait(at("alice", "eve"))

    def test_a_peer_that_tries_many_names(self, make_shared: Callable[[], Storage]):
        """It is counted by all of them."""
        one, other = Throttle(make_shared()), Throttle(make_shared())
        for number in range(PER_CLIENT.amount):
            (one, other)[number % 2].failed(at(f"name{number}", "eve"))

        assert one.wait(at("another", "eve"))
        assert other.wait(at("another", "eve"))
        assert not one.wait(at("another", "bob's"))

    def test_a_browser_that_is_known_is_kept_out_by_nobody(
        self, make_shared: Callable[[], Storage]
    ):
        """Others' guesses, wherever they are made, do not lock anybody out."""
        one, other = Throttle(make_shared()), Throttle(make_shared())
        home = at("bob", "eve", device="bobs")
        for _ in range(PER_CLIENT.amount):
            one.failed(at("bob", "eve"))
            other.failed(at("bob", "mallory"))

        assert other.wait(at("bob", "eve"))
        assert not one.wait(home)
        assert not other.wait(home)

    def test_whoever_is_known_is_counted_for_itself(
        self, make_shared: Callable[[], Storage]
    ):
        """A device cookie that was stolen is no way to guess on."""
        one, other = Throttle(make_shared()), Throttle(make_shared())
        stolen = at("bob", "home", device="bobs")
        for number in range(PER_DEVICE.amount):
            (one, other)[number % 2].failed(stolen)

        assert one.wait(stolen)
        assert other.wait(stolen)
        assert not other.wait(at("bob", "home", device="another"))
        assert not other.wait(at("bob", "elsewhere"))

    def test_no_name_and_no_peer_is_kept(self, database: Database):
        """People type their password into the wrong field."""
        throttle = Throttle(SqlLimits(database))
        throttle.failed(at("hunter2", "203.0.113.9"))
        throttle.failed(at("bob", "203.0.113.9", device="bobs"))
        with database.read() as connection:
            kept = str(connection.execute(select(authz_limit)).all())

        assert len(kept) > 100
        assert not [word for word in ("hunter2", "203.0", "bob") if word in kept]


@pytest.fixture(name="short")
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let guesses be forgotten after a second."""
    for name, limit in (("PER_ACCOUNT", PER_ACCOUNT), ("PER_CLIENT", PER_CLIENT)):
        monkeypatch.setattr(guesser, name, limit._replace(seconds=1))


@pytest.mark.usefixtures("short")
def test_a_flood_of_names_does_not_fill_the_table(database: Database):
    """What is over is removed, here and in the process; asking writes nothing."""
    limits = SqlLimits(database)
    throttle = Throttle(limits)
    for number in range(50):
        throttle.wait(at(f"asked{number}", f"peer{number}"))
    assert rows(database) == 0
    for number in range(100):
        throttle.failed(at(f"name{number}" * 50, f"peer{number}"))
    assert 0 < rows(database) <= 200
    assert len(throttle.storage.events) == 200

    def tidy() -> bool:
        limits.remove_expired()
        throttle.tidy()
        return not rows(database) and not throttle.storage.events

    until(tidy)


def test_tidying_up_spares_what_counts(database: Database):
    """Nobody gets more tries by it."""
    limits = SqlLimits(database)
    throttle = Throttle(limits)
    for _ in range(PER_ACCOUNT.amount):
        throttle.failed(at("bob", "eve"))
    limits.remove_expired()
    throttle.tidy()

    assert throttle.wait(at("bob", "eve"))
    assert Throttle(limits).wait(at("bob", "eve"))


def test_entries_of_the_future_do_not_count_for_ever(database: Database):
    """A clock was put back: nobody waits until it has caught up."""
    limits = SqlLimits(database)
    limiter = MovingWindowRateLimiter(limits)
    for _ in range(3):
        limiter.hit(ITEM, "a")
    assert not limiter.test(ITEM, "a")
    later = int((time.time() + 3600) * 1000)
    with database.write(alone=False) as connection:
        connection.execute(authz_limit.update().values(times=f"[{later}]"))

    assert limiter.hit(ITEM, "a", cost=3)


class Broken(SqlLimits):
    """A storage that does not answer while it is told so."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.asked = 0
        self.broken = True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return what the table says, or fail."""
        self.asked += 1
        if self.broken:
            raise RuntimeError("it is gone")
        return super().get_moving_window(key, limit, expiry)


class TestWithoutTheStorage:
    """Each process goes on to count by itself."""

    def test_there_is_always_a_limit(
        self, tmp_path: Path, open_database: Callable[[str], Database]
    ):
        """Never none, and never a failure."""
        throttle = Throttle(Broken(open_database(f"sqlite:///{tmp_path}/x.db")))
        for _ in range(PER_ACCOUNT.amount):
            assert not throttle.wait(at("bob", "eve"))
            throttle.failed(at("bob", "eve"))

        assert throttle.wait(at("bob", "eve"))

    def test_it_is_told_once_and_so_is_the_end(
        self,
        tmp_path: Path,
        open_database: Callable[[str], Database],
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ):
        """It is asked now and then, by one; whoever operates it can see that."""
        caplog.set_level(logging.WARNING, "authz")
        storage = Broken(open_database(f"sqlite:///{tmp_path}/x.db"))
        clock = LaterEachTime()
        throttle = Throttle(storage, clock)
        for _ in range(20):
            throttle.wait(at("bob", "eve"))
        assert storage.asked == 1
        clock.step = PAUSE
        throttle.wait(at("bob", "eve"))
        assert storage.asked > 1
        storage.broken = False
        throttle.wait(at("bob", "eve"))
        throttle.wait(at("bob", "eve"))

        told = [record.getMessage() for record in caplog.records]
        assert len(told) == 2
        assert "by this process alone" in told[0]
        assert "it is gone" in told[0]
        assert "together again" in told[1]

    def test_what_it_saw_itself_is_not_forgotten(
        self, tmp_path: Path, open_database: Callable[[str], Database]
    ):
        """To take the storage away in the middle gives no further tries."""
        storage = Broken(open_database(f"sqlite:///{tmp_path}/x.db"))
        storage.broken = False
        throttle = Throttle(storage)
        for _ in range(PER_ACCOUNT.amount):
            throttle.failed(at("bob", "eve"))
        storage.broken = True

        assert throttle.wait(at("bob", "eve"))

    def test_a_writer_of_sqlite_that_takes_long_holds_up_nobody(
        self, tmp_path: Path, open_database: Callable[[str], Database]
    ):
        """Whoever signs in waits for half a second at most, all in all."""
        url = f"sqlite:///{tmp_path}/x.db"
        throttle = Throttle(SqlLimits(open_database(url)))
        with open_database(url).write():
            # It ends though the other writer does not.
            throttle.failed(at("bob", "eve"))
            throttle.failed(at("bob", "eve"))
        # It was not the driver's own patience that was lost for others.
        with open_database(url).write() as connection:
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000

    def test_many_who_ask_at_once_do_not_pile_up(self):
        """A storage that takes its time gets few of them; the others go on."""
        shared, gone = SharedGuesses(OwnStorage()), threading.Event()
        answers: list[str] = []

        def ask(_: object) -> None:
            answers.append(shared.ask(lambda _: str(gone.wait(60)), "not asked"))

        with ThreadPoolExecutor(10) as pool:
            asked = [pool.submit(ask, None) for _ in range(10)]
            until(lambda: answers.count("not asked") == 6)
            gone.set()
            for done in asked:
                done.result()

        assert answers.count("True") == 4

    def test_a_flood_of_one_peer_is_no_work_for_the_others(self):
        """Whom this process stops by itself does not keep the storage busy."""
        asked: list[str] = []

        class Asked(OwnStorage):
            def get(self, key: str) -> int:
                asked.append(key)
                return super().get(key)

        throttle = Throttle(Asked())
        for number in range(PER_CLIENT.amount):
            throttle.failed(at(f"name{number}", "203.0.113.9"))
        asked.clear()

        assert throttle.wait(at("another", "203.0.113.9")) > 0
        assert asked == []

    def test_one_finds_out_whether_it_is_back(self):
        """Nobody else waits for that meanwhile."""
        clock, tried, gone = LaterEachTime(), [], threading.Event()
        shared = SharedGuesses(OwnStorage(), clock)

        def fail(_: object) -> None:
            tried.append(1)
            assert gone.wait(60)
            raise OSError

        shared.failing = True
        thread = threading.Thread(target=lambda: shared.ask(fail, None))
        thread.start()
        until(lambda: tried)
        assert shared.ask(lambda _: "asked", "not asked") == "not asked"
        gone.set()
        thread.join()
        clock.step = PAUSE

        assert shared.ask(lambda _: "asked", "not asked") == "asked"
        assert shared.ask(lambda _: "asked", "not asked") == "asked"

    def test_what_asks_during_a_fork_costs_the_child_nothing(self):
        """The threads of the parent are not there to give their places back."""
        shared, asked, gone = SharedGuesses(OwnStorage()), [], threading.Event()

        def ask() -> None:
            shared.ask(lambda _: asked.append(1) or gone.wait(60), False)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: len(asked) == 4)
        child = os.fork()
        if not child:
            os._exit(shared.ask(lambda _: 0, 1))
        gone.set()
        for thread in threads:
            thread.join()

        assert os.waitpid(child, 0)[1] == 0

    @pytest.mark.slow
    def test_redis_that_hangs_or_is_gone_holds_up_nobody(self):
        """And it counts again when it is back."""
        server = Redis()
        try:
            clock = LaterEachTime()
            throttle = Throttle(redis_limits(server.url), clock)
            throttle.failed(at("bob", "eve"))
            assert server.process is not None
            server.process.send_signal(signal.SIGSTOP)
            throttle.failed(at("bob", "eve"))
            throttle.failed(at("bob", "eve"))
            server.process.send_signal(signal.SIGCONT)
            goes_and_comes_back(server, throttle, clock)
        finally:
            server.close()

    @pytest.mark.slow
    def test_postgresql_that_hangs_or_is_gone_holds_up_nobody(
        self, open_database: Callable[[str], Database]
    ):
        """Its connections are used by others, who have more patience."""
        server = PostgreSQL()
        try:
            database = open_database(server.new_database())
            clock = LaterEachTime()
            throttle = Throttle(SqlLimits(database), clock)
            throttle.failed(at("bob", "eve"))
            server.signal(signal.SIGSTOP)
            try:
                throttle.failed(at("bob", "eve"))
                throttle.failed(at("bob", "eve"))
            finally:
                server.signal(signal.SIGCONT)
            goes_and_comes_back(server, throttle, clock)
            database.close()
        finally:
            server.close()


def goes_and_comes_back(
    server: Redis | PostgreSQL, throttle: Throttle, clock: "LaterEachTime"
) -> None:
    """Stop *server*: nobody is held up; once it is back, it counts again."""
    server.stop()
    assert throttle.shared is not None
    clock.step = PAUSE
    throttle.failed(at("bob", "eve"))
    assert throttle.shared.failing
    server.start()

    def counts_again() -> bool:
        throttle.failed(at("bob", "eve"))
        return throttle.shared is not None and not throttle.shared.failing

    until(counts_again)  # on a busy machine it may be late the first time
    assert throttle.wait(at("bob", "eve"))
