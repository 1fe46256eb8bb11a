"""The policy in force changes whole, or not at all."""

import gc
import os
import threading
from collections.abc import Hashable
from pathlib import Path

import pytest

from authz.background import Poller
from authz.decision import PolicyInForce
from authz.errors import PolicyError, StoreError
from authz.policy.build import build_policy
from authz.policy.live import LivePolicy
from authz.stores.file.policy import CsvFile

MODEL = (Path(__file__).parents[3] / "model.conf").read_text(encoding="utf-8")
GOOD = "p, role:user, /map, GET\n"
BETTER = "p, role:user, /chat, GET\n"


class Watched:
    """A live policy on a file, and what it reported."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reloads: list[tuple[str, str]] = []
        self.failures: list[str] = []
        self.builds = 0
        #: The mark while a policy is being built.
        self.marks: list[Hashable] = []
        path.write_text(GOOD)
        self.live = LivePolicy(
            CsvFile(path),
            self._build,
            on_reload=lambda old, new: self.reloads.append(
                (old.revision, new.revision)
            ),
            on_failure=self.failures.append,
        )

    def _build(self, data: bytes) -> PolicyInForce:
        self.builds += 1
        if self.builds > 1:
            self.marks.append(self.live.mark)
        if data == b"crash":
            raise ZeroDivisionError
        return build_policy(MODEL, data).policy

    def change(self, content: str | bytes | None) -> bool:
        """Write the file, or remove it, and look."""
        if content is None:
            self.path.unlink()
        elif isinstance(content, bytes):
            self.path.write_bytes(content)
        else:
            self.path.write_text(content)
        return self.live.refresh()


@pytest.fixture(name="watched")
def _watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "policy.csv")


def test_a_change_is_taken(watched: Watched):
    """A good new policy is in force after the next look, and is reported."""
    before = watched.live.current

    assert watched.change(BETTER)
    assert watched.reloads == [(before.revision, watched.live.current.revision)]
    assert watched.live.problem is None


def test_a_mark_is_told_once_what_it_stands_for_is_in_force(watched: Watched):
    """Whoever goes by it is never answered by the policy before."""
    before = watched.live.mark
    assert watched.change(BETTER)

    assert watched.marks == [before]
    assert watched.live.mark != before


def test_the_same_content_is_not_read_again(watched: Watched):
    """Nothing is built while nothing changes."""
    assert not watched.live.refresh()
    assert watched.builds == 1


def test_a_comment_is_no_new_revision(watched: Watched):
    """Lines that move are known, but nobody is told of a new policy."""
    assert not watched.change("# a comment\n" + GOOD)
    assert watched.reloads == []
    assert watched.builds == 2


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("", id="empty"),
        pytest.param(GOOD[:9], id="truncated"),
        pytest.param(b"\0" * 100, id="NULs"),
        pytest.param(None, id="removed"),
        pytest.param(b"crash", id="an error nobody thought of"),
        pytest.param("p, role:user, /map, FETCH\n", id="a bad line"),
    ],
)
def test_a_bad_policy_leaves_the_last_good_one(
    watched: Watched, bad: str | bytes | None
):
    """What cannot be used is reported once; the last good policy stays in force."""
    before = watched.live.current

    assert not watched.change(bad)
    assert not watched.live.refresh()

    assert watched.live.current is before
    assert len(watched.failures) == 1
    assert watched.live.problem == watched.failures[0]
    assert watched.change(BETTER)
    assert watched.live.problem is None


def test_a_file_that_comes_back_is_no_problem(watched: Watched, tmp_path: Path):
    """Moved away and back, the file is the one that is in force."""
    watched.path.rename(tmp_path / "away")
    assert not watched.live.refresh()
    assert watched.live.problem
    (tmp_path / "away").rename(watched.path)

    assert not watched.live.refresh()
    assert watched.live.problem is None


@pytest.mark.parametrize(
    ("bad", "error"), [("", PolicyError), ("q\n", PolicyError), (None, StoreError)]
)
def test_a_bad_first_policy_stops_the_start(
    tmp_path: Path, bad: str | None, error: type[Exception]
):
    """There is no last good policy, and a store that fails is never an empty one."""
    path = tmp_path / "policy.csv"
    if bad is not None:
        path.write_text(bad)

    with pytest.raises(error):
        LivePolicy(
            CsvFile(path),
            lambda data: build_policy(MODEL, data).policy,
            on_reload=lambda *_: None,
            on_failure=lambda _: None,
        )


class TestPoller:
    def test_it_calls_until_it_is_closed(self):
        """It calls again and again; closed, it calls no more."""
        called = threading.Semaphore(0)
        poller = Poller(called.release, interval=0.001)
        poller.start()
        for _ in range(3):
            assert called.acquire(timeout=120)
        poller.close()

        assert not poller.is_running

    def test_a_failure_does_not_end_it(self, caplog: pytest.LogCaptureFixture):
        """What it calls may fail; it is called again."""
        called = threading.Semaphore(0)

        def fail() -> None:
            called.release()
            raise ZeroDivisionError

        poller = Poller(fail, interval=0.001)
        poller.start()
        assert called.acquire(timeout=120)
        assert called.acquire(timeout=120)
        poller.close()

        assert "it goes on" in caplog.text

    def test_starting_twice_is_starting_once(self):
        """There is one thread for a poller."""
        poller = Poller(lambda: None, interval=60)
        poller.start()
        thread = poller._thread
        poller.start()

        assert poller._thread is thread
        poller.close()

    @pytest.mark.usefixtures("newer_objects")
    def test_it_ends_with_who_holds_it(self):
        """An app that nobody uses any more leaves no thread behind."""
        poller = Poller(lambda: None, interval=60)
        poller.start()
        thread = poller._thread
        assert thread is not None
        del poller
        gc.collect()
        thread.join(120)

        assert not thread.is_alive()

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    @pytest.mark.parametrize("started", [True, False])
    def test_it_starts_again_in_a_child(self, started: bool):
        """A forked worker watches too, if its parent did."""
        reading, writing = os.pipe()
        parent = os.getpid()

        def tell() -> None:
            if os.getpid() != parent:
                os.write(writing, b"x")

        poller = Poller(tell, interval=0.001)
        if started:
            poller.start()
        child = os.fork()
        if child == 0:
            running = poller.is_running
            if running:
                os.read(reading, 1)
            os._exit(42 if running else 7)
        _, status = os.waitpid(child, 0)
        poller.close()
        os.close(reading)
        os.close(writing)

        assert os.waitstatus_to_exitcode(status) == (42 if started else 7)
