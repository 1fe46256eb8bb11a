"""A flood waits in a short line, and people who were here before go first."""

import threading

import pytest

from authz.identity.hashing_queue import HashingQueue, TooBusy
from tests.services import until


class Caller:
    """Takes a turn in a thread of its own, and gives it back when told to."""

    def __init__(self, turns: HashingQueue, *, known: bool, served: list[str]) -> None:
        self.turned_away = False
        self.leave = threading.Event()
        self._served = served
        self._known = known
        self._turns = turns
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            with self._turns.turn(known=self._known):
                self._served.append("known" if self._known else "stranger")
                self.leave.wait(120)
        except TooBusy:
            self.turned_away = True


def test_a_long_line_is_told_at_once():
    """Two strangers may wait for the one turn; the third does not take a thread."""
    turns, served = HashingQueue(1), []
    first = Caller(turns, known=False, served=served)
    until(lambda: served)
    waiting = [Caller(turns, known=False, served=served) for _ in range(2)]
    until(lambda: turns._waiting[False] == 2)

    with pytest.raises(TooBusy), turns.turn(known=False):
        pytest.fail("the line was full")

    for caller in (first, *waiting):
        caller.leave.set()
    for caller in (first, *waiting):
        caller.thread.join()
    assert served == ["stranger"] * 3


def test_the_known_go_before_strangers():
    """Who signed in here before has a turn of their own, and is served next."""
    turns, served = HashingQueue(1), []
    first = Caller(turns, known=False, served=served)
    until(lambda: served)
    beside = Caller(turns, known=True, served=served)
    until(lambda: len(served) == 2)
    stranger = Caller(turns, known=False, served=served)
    until(lambda: turns._waiting[False] == 1)
    known = Caller(turns, known=True, served=served)
    until(lambda: turns._waiting[True] == 1)
    first.leave.set()
    until(lambda: len(served) == 3)

    assert served == ["stranger", "known", "known"]
    for caller in (beside, known, stranger):
        caller.leave.set()
        caller.thread.join()


def test_a_turn_is_given_back_after_an_error():
    """Whatever goes wrong inside, the next one is let in."""
    turns = HashingQueue(1)
    with pytest.raises(LookupError), turns.turn(known=False):
        raise LookupError
    with turns.turn(known=False):
        pass
