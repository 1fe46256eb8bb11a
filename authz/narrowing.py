"""Narrows a SQLAlchemy `select` to the scopes somebody may see.

ids = authz.scopes("GET", "/api/tracks").ids("library")
rows = session.scalars(narrow(select(Track), Track.library_id, ids))
"""

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, false
from sqlalchemy.orm import InstrumentedAttribute

from authz.scope import ScopeIds

_Rows = TypeVar("_Rows", bound=tuple[Any, ...])


def narrow(
    statement: Select[_Rows],
    column: "ColumnElement[Any] | InstrumentedAttribute[Any]",
    ids: ScopeIds,
) -> Select[_Rows]:
    """Return *statement* with only the rows whose *column* is among *ids*.

    For Core and ORM. All ids add nothing; none add a false condition. A row without an
    id (NULL) is in no scope: only who may see all sees it. In a column of whole
    numbers an id that is not spelled as one is nobody's.

    Args:
        statement: What is selected.
        column: The column that holds the id of a scope.
        ids: Which ids: what `ScopeSet.ids` of `authz.scopes(...)` returns.
    """
    if ids.is_all:
        return statement
    listed = _as_stored(column, sorted(ids.ids))
    if ids.every:
        return statement.where(column.not_in(listed) & column.is_not(None))
    return statement.where(column.in_(listed) if listed else false())


def _as_stored(column: Any, ids: list[str]) -> list[Any]:
    try:
        is_whole = column.type.python_type is int
    except NotImplementedError:
        is_whole = False
    if not is_whole:
        return list(ids)
    numbers = (each for each in ids if each.isascii() and each.isdecimal())
    return [int(each) for each in numbers if str(int(each)) == each]
