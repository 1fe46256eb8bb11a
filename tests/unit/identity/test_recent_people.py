"""People whom a provider vouches for are noted, not at each request."""

from collections.abc import Sequence

from authz.decision import signed_in
from authz.identity.people import Person
from authz.identity.recent_people import RecentPeople
from tests.unit.identity.test_jwks import Clock

BOB = signed_in(
    "user:authentik/bob",
    source="jwt",
    display_name="Bob",
    groups=frozenset({"group:users"}),
)


class Store:
    """Remembers the batches it was told."""

    def __init__(self) -> None:
        self.batches: list[Sequence[Person]] = []

    def seen(self, people: Sequence[Person]) -> None:
        """Note a batch."""
        self.batches.append(people)


def test_who_it_was():
    """What a store is told is who they are, who vouched, and in which groups."""
    store = Store()
    seen = RecentPeople(store.seen)
    for _ in range(3):
        seen.note(BOB)
    seen.tell()
    seen.tell()

    [[person]] = store.batches
    assert (person.id, person.source, person.display_name) == (
        "authentik/bob",
        "authentik",
        "Bob",
    )
    assert person.groups == {"group:users"}
    assert person.last_seen is not None


def test_once_a_minute_or_when_groups_change():
    """Somebody who is there all day is not written down all day."""
    clock, store = Clock(), Store()
    seen = RecentPeople(store.seen, clock=clock)
    moved = signed_in(BOB.name, source="jwt", display_name="Bob")
    told = []
    for subject, seconds in ((BOB, 0), (BOB, 59), (moved, 0), (moved, 30), (moved, 31)):
        clock.now += seconds
        seen.note(subject)
        seen.tell()
        told.append(len(store.batches))

    assert told == [1, 1, 2, 2, 3]


def test_it_is_bounded():
    """A provider with very many people does not fill the memory."""
    store = Store()
    seen = RecentPeople(store.seen)
    for number in range(10_000):
        seen.note(signed_in(f"user:idp/{number}", source="jwt", display_name="x"))
        if number % 3000 == 2999:
            seen.tell()

    assert len(seen._told) <= 4096
    assert len(seen._seen) <= 4096
