"""The order of a table in a page: what the address asks for, and where others are.

The address says `sort=name`, or `sort=-name` for the other way round. A heading is a
link, so it works without JavaScript; pressed a third time, the table is as it was.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from authz.web.pages.pagination import asked, here

_BACKWARDS: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorting:
    """How a table is sorted."""

    #: The column it is sorted by; empty for the order the table has by itself.
    column: str = ""
    descending: bool = False

    @property
    def written(self) -> str:
        """What the address says of it; empty if nothing has to be said."""
        return f"{_BACKWARDS if self.descending else ''}{self.column}"

    def aria(self, column: str) -> str:
        """Return what `aria-sort` says at *column*; empty if it is another one."""
        if column != self.column:
            return ""
        return "descending" if self.descending else "ascending"

    def url(self, column: str) -> str:
        """Return where the same rows are, sorted by *column*, from the first one."""
        then = {
            "": column,
            "ascending": f"{_BACKWARDS}{column}",
            "descending": "",
        }
        return here(sort=then[self.aria(column)], page=1, before=None, after=None)


def asked_sorting(columns: Collection[str]) -> Sorting:
    """Return how the current request wants its table; as it is if by no such column."""
    text = asked("sort")
    column = text.removeprefix(_BACKWARDS)
    if column not in columns:
        return Sorting()
    return Sorting(column=column, descending=text != column)
