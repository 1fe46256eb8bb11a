"""What columns hold as JSON; what another program made of it is told with its place."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from sqlalchemy import Column

from authz.errors import StoreError

_T = TypeVar("_T")
#: What reading it raises; the last is said of lists that are thousands deep.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
)


def list_in(column: Column[str], row: Any, kind: type[_T]) -> list[_T]:
    """Return the list, of things of a *kind*, that *row* has in *column*.

    Raises:
        StoreError: if it has something else there.
    """
    with as_written(column, row):
        found = json.loads(getattr(row, column.name))
        if type(found) is list and {*map(type, found)} <= {kind}:
            return found
        raise ValueError("another kind of value")


@contextmanager
def as_written(column: Column[str], row: Any) -> Iterator[None]:
    """Be inside while what *row* has in *column* is read; its key is in it as well.

    Raises:
        StoreError: if it is not what authz writes there.
    """
    try:
        yield
    except _UNREADABLE as error:
        (key,) = column.table.primary_key
        raise StoreError(
            f"{column.table.name}: in the row whose {key.name} is "
            f"{getattr(row, key.name)!r}, the column {column.name} does not hold the "
            f"JSON that authz writes ({type(error).__name__}: {error}): another "
            "program changed it",
            "restore the backup, or correct that row",
        ) from error
