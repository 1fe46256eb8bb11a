"""The people of an app without a store: the accounts that settings name."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Final

from authz.errors import StoreReadOnly
from authz.identity.people import (
    BY_ID,
    PeopleColumn,
    PeopleOrder,
    PeoplePage,
    Person,
    Whom,
)

_KEYS: Final[Mapping[PeopleColumn, Callable[[Person], str]]] = {
    PeopleColumn.ID: lambda person: person.id,
    PeopleColumn.NAME: lambda person: (person.display_name or person.id).lower(),
    PeopleColumn.SOURCE: lambda person: person.source,
    PeopleColumn.SEEN: lambda _: "",
}


class FixedPeople:
    """A store of people that cannot be changed; see `PeopleStore`."""

    def __init__(self, people: Sequence[Person] = ()) -> None:
        """Hold *people*, sorted by id."""
        self._people = {person.id: person for person in people}

    def mark(self) -> Hashable:
        """Return the same each time: nobody ever changes."""
        return len(self._people)

    def find(self, id: str) -> Person | None:  # noqa: A002 - the port's signature
        """Return the person *id*, or None."""
        return self._people.get(id)

    def everyone(self) -> tuple[Person, ...]:
        """Return all people, by id."""
        return tuple(sorted(self._people.values(), key=lambda person: person.id))

    def page(  # noqa: PLR0913 - the port's signature
        self,
        *,
        search: str = "",
        source: str = "",
        whom: Whom | None = None,
        order: PeopleOrder = BY_ID,
        limit: int,
        offset: int = 0,
    ) -> PeoplePage:
        """Return people in *order*, those whose id or display name holds *search*."""
        found = [
            person
            for person in self.everyone()
            if is_found(person, search, source)
            and (whom is None or whom(person.id, person.source, person.groups))
        ]
        # Equals stay sorted by id, and nobody here was ever seen.
        found.sort(key=_KEYS[order.column], reverse=order.descending)
        return PeoplePage(
            people=tuple(found[offset : offset + limit]), total=len(found)
        )

    def add(self, person: Person, **_terms: object) -> Person:
        """Refuse to add anybody."""
        raise _no_store(f"`{person.id}` cannot be added")

    def replace(self, person: Person, **_terms: object) -> Person:
        """Refuse to change anybody."""
        self._must_exist(person.id)
        raise _no_store(f"`{person.id}` is named by a setting")

    def remove(self, expected: Person, **_terms: object) -> None:
        """Refuse to forget anybody."""
        self._must_exist(expected.id)
        raise _no_store(f"`{expected.id}` is named by a setting")

    def seen(self, persons: Sequence[Person]) -> None:
        """Keep nothing: there is nowhere to keep it."""

    def _must_exist(self, id_: str) -> None:
        if id_ not in self._people:
            raise LookupError(f"there is nobody called `{id_}`")


def is_found(person: Person, search: str, source: str) -> bool:
    """Return whether *person* is of *source* and holds *search*."""
    if source and person.source != source:
        return False
    wanted = search.casefold()
    return wanted in person.id.casefold() or wanted in person.display_name.casefold()


def _no_store(what: str) -> StoreReadOnly:
    return StoreReadOnly(
        f"{what}, and there is no store for people",
        "change the settings, or set AUTHZ_STORE",
    )
