"""People in a database beside rules in a file that is written: one change at a time.

Whoever changes either is checked against the other. The file's lock is what both take.
"""

from collections.abc import Sequence

from authz.identity.people import (
    BY_ID,
    PeopleBeforeCommit,
    PeopleCheck,
    PeopleOrder,
    PeoplePage,
    PeopleStore,
    Person,
    Whom,
)
from authz.stores.file.policy import CsvFile


class SerializedPeople:
    """A store of people that changes while nobody writes the policy file."""

    def __init__(self, people: PeopleStore, file: CsvFile) -> None:
        """Change *people* while holding the lock of *file*."""
        self._people = people
        self._file = file

    def find(self, id: str) -> Person | None:  # noqa: A002 - the port's signature
        """Return the person *id*, or None."""
        return self._people.find(id)

    def everyone(self) -> tuple[Person, ...]:
        """Return all people, by id."""
        return self._people.everyone()

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
        return self._people.page(
            search=search,
            source=source,
            whom=whom,
            order=order,
            limit=limit,
            offset=offset,
        )

    def add(
        self, person: Person, *, check: PeopleCheck, before_commit: PeopleBeforeCommit
    ) -> Person:
        """Add *person*; see `PeopleStore`."""
        with self._file.locked():
            return self._people.add(person, check=check, before_commit=before_commit)

    def replace(
        self,
        person: Person,
        *,
        expected: Person,
        check: PeopleCheck,
        before_commit: PeopleBeforeCommit,
    ) -> Person:
        """Keep *person* in place of who had the id; see `PeopleStore`."""
        with self._file.locked():
            return self._people.replace(
                person, expected=expected, check=check, before_commit=before_commit
            )

    def remove(
        self, expected: Person, *, check: PeopleCheck, before_commit: PeopleBeforeCommit
    ) -> None:
        """Forget a person, and end their sessions; see `PeopleStore`."""
        with self._file.locked():
            self._people.remove(expected, check=check, before_commit=before_commit)

    def seen(self, persons: Sequence[Person]) -> None:
        """Note people a provider vouched for; see `PeopleStore`."""
        self._people.seen(persons)
