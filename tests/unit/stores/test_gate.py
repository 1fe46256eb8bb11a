"""A process is not forked in the middle of a transaction."""

import threading

from authz.stores.sql.gate import Gate
from tests.services import until


def test_a_fork_waits_for_a_transaction_and_keeps_the_next_out():
    """Another thread's transaction ends first; the next begins after the fork."""
    gate, order = Gate(), []
    leave, began = threading.Event(), threading.Event()

    def transaction(name: str, wait: threading.Event) -> None:
        with gate.inside():
            began.set()
            wait.wait(120)
            order.append(name)

    first = threading.Thread(target=transaction, args=("first", leave))
    first.start()
    began.wait(120)
    second = threading.Thread(target=transaction, args=("second", leave))

    def fork() -> None:
        gate.shut()
        second.start()
        order.append("fork")
        gate.open()

    forking = threading.Thread(target=fork)
    forking.start()
    until(lambda: gate._change._waiters)  # it waits for the first
    early = threading.Thread(target=transaction, args=("early", leave))
    early.start()
    until(lambda: len(gate._change._waiters) == 2)  # who comes now waits, too
    leave.set()
    for thread in (forking, first, second, early):
        thread.join()

    assert order[:2] == ["first", "fork"]
    assert sorted(order[2:]) == ["early", "second"]


def test_who_forks_within_a_transaction_does_not_wait_for_itself():
    """Its own transaction is its own business."""
    gate = Gate()
    with gate.inside():
        gate.shut()
        gate.open()
    with gate.inside():
        pass
