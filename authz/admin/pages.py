"""Some of many, and the state they were read from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

#: More than this is not read at once.
MAX_LIMIT: Final = 500
DEFAULT_LIMIT: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some of the items, and how many there are."""

    items: tuple[T, ...]
    total: int
    limit: int
    offset: int
    #: The state that a writer shows to prove it was seen; empty where none is needed.
    etag: str = ""

    @property
    def next_offset(self) -> int | None:
        """Where the next page begins, or None if this is the last."""
        after = self.offset + len(self.items)
        return after if self.items and after < self.total else None


def paged(
    items: Iterable[T], *, limit: int = DEFAULT_LIMIT, offset: int = 0, etag: str = ""
) -> Page[T]:
    """Return the page of *items* that begins at *offset*."""
    every = tuple(items)
    limit = max(1, min(limit, MAX_LIMIT))
    offset = max(0, offset)
    return Page(
        items=every[offset : offset + limit],
        total=len(every),
        limit=limit,
        offset=offset,
        etag=etag,
    )
