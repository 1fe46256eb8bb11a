"""What each process has for itself."""

import os
import threading

import pytest

from authz.per_process import PerProcess


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_does_not_wait_for_what_its_parent_holds():
    """In one process it is one lock; a child has another."""
    lock = PerProcess(threading.Lock)
    with lock():
        assert lock() is lock()
        child = os.fork()
        if child == 0:
            os._exit(0 if lock().acquire(blocking=False) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not lock().acquire(blocking=False)
