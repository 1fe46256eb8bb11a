"""Local accounts: a name and a password, for people without an identity provider."""

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from authz.decision import Subject, signed_in
from authz.errors import InvalidCredentials, Problem, SettingsError
from authz.identity.turns import Turns

METHOD: Final = "local"

#: Longer input is refused before it is hashed.
MAX_PASSWORD: Final = 1024

# About 50 ms on one core. A class of its own from the library so that the parameters
# are checked once; OWASP's floor is 19 MiB with two passes.
_HASHER: Final = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person who signs in here."""

    name: str
    subject: Subject
    #: An argon2id hash; empty for an account that cannot sign in here.
    password_hash: str = field(repr=False)


def hash_password(password: str) -> str:
    """Return the argon2id hash of *password*, in the PHC string form."""
    return _HASHER.hash(_normal(password))


def new_account(name: str, password: str, *, where: str) -> Account:
    """Return an account. *password* may be a password, its hash, or empty.

    Raises:
        SettingsError: if a hash cannot be used; *where* names the setting.
    """
    if password.startswith("$argon2"):
        try:
            _HASHER.check_needs_rehash(password)
        except InvalidHashError as error:
            raise SettingsError(
                [
                    Problem(
                        where=where,
                        message=f"the password hash of `{name}` is damaged",
                        mend="copy it whole, from `authz hash-password`; in a compose "
                        "file write `$$` for each `$`",
                    )
                ]
            ) from error
    elif password:
        password = hash_password(password)
    return Account(
        name=name,
        subject=signed_in(f"user:{name}", source=METHOD, display_name=name),
        password_hash=password,
    )


class Accounts:
    """The local accounts, and the one way to prove that one is yours."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        #: Each account by its name.
        self.by_name = {account.name: account for account in accounts}
        # Verified against for names nobody has, so that they take as long.
        self._decoy = next(
            (a.password_hash for a in self.by_name.values() if a.password_hash),
            "",
        ) or hash_password("nobody has this password")
        # One core is left for pages, however many passwords are tried.
        self._turns = Turns(max(1, (os.cpu_count() or 1) - 1))

    def __bool__(self) -> bool:
        return any(account.password_hash for account in self.by_name.values())

    def authenticate(self, name: str, password: str, *, known: bool = False) -> Account:
        """Return the account *name* if *password* is its password.

        Takes as long for a name that nobody has. *known* says that the client has
        signed in to this account before; it goes before strangers.

        Raises:
            InvalidCredentials: if there is no such account, it has no password, or
                the password is another one. They cannot be told apart.
            TooBusy: if too many passwords are being verified.
        """
        account = self.by_name.get(unicodedata.normalize("NFC", name))
        usable = account is not None and account.password_hash
        if len(password) > MAX_PASSWORD:
            password = ""
        with self._turns.turn(known=known):
            try:
                _HASHER.verify(usable or self._decoy, _normal(password))
            except VerificationError as error:
                raise InvalidCredentials(METHOD, "wrong-name-or-password") from error
        # The decoy is somebody's real hash: its password opens nothing but that
        # account.
        if account is None or not usable or not password:
            raise InvalidCredentials(METHOD, "wrong-name-or-password")
        return account


def _normal(password: str) -> str:
    # RFC 8265 (OpaqueString): NFC, never NFKC, or different passwords become one.
    return unicodedata.normalize("NFC", password)
