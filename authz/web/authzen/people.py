"""The subjects that AuthZEN asks about, from what this process knows of people."""

from collections.abc import Mapping

from authz.decision import Subject
from authz.errors import InvalidValue
from authz.identity.people import Person
from authz.policy.parse_subject import parse_subject
from authz.runtime import Runtime


class Subjects:
    """Finds subjects by their type and id, without I/O."""

    def __init__(self, runtime: Runtime, beginnings: Mapping[str, str]) -> None:
        """Know the people of *runtime*, and what names of each type begin with."""
        self._runtime = runtime
        self._beginnings = beginnings
        self._arrivals = runtime.arrivals
        #: The people as they were read last, and what was made of them.
        self._people: tuple[Person, ...] = ()
        self._by_name: dict[str, Person] = {}
        self._made: dict[str, Subject] = {}

    def find(self, kind: str, id: str) -> Subject | None:  # noqa: A002
        """Return who *id* of a type is; None if nobody can be called so.

        Somebody who is not known here is judged by the name alone, as a person of a
        provider is who has yet to come.
        """
        beginning = self._beginnings.get(kind)
        if beginning is None:
            return None
        name = beginning + id
        by_name, made = self._known()
        person = by_name.get(name)
        if person is not None:
            if name not in made:
                made[name] = self._arrivals.subject_of(person)
            return made[name]
        try:
            return self._arrivals.completed(parse_subject(name))
        except InvalidValue:
            return None

    def everyone(self, kind: str) -> set[str]:
        """Return the ids of all of a type whom the policy or the people name."""
        beginning = self._beginnings.get(kind)
        if beginning is None:
            return set()
        policy = self._runtime.policy.written
        named = frozenset() if policy is None else policy.names
        found = {*named, *self._known()[0]}
        return {name[len(beginning) :] for name in found if name.startswith(beginning)}

    def _known(self) -> tuple[dict[str, Person], dict[str, Subject]]:
        people = self._runtime.accounts.people
        if people is not self._people:
            by_name = {person.subject_name: person for person in people}
            self._by_name, self._made, self._people = by_name, {}, people
        return self._by_name, self._made
