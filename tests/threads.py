"""Threads that do the same at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def raised_at_once(task: Callable[[], object], *, threads: int) -> list[BaseException]:
    """Call *task* in that many *threads* at once; return what it raised in them."""
    together = threading.Barrier(threads)

    def call() -> None:
        together.wait()
        task()

    with ThreadPoolExecutor(threads) as pool:
        calls = [pool.submit(call) for _ in range(threads)]
    return [error for each in calls if (error := each.exception())]
