"""Long tables in pages: which part is shown, and the addresses of the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

from flask import request

SIZE: Final = 50
_MAX_PAGE: Final = 1_000_000
_MAX_TEXT: Final = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[T]):
    """Some of the rows of a table."""

    rows: Sequence[T]
    total: int
    #: From 1.
    page: int
    size: int = SIZE

    @property
    def first(self) -> int:
        """The number of the first row shown, from 1; 0 if there is none."""
        return (self.page - 1) * self.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return self.first + len(self.rows) - 1 if self.rows else 0

    @property
    def previous_url(self) -> str | None:
        """Where the rows before these are."""
        return here(page=self.page - 1) if self.page > 1 else None

    @property
    def next_url(self) -> str | None:
        """Where the rows after these are."""
        return here(page=self.page + 1) if self.last < self.total else None


def listing(rows: Sequence[T], size: int = SIZE) -> Listing[T]:
    """Return the part of *rows* that the current request asks for."""
    pages = max(1, -(-len(rows) // size))
    page = min(asked_page(), pages)
    return Listing(
        rows=rows[(page - 1) * size : page * size],
        total=len(rows),
        page=page,
        size=size,
    )


def asked_page() -> int:
    """Return the page that the current request asks for, from 1."""
    text = request.args.get("page", "1")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else 1  # noqa: PLR2004
    return min(max(1, number), _MAX_PAGE)


def asked(name: str) -> str:
    """Return the parameter *name* of the current request, trimmed and not too long."""
    return request.args.get(name, "").strip()[:_MAX_TEXT]


def here(**changes: object) -> str:
    """Return the address of this page with some parameters changed; empty ones go."""
    values = request.args.to_dict() | {key: str(v) for key, v in changes.items()}
    kept = {key: value for key, value in values.items() if value not in {"", "None"}}
    if kept.get("page") == "1":
        del kept["page"]
    path = request.script_root + request.path
    return f"{path}?{urlencode(kept)}" if kept else path
