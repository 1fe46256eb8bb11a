"""People whom a store knows: local accounts, and those a provider vouches for.

What a person may do is not kept here; roles are grants of the policy.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from authz.decision import Subject, signed_in
from authz.identity.scoped_groups import ScopedGroup, with_scoped

#: The source of people who sign in here.
LOCAL: Final = "local"
#: Stands in front of the hash of a password that opens nothing but the form for
#: another one.
CHANGE_FIRST: Final = "change-first:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody the store knows."""

    #: `alice` for a local account, `authentik/bob` for a person from a provider: what
    #: stands behind `user:`.
    id: str
    display_name: str
    #: Who vouches for them: `local`, or the name of an identity source.
    source: str
    #: An argon2id hash, perhaps behind `CHANGE_FIRST`; empty if they cannot sign in
    #: here.
    password_hash: str = field(default="", repr=False)
    #: A disabled person is refused, whatever the policy says.
    disabled: bool = False
    #: Grows when the password changes, when they are disabled or signed out everywhere;
    #: sessions of another epoch have ended. The store chooses it: never twice the same
    #: for one id, not even when somebody is removed and added again.
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

    @property
    def must_change(self) -> bool:
        """Whether they have to choose another password before they are let in."""
        return self.password_hash.startswith(CHANGE_FIRST)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """Some of the people, and how many there are."""

    people: tuple[Person, ...]
    total: int


class PeopleColumn(StrEnum):
    """What people can be sorted by."""

    ID = "id"
    #: The display name in lower case; the id of those who have none.
    NAME = "name"
    SOURCE = "source"
    #: Those who were never seen come last, however it is sorted.
    SEEN = "seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleOrder:
    """The order in which people are read. Equals are sorted by id, ascending."""

    column: PeopleColumn = PeopleColumn.ID
    descending: bool = False


BY_ID: Final = PeopleOrder()

#: Says of somebody's id, source and groups whether they are meant.
Whom = Callable[[str, str, frozenset[str]], bool]
#: Checks the people whom a change would leave; raises to refuse the change.
PeopleCheck = Callable[[Sequence[Person]], None]
#: Is told who it was and who it is (None: nobody) before that becomes visible; what it
#: raises refuses the change. It writes the audit record.
PeopleBeforeCommit = Callable[[Person | None, Person | None], None]


def skeleton(id: str) -> str:  # noqa: A002 - the field's name
    """Return what two local ids have in common that would be taken for one another.

    NFKC and casefold: `Admin`, `admin` and the same in letters of full width are one.
    Ids of a provider are the provider's affair; no local id holds a `/`.
    """
    return id if "/" in id else unicodedata.normalize("NFKC", id).casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Who people are when they sign in, as settings say."""

    #: How the people of a provider sign in.
    methods: Mapping[str, str] = field(default_factory=dict)
    #: The patterns of groups that give a role in a scope.
    scoped_groups: tuple[ScopedGroup, ...] = ()

    def subject_of(self, person: Person) -> Subject:
        """Return the subject that *person* is when they sign in."""
        return self.completed(
            signed_in(
                person.subject_name,
                source=self.methods.get(person.source, person.source),
                display_name=person.display_name or person.id,
                groups=person.groups,
            )
        )

    def completed(self, subject: Subject) -> Subject:
        """Return *subject* with the roles that its groups give in scopes."""
        return with_scoped(subject, self.scoped_groups)


class PeopleStore(Protocol):
    """Where people are kept.

    One suite of contract tests holds for every implementation. Accounts that settings
    name are among the people, are `fixed`, and win over what the store keeps.
    """

    def find(self, id: str) -> Person | None:  # noqa: A002 - the field's name
        """Return the person *id*, or None."""
        ...

    def everyone(self) -> tuple[Person, ...]:
        """Return all people, by id."""
        ...

    def page(  # noqa: PLR0913 - what a list can be narrowed and sorted by
        self,
        *,
        search: str = "",
        source: str = "",
        whom: Whom | None = None,
        order: PeopleOrder = BY_ID,
        limit: int,
        offset: int = 0,
    ) -> PeoplePage:
        """Return people in *order*, those whose id or display name holds *search*.

        Texts are sorted by code points, the accounts of settings among the others. Of
        the identity *source*, and only *whom* that means; each if it is given.
        """
        ...

    def add(
        self, person: Person, *, check: PeopleCheck, before_commit: PeopleBeforeCommit
    ) -> Person:
        """Add *person*; return them as they are kept.

        Raises:
            AlreadyThere: if the id, or a look-alike, is taken.
            StoreReadOnly: if there is no store to keep people in.
            StoreError: if it cannot be written; nothing has changed then.
            InvalidValue: if the id cannot be one.
        """
        ...

    def replace(
        self,
        person: Person,
        *,
        expected: Person,
        check: PeopleCheck,
        before_commit: PeopleBeforeCommit,
    ) -> Person:
        """Keep *person* in place of who had the id; return them as they are kept.

        With an *epoch* other than the expected one they are signed out everywhere; that
        alone may be done to fixed accounts too.

        Raises:
            LookupError: if there is nobody of that id.
            StoreConflict: if who had the id is not as *expected* any more. When they
                were last seen, and in which groups, does not count.
            StoreReadOnly: if settings name the account.
            StoreError: if it cannot be written; nothing has changed then.
        """
        ...

    def remove(
        self, expected: Person, *, check: PeopleCheck, before_commit: PeopleBeforeCommit
    ) -> None:
        """Forget a person, and end their sessions. Raises as `replace` does."""
        ...

    def seen(self, persons: Sequence[Person]) -> None:
        """Note people a provider vouched for; called in the background, in batches.

        Nobody is enabled, renamed or given a password by it.
        """
        ...
