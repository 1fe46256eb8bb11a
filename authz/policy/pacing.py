"""Making a policy beside the requests that are being answered, without holding them up.

CPython runs one thread at a time. A thread that computes for a second gives way only
every few milliseconds, and each request in flight would wait so long several times.
What goes through a whole policy goes through it `paced`; in a thread that works `aside`
it then sleeps for a moment after each half millisecond.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

_T = TypeVar("_T")

#: Seconds of work between two moments of sleep, and how long one is.
_WORK: Final = 0.0005
_SLEEP: Final = 0.0001
#: How many items pass between two looks at the clock.
_STRIDE: Final = 32

_thread = threading.local()


@contextmanager
def aside() -> Iterator[None]:
    """Let the work of this thread give way to others."""
    _thread.aside = True
    try:
        yield
    finally:
        _thread.aside = False


def paced(items: Iterable[_T], stride: int = _STRIDE) -> Iterable[_T]:
    """Return *items*, with moments of sleep in between if this thread works aside.

    *stride* is how many pass between two looks at the clock: few if each is much work.
    """
    return _paced(items, stride) if getattr(_thread, "aside", False) else items


def _paced(items: Iterable[_T], stride: int) -> Iterator[_T]:
    until = time.perf_counter() + _WORK
    for number, item in enumerate(items):
        if not number % stride and time.perf_counter() > until:
            time.sleep(_SLEEP)
            until = time.perf_counter() + _WORK
        yield item


def let_go(items: list[_T]) -> None:
    """Empty *items* a few at a time: to free a whole policy takes long as well.

    Whatever else refers to one of them keeps it.
    """
    for _ in paced(range(len(items) // _STRIDE + 1)):
        del items[-_STRIDE:]
