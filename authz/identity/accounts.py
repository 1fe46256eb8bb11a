"""Local accounts: a name and a password, for people without an identity provider."""

import os
import secrets
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Final, Protocol

from authz.decision import Subject, signed_in
from authz.errors import InvalidCredentials, SettingsError
from authz.identity.hashing_queue import HashingQueue
from authz.identity.passwords import MAX_PASSWORD
from authz.identity.people import CHANGE_FIRST, Person
from authz.spot_checks import Edited, SpotChecks, stay, untold

if TYPE_CHECKING:
    from argon2 import PasswordHasher

METHOD: Final = "local"


@cache
def hasher() -> "PasswordHasher":
    """Return what hashes and verifies; the library is loaded when it is needed.

    About 50 ms on one core; OWASP's floor is 19 MiB with two passes.
    """
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person who signs in here."""

    name: str
    subject: Subject
    #: An argon2id hash; empty for an account that cannot sign in here.
    password_hash: str = field(repr=False)
    #: Sessions of another epoch have ended.
    epoch: int = 0
    #: Whether the password opens nothing but the form for another one.
    must_change: bool = False


def hash_password(password: str) -> str:
    """Return the argon2id hash of *password*, in the PHC string form."""
    return hasher().hash(_normal(password))


def new_account(name: str, password: str, *, where: str) -> Account:
    """Return an account. *password* may be a password, its hash, or empty.

    Raises:
        SettingsError: if a hash cannot be used; *where* names the setting.
    """
    if password.startswith("$argon2"):
        from argon2.exceptions import InvalidHashError

        try:
            hasher().check_needs_rehash(password)
        except InvalidHashError as error:
            raise SettingsError.at(
                where,
                f"the password hash of `{name}` is damaged",
                "copy it whole, from `authz hash-password`; in a compose "
                "file write `$$` for each `$`",
            ) from error
    elif password:
        password = hash_password(password)
    return Account(
        name=name,
        subject=signed_in(f"user:{name}", source=METHOD, display_name=name),
        password_hash=password,
    )


def same_password(password: str, known: str) -> bool:
    """Return whether *password*, or the hash it is, is the one of the hash *known*."""
    if not known or password.startswith("$argon2"):
        return password == known
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return hasher().verify(known, _normal(password))
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    """Return a hash to verify against where there is none; one for the process."""
    return hash_password(secrets.token_urlsafe())


class Accounts:
    """The local accounts, and the one way to prove that one is yours."""

    def __init__(
        self, accounts: Iterable[Account] = (), *, open_ended: bool = False
    ) -> None:
        """Begin with *accounts*; *open_ended* if more may come while the app runs."""
        #: Each account by its name. Replaced whole; read it once for each question.
        self.by_name: Mapping[str, Account] = {}
        #: Everybody, with those whom a provider vouches for. Replaced whole.
        self.people: tuple[Person, ...] = ()
        #: The names of people who are refused, whatever vouches for them.
        self.refused: frozenset[str] = frozenset()
        self._open_ended = open_ended
        self._usable = False
        # Verified against for names nobody has, so that they take as long.
        self._decoy = ""
        # One core is left for pages, however many passwords are tried.
        self.queue = HashingQueue(max(1, (os.cpu_count() or 1) - 1))
        self._put(accounts, frozenset())

    def __bool__(self) -> bool:
        """Whether somebody may sign in here, now or later."""
        return self._usable or self._open_ended

    @property
    def let_somebody_in(self) -> bool:
        """Whether somebody may sign in here now."""
        return self._usable

    def put(self, people: Iterable[Person]) -> None:
        """Let *people* be the ones there are, from now on."""
        accounts = []
        refused = set()
        people = tuple(people)
        for person in people:
            if person.disabled:
                refused.add(person.subject_name)
            elif person.source == METHOD:
                accounts.append(self._account(person))
        self.people = people
        self._put(accounts, frozenset(refused))

    def _account(self, person: Person) -> Account:
        known = self.by_name.get(person.id)
        if known is not None and known.subject.display_name == person.display_name:
            subject = known.subject  # with what the policy found out about it
        else:
            subject = signed_in(
                person.subject_name, source=METHOD, display_name=person.display_name
            )
        return Account(
            name=person.id,
            subject=subject,
            password_hash=person.password_hash.removeprefix(CHANGE_FIRST),
            epoch=person.epoch,
            must_change=person.must_change,
        )

    def _put(self, accounts: Iterable[Account], refused: frozenset[str]) -> None:
        by_name = {account.name: account for account in accounts}
        hashes = (account.password_hash for account in by_name.values())
        decoy = next(filter(None, hashes), "")
        self._usable = bool(decoy)
        self._decoy = decoy or self._decoy or _nobodys_hash()
        self.refused = refused
        self.by_name = by_name

    def authenticate(
        self, name: str, password: str, *, known: bool = False, to_change: bool = False
    ) -> Account:
        """Return the account *name* if *password* is its password.

        Takes as long for a name that nobody has. *known* says that the client has
        signed in to this account before; it goes before strangers. *to_change* says
        that whoever asks looks at `must_change` and lets nobody in on it.

        Raises:
            InvalidCredentials: if there is no such account, it has no password, or
                the password is another one. They cannot be told apart. Nor can a
                password that has to be changed, unless *to_change*.
            TooBusy: if too many passwords are being verified.
        """
        account = self.by_name.get(unicodedata.normalize("NFC", name))
        usable = account is not None and account.password_hash
        if len(password) > MAX_PASSWORD:
            password = ""
        from argon2.exceptions import VerificationError

        with self.queue.turn(known=known):
            try:
                hasher().verify(usable or self._decoy, _normal(password))
            except VerificationError as error:
                raise InvalidCredentials(METHOD, "wrong-name-or-password") from error
        # The decoy is somebody's real hash: its password opens nothing but that
        # account.
        if (
            account is None
            or not usable
            or not password
            or (account.must_change and not to_change)
        ):
            raise InvalidCredentials(METHOD, "wrong-name-or-password")
        return account


class PeopleSource(Protocol):
    """Where people are read from."""

    def mark(self) -> Hashable:
        """Return what tells these people from those of another day, cheaply."""
        ...

    def everyone(self) -> Sequence[Person]:
        """Return all people."""
        ...


class FollowedAccounts:
    """Keeps accounts as a store has them; see `authz.stores.followers`."""

    def __init__(
        self, accounts: Accounts, source: PeopleSource, *, edited: Edited = untold
    ) -> None:
        """Read the people for the first time; what is wrong with that is raised.

        *edited* is told whom another program changed, without counting it.
        """
        self._accounts = accounts
        self._source = source
        self._edited = edited
        self._checks = SpotChecks()
        self._mark: Hashable = None
        self.look()()

    def look(self) -> Callable[[], None]:
        """Read who has changed; return what lets that be known, without I/O."""
        mark = self._source.mark()
        if mark == self._mark and not self._checks.is_due:
            return stay
        with self._checks.one():
            people = self._source.everyone()
        if mark != self._mark:
            return partial(self._take, mark, people)
        edits = _edits(self._accounts.people, people)
        return partial(self._take_edited, people, edits) if edits else stay

    def _take(self, mark: Hashable, people: Sequence[Person]) -> None:
        self._accounts.put(people)
        self._mark = mark

    def _take_edited(self, people: Sequence[Person], edits: Sequence[str]) -> None:
        self._accounts.put(people)
        self._edited("authz_person", edits)


def _edits(before: Iterable[Person], after: Iterable[Person]) -> list[str]:
    """Return who signs in another way now, or cannot, or can; in words."""
    old = {person.id: person for person in before}
    new = {person.id: person for person in after}
    words = (
        (id_, _edit(old.get(id_), new.get(id_))) for id_ in sorted(old.keys() | new)
    )
    return [f"{id_}: {word}" for id_, word in words if word]


def _edit(old: Person | None, new: Person | None) -> str:
    if old is None or new is None:
        return "removed" if new is None else "added"
    if old.disabled != new.disabled:
        return "disabled" if new.disabled else "enabled"
    if old.password_hash != new.password_hash:
        return "another password"
    # What a provider says of somebody is written down without being counted.
    same = (old.source, old.epoch) == (new.source, new.epoch)
    return "" if same else "changed"


def _normal(password: str) -> str:
    # RFC 8265 (OpaqueString): NFC, never NFKC, or different passwords become one.
    return unicodedata.normalize("NFC", password)
