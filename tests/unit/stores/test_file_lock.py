"""The lock beside a file, and what becomes of it when a process is forked."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from authz.stores.file.lock import locked
from authz.stores.file.policy import CsvFile
from tests.saving import save
from tests.services import until


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.csv"
    path.write_bytes(b"")
    return path


@contextmanager
def held(lock: AbstractContextManager[None]) -> Iterator[None]:
    """Let another thread hold *lock*."""
    taken, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            taken.set()
            enough.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(60)
    yield
    enough.set()
    thread.join()


def fork(run: Callable[[], object]) -> int:
    """Run *run* in a child, ten seconds at most; return its process id."""
    child = os.fork()
    if not child:
        signal.alarm(10)
        try:
            run()
        except BaseException:  # noqa: BLE001 - it must not go on as a test
            os._exit(1)
        os._exit(0)
    return child


def test_one_at_a_time(path: Path):
    """Who comes second waits until the first has let go."""
    order = []

    def second() -> None:
        with locked(path):
            order.append("second")

    with held(locked(path)):
        thread = threading.Thread(target=second)
        thread.start()
        order.append("first")
    thread.join(60)

    assert order == ["first", "second"]


def test_what_is_forked_meanwhile_does_not_hold_it(path: Path):
    """The child gets its turn after the parent's thread, and the parent after it."""
    read, write = os.pipe()

    def write_file() -> None:
        os.write(write, b"x")
        save(path, b"child")

    with held(CsvFile(path).locked()):
        child = fork(write_file)
        assert os.read(read, 1) == b"x"
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
    assert os.waitpid(child, 0)[1] == 0

    assert save(path, b"parent") == b"child"


def test_a_child_that_lives_on_holds_up_nobody(path: Path):
    """It never asked for the lock: its parent need not wait for its end."""
    with held(locked(path)):
        child = fork(signal.pause)
    done = threading.Event()

    def take() -> None:
        with locked(path):
            done.set()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    try:
        until(done.is_set)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        thread.join()


def test_a_child_that_is_forked_inside_closes_nothing_twice(path: Path):
    """The number of its descriptor may be another file's by then."""

    def leave() -> None:
        lock.__exit__(None, None, None)
        os.fstat(other)

    lock = locked(path)
    lock.__enter__()
    child = os.fork()
    if not child:
        # The lowest free number: the one of the lock.
        other = os.open(path, os.O_RDONLY)
        try:
            leave()
        except BaseException:  # noqa: BLE001 - as above
            os._exit(1)
        os._exit(0)
    lock.__exit__(None, None, None)

    assert os.waitpid(child, 0)[1] == 0
