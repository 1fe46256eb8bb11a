"""The order in which people are read: stored ones and those of settings in one."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.sql.selectable import FromClause

from authz.identity.people import PeopleColumn, PeopleOrder, Person
from authz.stores.sql.tables import authz_person

_COLUMNS = (
    authz_person.c.id,
    authz_person.c.source,
    authz_person.c.groups,
    authz_person.c.display_name,
    authz_person.c.last_seen,
)


def listed(
    where: Sequence[ColumnElement[bool]],
    fixed: Iterable[Person],
    order: PeopleOrder,
    *,
    sqlite: bool,
) -> Select[Any]:
    """Return the query for id, source and groups of people in *order*.

    Of those stored *where* that holds, and all who are *fixed*, who are in no group.
    """
    stored = select(*_COLUMNS).where(*where)
    everybody = union_all(stored, *map(_row, fixed)).subquery()
    columns = everybody.c
    return select(columns.id, columns.source, columns.groups).order_by(
        *_order(everybody, order, sqlite=sqlite)
    )


def _row(person: Person) -> Select[Any]:
    id_, source, groups, display_name, last_seen = _COLUMNS
    return select(
        literal(person.id, id_.type),
        literal(person.source, source.type),
        literal("[]", groups.type),
        literal(person.display_name, display_name.type),
        cast(null(), last_seen.type),
    )


def _order(
    people: FromClause, order: PeopleOrder, *, sqlite: bool
) -> list[ColumnElement[Any]]:
    columns = people.c

    def plain(text: ColumnElement[str]) -> ColumnElement[str]:
        # PostgreSQL sorts as its locale does; people are sorted by code points.
        return text if sqlite else text.collate("C")

    id_ = plain(columns.id)
    by: ColumnElement[Any]
    match order.column:
        case PeopleColumn.ID:
            by = id_
        case PeopleColumn.NAME:
            name = func.coalesce(func.nullif(columns.display_name, ""), columns.id)
            by = plain(func.lower(name))
        case PeopleColumn.SOURCE:
            by = plain(columns.source)
        case PeopleColumn.SEEN:
            by = columns.last_seen
    never = [by.is_(None)] if order.column == PeopleColumn.SEEN else []
    return [*never, by.desc() if order.descending else by, id_]
