"""The local accounts that settings name."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from authz.decision import Origin
from authz.identity.lookalikes import skeletons
from authz.identity.password_hashes import HINTS, MESSAGES, HashKind, hash_kind
from authz.identity.passwords import is_easy_to_guess
from authz.names import HIDDEN
from authz.scope import pattern_problem
from authz.settings.parsers import ROLE_NAME
from authz.settings.reader import Reader

#: A local account's id: what may stand behind `user:`, and no `/`.
ACCOUNT_NAME: Final = re.compile(rf"(?!.*{HIDDEN})[^\W_][\w.@+-]{{0,63}}")
_WEAK_LENGTH: Final = 8
#: A scope behind a role, `[library:kids]`; its id may hold brackets too.
_SCOPE: Final = re.compile(r"\[(.*?)\](?=[\[:]|\Z)")
#: What stands behind the id of an account: `user:secret`, `user[library:kids]:secret`.
_ROLE: Final = re.compile(
    r"(?P<role>[^:\[]*)(?P<scopes>(?:\[.*?\](?=[\[:]|\Z))*)(?::(?P<password>.*))?\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSetting:
    """A local account that the settings name."""

    name: str
    #: The role it is given, `role:...`.
    role: str
    #: A password, an argon2id hash of one, or empty: such an account cannot sign in
    #: here and comes only through a proxy.
    password: str = field(repr=False)
    #: The setting that named it.
    origin: Origin
    #: The scope patterns in which it has the role; in all if there are none.
    scopes: tuple[str, ...] = ()

    @property
    def subject_name(self) -> str:
        """The name the policy knows the account by."""
        return f"user:{self.name}"

    def granted_to(self, proxy: str) -> str | None:
        """Return the name that is given the role, if anybody can bear it.

        An account without a password is somebody whom the *proxy* vouches for.
        """
        if self.password:
            return self.subject_name
        return f"user:{proxy}/{self.name}" if proxy else None


def read_accounts(reader: Reader, *, proxied: bool) -> Iterator[AccountSetting]:
    """Yield the accounts that the settings name, each name once.

    *proxied*: people may come through a proxy, so an account needs no password.
    """
    taken: dict[str, tuple[str, str]] = {}
    for account in _named_accounts(reader):
        name = unicodedata.normalize("NFC", account.name)
        where = account.origin.source
        if not ACCOUNT_NAME.fullmatch(name):
            reader.problem(
                where,
                f"`{name[:80]}` cannot be an account id",
                "use 1 to 64 letters, digits and `.`, `_`, `@`, `+`, `-`",
            )
            continue
        # Names that look alike would be mistaken for one another.
        looks = skeletons(name)
        twin = next((taken[look] for look in looks if look in taken), None)
        if twin is not None:
            other, there = twin
            reader.problem(
                where,
                f"the account `{name}` "
                + ("is" if other == name else f"looks like `{other}`,")
                + f" already named by {there}",
                "give each account one id and one role",
            )
            continue
        taken |= dict.fromkeys(looks, (name, where))
        if account.password or not proxied:
            _check_password(reader, account, where)
        yield account


def _named_accounts(reader: Reader) -> Iterator[AccountSetting]:
    for name, role in (("AUTHZ_ADMIN", "role:admin"), ("AUTHZ_USER", "role:user")):
        where, account = reader.find(name)
        password_at, password = reader.find(f"{name}_PASSWORD")
        if account:
            yield AccountSetting(
                name=account,
                role=role,
                password=password or "",
                origin=Origin(where),
            )
        elif password:
            reader.problem(
                password_at, "there is a password but no id", f"set {name} too"
            )
    where, text = reader.find("AUTHZ_ACCOUNTS")
    for number, line in enumerate((text or "").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        origin = Origin(where, number)
        account, _, rest = line.strip().partition(":")
        # The role may be spelled with its kind: `carol:role:editor:secret`.
        found = _ROLE.match(rest.removeprefix("role:"))
        if not account or not found or not ROLE_NAME.fullmatch(found["role"]):
            reader.problem(
                str(origin),
                "this is not an account",
                "write `id:role:password`, for example `carol:user:` and a password; "
                "for one scope `carol:user[library:kids]:` and a password",
            )
            continue
        scopes = tuple(_SCOPE.findall(found["scopes"]))
        odd = [wrong for each in scopes if (wrong := pattern_problem(each))]
        for problem in odd:
            reader.problem(str(origin), problem.message, problem.hint)
        if odd:
            continue
        yield AccountSetting(
            name=account.strip(),
            role=f"role:{found['role']}",
            password=found["password"] or "",
            origin=origin,
            scopes=scopes,
        )


def _check_password(reader: Reader, account: AccountSetting, where: str) -> None:
    password = account.password
    if not password:
        reader.warning(
            where,
            f"the account `{account.name}` has no password, so nobody "
            "can sign in to it here",
            "set its password; without one it can come only through a sign-in proxy",
        )
        return
    kind = hash_kind(password)
    if kind is HashKind.ARGON2ID:
        return
    if kind in MESSAGES:
        reader.problem(
            where, f"the password of `{account.name}` {MESSAGES[kind]}", HINTS[kind]
        )
    elif len(password) < _WEAK_LENGTH or is_easy_to_guess(password, id=account.name):
        reader.warning(
            where,
            f"the password of `{account.name}` is easy to guess",
            "use 15 characters or more, for example four words",
        )
