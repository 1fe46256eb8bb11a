"""Notes whom a provider vouched for, so that administrators find them in the list."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from authz.decision import NO_GROUPS, Groups, Subject
from authz.identity.people import Person

#: Somebody who did not change is noted again after this many seconds.
_AGAIN: Final = 60.0
#: People who are remembered at once.
_MAX_PEOPLE: Final = 4096


class RecentPeople:
    """Collects people while they are served, and tells a store in the background."""

    def __init__(
        self,
        tell: Callable[[Sequence[Person]], object],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Hand those who were seen to *tell*, in batches."""
        self._tell = tell
        self._clock = clock
        self._told: dict[str, tuple[frozenset[str], float]] = {}
        self._seen: dict[str, Subject] = {}
        self._groups: dict[str, Groups] = {}

    def note(self, subject: Subject) -> None:
        """Remember that *subject* was here. Called on the request path."""
        told = self._told.get(subject.name)
        if (
            told is not None
            and self._clock() - told[1] < _AGAIN
            # The same subject comes again and again: then there is nothing to compare.
            and (told[0] is subject.names or told[0] == subject.names)
        ):
            return
        if len(self._seen) < _MAX_PEOPLE:
            self._seen[subject.name] = subject
        if len(self._groups) >= _MAX_PEOPLE:
            self._groups = {}
        self._groups[subject.name] = subject.groups

    def groups_of(self, name: str) -> Groups:
        """Return how the groups of *name* were delivered last, to this process."""
        return self._groups.get(name, NO_GROUPS)

    def tell(self) -> None:
        """Tell the store, in the background."""
        found, self._seen = self._seen, {}
        seen = dict(found)  # a request that began before may still add to the other
        if not seen:
            return
        if len(self._told) + len(seen) > _MAX_PEOPLE:
            self._told = {}
        self._tell([_person(subject) for subject in seen.values()])
        now = self._clock()
        self._told |= {name: (subject.names, now) for name, subject in seen.items()}


def _person(subject: Subject) -> Person:
    id_ = subject.name.removeprefix("user:")
    return Person(
        id=id_,
        display_name=subject.display_name,
        source=id_.partition("/")[0],
        groups=frozenset(n for n in subject.names if n.startswith("group:")),
        last_seen=datetime.now(UTC),
    )
