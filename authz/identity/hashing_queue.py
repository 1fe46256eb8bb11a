"""Turns at something that takes a whole core: few at once, and a short line for them.

A flood of sign-ins must neither take every thread of the server by waiting nor every
core by hashing. Who cannot be served soon is told so at once; whoever has signed in
from the same address before goes first.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from authz.errors import AuthzError

#: How many strangers may wait, and how many who were known before.
_STRANGERS: Final = 2
_KNOWN: Final = 8
#: How long they wait at most, in seconds.
_PATIENCE: Final = {False: 0.5, True: 2.0}


class TooBusy(AuthzError):
    """No turn can be had soon; the client should come back in a second."""


class HashingQueue:
    """Lets *at_once* callers in at a time."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._running = 0
        self._waiting = {False: 0, True: 0}
        self._change = threading.Condition()

    @contextmanager
    def turn(self, *, known: bool) -> Iterator[None]:
        """Hold a turn. *known*: the caller goes before strangers.

        Raises:
            TooBusy: if the line is long, or nobody got out of the way in time.
        """
        self._begin(known)
        try:
            yield
        finally:
            with self._change:
                self._running -= 1
                self._change.notify_all()

    def _begin(self, known: bool) -> None:  # noqa: FBT001 - private
        with self._change:
            if not self._is_free(known):
                if self._waiting[known] >= (_KNOWN if known else _STRANGERS):
                    raise TooBusy("too many sign-ins at once")
                self._waiting[known] += 1
                try:
                    free = self._change.wait_for(
                        lambda: self._is_free(known), _PATIENCE[known]
                    )
                finally:
                    self._waiting[known] -= 1
                if not free:
                    raise TooBusy("too many sign-ins at once")
            self._running += 1

    def _is_free(self, known: bool) -> bool:  # noqa: FBT001 - private
        # Who is known has a turn of their own beside those of strangers.
        if known:
            return self._running <= self._at_once
        return self._running < self._at_once and not self._waiting[True]
