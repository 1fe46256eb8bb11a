"""Some of many, in an order that was asked for, and the state they were read from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

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


def in_order(
    items: Iterable[T], key: Callable[[T], Any], *, descending: bool = False
) -> list[T]:
    """Return *items* by what *key* returns of each; those of which it is None, last.

    Among equals their order stays.
    """
    keyed = [(key(item), item) for item in items]
    some = [pair for pair in keyed if pair[0] is not None]
    some.sort(key=lambda pair: pair[0], reverse=descending)
    return [item for _, item in some] + [item for found, item in keyed if found is None]
