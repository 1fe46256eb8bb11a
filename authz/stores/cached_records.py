"""A store of entries that is not read again while nothing has changed.

Ten thousand entries take a second to read; to learn that they are the same takes a
moment.
"""

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from authz.policy.records import Change, Entry, PolicyRecords, Revision, Snapshot


class CachedRecords:
    """Answers for another store of entries, and remembers its newest state."""

    def __init__(self, records: PolicyRecords, mark: Callable[[], Hashable]) -> None:
        """Remember what *records* holds for as long as *mark* returns the same."""
        self._records = records
        self._mark = mark
        # One reference, swapped whole: threads may read while one writes.
        self._newest: tuple[Hashable, Snapshot] | None = None
        self._changing = threading.local()

    @property
    def read_only(self) -> bool:
        """Whether changes are made elsewhere."""
        return self._records.read_only

    def etag(self) -> str:
        """Return the etag of the state now. Raises `StoreError`."""
        return self._records.etag()

    def snapshot(self) -> Snapshot:
        """Return the state now; see `PolicyRecords.snapshot`."""
        if getattr(self._changing, "depth", 0):
            # A change asks what it would leave; that is not the state yet.
            return self._records.snapshot()
        # The mark before the content: a change between the two is seen next time.
        mark = self._mark()
        newest = self._newest
        if newest is not None and newest[0] == mark:
            return newest[1]
        snapshot = self._records.snapshot()
        self._newest = mark, snapshot
        return snapshot

    def would_be(self, changes: Iterable[Change], **more: Any) -> Sequence[Entry]:
        """Return what *changes* would leave; see `PolicyRecords.would_be`."""
        return self._records.would_be(changes, **more)

    def apply(self, changes: Iterable[Change], **more: Any) -> Revision:
        """Make *changes*, all or none; see `PolicyRecords.apply`."""
        with self._changes():
            return self._records.apply(changes, **more)

    def go_back(self, number: int, **more: Any) -> Revision:
        """Go back to revision *number*; see `PolicyRecords.go_back`."""
        with self._changes():
            return self._records.go_back(number, **more)

    def history(self, *, limit: int, before: int | None = None) -> Sequence[Revision]:
        """Return the newest revisions first, those below number *before*."""
        return self._records.history(limit=limit, before=before)

    def at(self, number: int) -> Snapshot:
        """Return the state as revision *number* left it. Raises `LookupError`."""
        return self._records.at(number)

    @contextmanager
    def _changes(self) -> Iterator[None]:
        self._changing.depth = getattr(self._changing, "depth", 0) + 1
        try:
            yield
        finally:
            self._changing.depth -= 1
