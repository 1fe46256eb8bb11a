"""Processes that share nothing with a test: forked from one that never did anything.

They are as new as those that are spawned, but what they need was imported once. Their
environment is that of the first test that asks for one.
"""

import multiprocessing
from multiprocessing.context import ForkServerContext


def new_processes() -> ForkServerContext:
    """Return what makes such processes, and what they share, as `multiprocessing`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "tests.races"])
    return context
