"""People whom a store knows: local accounts, and those a provider vouches for.

What a person may do is not kept here; roles are grants of the policy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody the store knows."""

    #: `alice` for a local account, `authentik/bob` for a person from a provider: what
    #: stands behind `user:`.
    id: str
    display_name: str
    #: Who vouches for them: `local`, or the name of an identity source.
    source: str
    #: An argon2id hash; empty if they cannot sign in here.
    password_hash: str = field(default="", repr=False)
    #: A disabled person is refused, whatever the policy says.
    disabled: bool = False
    #: Grows when the password changes or they are signed out everywhere; sessions of
    #: an earlier epoch have ended.
    epoch: int = 0
    #: The groups a provider named when they were last seen, `group:...`.
    groups: frozenset[str] = frozenset()
    created: datetime | None = None
    last_seen: datetime | None = None
    #: Accounts of the environment cannot be changed here.
    fixed: bool = False

    @property
    def subject_name(self) -> str:
        """The name the policy knows them by."""
        return f"user:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """Some of the people, and how many there are."""

    people: tuple[Person, ...]
    total: int


class PeopleStore(Protocol):
    """Where people are kept."""

    def find(self, id: str) -> Person | None:  # noqa: A002 - the field's name
        """Return the person *id*, or None."""
        ...

    def page(
        self, *, search: str = "", source: str = "", limit: int, offset: int = 0
    ) -> PeoplePage:
        """Return people by id, those whose id or display name holds *search*."""
        ...

    def add(self, person: Person) -> None:
        """Add *person*. Raises `StoreConflict` if the id, or a look-alike, is taken."""
        ...

    def replace(self, person: Person) -> None:
        """Keep *person* in place of who had the id. Raises `LookupError`."""
        ...

    def remove(self, id: str) -> None:  # noqa: A002 - the field's name
        """Forget the person *id*. Raises `LookupError`."""
        ...

    def seen(self, persons: Sequence[Person]) -> None:
        """Note people a provider vouched for; called in the background, in batches."""
        ...
