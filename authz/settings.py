"""Every setting: read once, checked together, and able to describe itself.

A setting is looked for in the app's config first and in the environment after that.
What holds a secret may also come from a file named by `<NAME>_FILE`. All problems are
reported at once, before anything starts.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

from authz.decision import ANONYMOUS_METHOD, Grant, Origin
from authz.errors import Problem, SettingsError

#: A local account's id: what may stand behind `user:`, and no `/`.
ACCOUNT_NAME: Final = re.compile(r"[^\W_][\w.@+-]{0,63}")
_ROLE_NAME: Final = re.compile(r"[^\W_][\w.@+-]{0,63}")
_PATH: Final = re.compile(r"/(?:[\w.~@!&=',:-]+(?:/[\w.~@!&=',:-]+)*/?)?")
_ORIGIN: Final = re.compile(r"https?://[^/?#\s@]+")
_OTHER_HASH: Final = re.compile(
    r"\$(?:2[abxy]|[156]|argon2[di]?|scrypt)\$|(?:scrypt|pbkdf2):"
)
_WEAK_LENGTH: Final = 8

_T = TypeVar("_T")
_D = TypeVar("_D")


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

    @property
    def subject_name(self) -> str:
        """The name the policy knows the account by."""
        return f"user:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator decided."""

    model: Path | None = None
    policy: Path = Path("policy.csv")
    accounts: tuple[AccountSetting, ...] = ()
    anonymous_role: str | None = None
    api_prefixes: tuple[str, ...] = ("/api",)
    landing: str | None = None
    url_prefix: str = "/authz"
    contact: str | None = None
    trusted_origins: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    cookie_secure: bool | None = None
    session_hours: float = 12.0
    session_idle_minutes: float = 120.0
    poll_seconds: float = 2.0
    audit_allows: bool = False
    #: What is odd but does no harm.
    warnings: tuple[Problem, ...] = ()

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The grants that settings make; each names the setting as its origin."""
        granted = [
            Grant(member=account.subject_name, role=account.role, origin=account.origin)
            for account in self.accounts
            if account.password
        ]
        if self.anonymous_role:
            granted.append(
                Grant(
                    member=ANONYMOUS_METHOD,
                    role=self.anonymous_role,
                    origin=Origin("AUTHZ_ANONYMOUS_ROLE"),
                )
            )
        return tuple(granted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as the reference page shows it."""

    name: str
    help: str
    default: str
    #: Whether `<NAME>_FILE` is read too.
    from_file: bool = False
    #: A shorter name that works as well.
    alias: str | None = None


SETTINGS: Final = (
    Setting(
        name="AUTHZ_POLICY",
        help="The policy file, relative to the folder the app is started in.",
        default="policy.csv",
    ),
    Setting(
        name="AUTHZ_MODEL",
        help="A Casbin model file of your own.",
        default="the shipped model.conf",
    ),
    Setting(
        name="AUTHZ_ADMIN",
        help="The id of a local account that is given `role:admin`.",
        default="none",
        from_file=True,
        alias="ADMIN",
    ),
    Setting(
        name="AUTHZ_ADMIN_PASSWORD",
        help="Its password, or an argon2id hash from `authz hash-password`. "
        "Empty: the person comes only through a proxy.",
        default="empty",
        from_file=True,
        alias="ADMIN_PASSWORD",
    ),
    Setting(
        name="AUTHZ_USER",
        help="The id of a local account that is given `role:user`. The short name "
        "`USER` counts only together with `USER_PASSWORD`: every shell sets `USER`.",
        default="none",
        from_file=True,
        alias="USER",
    ),
    Setting(
        name="AUTHZ_USER_PASSWORD",
        help="Its password, as for the administrator.",
        default="empty",
        from_file=True,
        alias="USER_PASSWORD",
    ),
    Setting(
        name="AUTHZ_ACCOUNTS",
        help="Any number of further accounts, one a line: `id:role:password`.",
        default="none",
        from_file=True,
    ),
    Setting(
        name="AUTHZ_ANONYMOUS_ROLE",
        help="A role of the policy for people who have not signed in, for a public "
        "demo. Every unsafe method it opens is listed at start; `admin` is refused.",
        default="none",
    ),
    Setting(
        name="AUTHZ_API_PREFIXES",
        help="Paths below which every refusal is JSON, separated by commas.",
        default="/api",
    ),
    Setting(
        name="AUTHZ_LANDING",
        help="Where somebody goes who may not open `/`, for example `/map`.",
        default="none",
    ),
    Setting(
        name="AUTHZ_URL_PREFIX",
        help="Where the sign-in pages are.",
        default="/authz",
    ),
    Setting(
        name="AUTHZ_CONTACT",
        help="Whom to ask for access; shown on the refusal page.",
        default="none",
    ),
    Setting(
        name="AUTHZ_TRUSTED_ORIGINS",
        help="Other origins whose pages may send unsafe requests, separated by commas.",
        default="none",
    ),
    Setting(
        name="AUTHZ_MOUNTS",
        help="Prefixes of other WSGI apps mounted beside this one that authz is not "
        "to guard, separated by commas. Undeclared mounts are refused.",
        default="none",
    ),
    Setting(
        name="AUTHZ_COOKIE_SECURE",
        help="`true`: the session cookie travels over HTTPS only. "
        "`auto`: as the request came.",
        default="auto",
    ),
    Setting(
        name="AUTHZ_SESSION_HOURS",
        help="How long a sign-in lasts at most, in hours.",
        default="12",
    ),
    Setting(
        name="AUTHZ_SESSION_IDLE_MINUTES",
        help="How long it lasts without a request, in minutes.",
        default="120",
    ),
    Setting(
        name="AUTHZ_POLL_SECONDS",
        help="How often the policy file is looked at for changes, in seconds.",
        default="2",
    ),
    Setting(
        name="AUTHZ_AUDIT_ALLOWS",
        help="`true`: requests that were allowed are written to the audit log too.",
        default="false",
    ),
)


def read_settings(config: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Read all settings from an app's *config* and the *environ*.

    Raises `SettingsError` with every problem found.
    """
    reader = _Reader(config, environ)
    reader.refuse_unknown()
    settings = Settings(
        model=reader.parse("AUTHZ_MODEL", Path, None),
        policy=reader.parse("AUTHZ_POLICY", Path, Path("policy.csv")),
        accounts=tuple(reader.accounts()),
        anonymous_role=reader.parse("AUTHZ_ANONYMOUS_ROLE", _anonymous_role, None),
        api_prefixes=reader.parse("AUTHZ_API_PREFIXES", _paths, ("/api",)),
        landing=reader.parse("AUTHZ_LANDING", _path, None),
        url_prefix=reader.parse("AUTHZ_URL_PREFIX", _prefix, "/authz"),
        contact=reader.parse("AUTHZ_CONTACT", str, None),
        trusted_origins=reader.parse("AUTHZ_TRUSTED_ORIGINS", _origins, ()),
        mounts=reader.parse("AUTHZ_MOUNTS", _paths, ()),
        cookie_secure=reader.parse("AUTHZ_COOKIE_SECURE", _secure, None),
        session_hours=reader.parse("AUTHZ_SESSION_HOURS", _positive, 12.0),
        session_idle_minutes=reader.parse(
            "AUTHZ_SESSION_IDLE_MINUTES", _positive, 120.0
        ),
        poll_seconds=reader.parse("AUTHZ_POLL_SECONDS", _positive, 2.0),
        audit_allows=reader.parse("AUTHZ_AUDIT_ALLOWS", _boolean, default=False),
        warnings=tuple(reader.warnings),
    )
    if reader.problems:
        raise SettingsError(reader.problems)
    return settings


class _Reader:
    """Looks settings up and keeps every problem."""

    def __init__(self, config: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self._config = config
        self._environ = environ
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def refuse_unknown(self) -> None:
        known = {setting.name for setting in SETTINGS}
        known |= {f"{setting.name}_FILE" for setting in SETTINGS if setting.from_file}
        given = {
            key
            for source in (self._config, self._environ)
            for key in source
            if key.startswith("AUTHZ_")
        }
        for key in sorted(given - known):
            near = get_close_matches(key, known, n=1)
            self._problem(
                key,
                "there is no such setting",
                f"did you mean `{near[0]}`?" if near else "remove it",
            )

    def parse(self, name: str, parser: Callable[[str], _T], default: _D) -> _T | _D:
        """Return the setting *name* as *parser* reads it, or *default* if unset."""
        _, text = self._find(name)
        if not text:
            return default
        try:
            return parser(text)
        except ValueError as error:
            message, _, mend = str(error).rpartition(": ")
            self._problem(name, message or "cannot be read", mend)
            return default

    def accounts(self) -> Iterator[AccountSetting]:
        """Yield the accounts that the settings name, each name once."""
        taken: dict[str, str] = {}
        for account in self._named_accounts():
            name = unicodedata.normalize("NFC", account.name)
            where = account.origin.source
            if not ACCOUNT_NAME.fullmatch(name):
                self._problem(
                    where,
                    f"`{name[:80]}` cannot be an account id",
                    "use 1 to 64 letters, digits and `.`, `_`, `@`, `+`, `-`",
                )
                continue
            # Names that look alike would be mistaken for one another.
            look = unicodedata.normalize("NFKC", name).casefold()
            if look in taken:
                self._problem(
                    where,
                    f"the account `{name}` is already named by {taken[look]}",
                    "give each account one id and one role",
                )
                continue
            taken[look] = where
            self._check_password(account, where)
            yield account

    def _named_accounts(self) -> Iterator[AccountSetting]:
        for name, role in (("AUTHZ_ADMIN", "role:admin"), ("AUTHZ_USER", "role:user")):
            where, account = self._find(name)
            password_at, password = self._find(f"{name}_PASSWORD")
            if account:
                yield AccountSetting(
                    name=account,
                    role=role,
                    password=password or "",
                    origin=Origin(where),
                )
            elif password:
                self._problem(
                    password_at, "there is a password but no id", f"set {name} too"
                )
        where, text = self._find("AUTHZ_ACCOUNTS")
        for number, line in enumerate((text or "").splitlines(), start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            origin = Origin(where, number)
            account, _, rest = line.strip().partition(":")
            # The role may be spelled with its kind: `carol:role:editor:secret`.
            role, _, password = rest.removeprefix("role:").partition(":")
            if not account or not _ROLE_NAME.fullmatch(role):
                self._problem(
                    str(origin),
                    "this is not an account",
                    "write `id:role:password`, for example `carol:user:` "
                    "and a password",
                )
                continue
            yield AccountSetting(
                name=account.strip(),
                role=f"role:{role}",
                password=password,
                origin=origin,
            )

    def _check_password(self, account: AccountSetting, where: str) -> None:
        password = account.password
        if not password:
            self.warnings.append(
                Problem(
                    where=where,
                    message=f"the account `{account.name}` has no password, so nobody "
                    "can sign in to it here",
                    mend="set its password; without one it can come only through "
                    "a sign-in proxy",
                )
            )
        elif password.startswith("$argon2id$"):
            return
        elif _OTHER_HASH.match(password):
            self._problem(
                where,
                f"the password of `{account.name}` is a hash of another kind",
                "make an argon2id hash with `authz hash-password`",
            )
        elif len(password) < _WEAK_LENGTH or password.casefold() in {
            account.name.casefold(),
            "password",
            "changeme",
        }:
            self.warnings.append(
                Problem(
                    where=where,
                    message=f"the password of `{account.name}` is easy to guess",
                    mend="use 15 characters or more",
                )
            )

    def _find(self, name: str) -> tuple[str, str | None]:
        """Return where the setting *name* was found, and its text.

        Looks at the config, then the environment; in each at the name, its `_FILE`
        form, and the short name with its `_FILE` form. Two of them are a problem.
        """
        setting = next(setting for setting in SETTINGS if setting.name == name)
        spellings = [name]
        if setting.from_file:
            spellings.append(f"{name}_FILE")
        if setting.alias and self._alias_counts(setting.alias):
            spellings += [setting.alias, f"{setting.alias}_FILE"]
        for source in (self._config, self._environ):
            found = [key for key in spellings if source.get(key) is not None]
            if not found:
                continue
            if len(found) > 1:
                self._problem(
                    found[0],
                    f"{' and '.join(found)} are both set",
                    "set one of them",
                )
            key = found[0]
            value = source[key]
            text = value if isinstance(value, str) else _as_text(value)
            if key.endswith("_FILE"):
                return key, self._read_file(key, text)
            return key, text
        return name, None

    def _alias_counts(self, alias: str) -> bool:
        """Whether a short name means us: every Unix shell sets `USER` on its own."""
        if alias != "USER":
            return True
        return any(
            key in source
            for source in (self._config, self._environ)
            for key in ("USER_PASSWORD", "USER_PASSWORD_FILE")
        )

    def _read_file(self, key: str, name: str) -> str | None:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            self._problem(
                key,
                f"the file `{name}` cannot be read ({why})",
                "check the path and who may read it",
            )
            return None
        return text.removesuffix("\n").removesuffix("\r")

    def _problem(self, where: str, message: str, mend: str) -> None:
        problem = Problem(where=where, message=message, mend=mend)
        if problem not in self.problems:
            self.problems.append(problem)


def _as_text(value: object) -> str:
    """Return a value that an app put into its config as the text an operator types."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value)


def _anonymous_role(text: str) -> str:
    role = text.removeprefix("role:")
    if not _ROLE_NAME.fullmatch(role) or role in {"everyone", "authenticated"}:
        raise ValueError(f"`{text}` is not a role: write for example `demo`")
    if role == "admin":
        raise ValueError(
            "anybody on the network would be an administrator: "
            "make a role of its own in the policy, such as `demo`"
        )
    return f"role:{role}"


def _path(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise ValueError(f"`{text}` is not a path: write for example `/map`")
    return text


def _prefix(text: str) -> str:
    if text == "/" or text.endswith("/"):
        raise ValueError(f"`{text}` is not a prefix: write for example `/authz`")
    return _path(text)


def _paths(text: str) -> tuple[str, ...]:
    return tuple(
        _path(part.strip().rstrip("/") or "/")
        for part in text.split(",")
        if part.strip()
    )


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in text.split(",") if part.strip())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"`{origin}` is not an origin: write for example `https://music.home`"
            )
    return origins


def _secure(text: str) -> bool | None:
    return None if text.lower() == "auto" else _boolean(text)


def _boolean(text: str) -> bool:
    if text.lower() in {"true", "1", "yes", "on"}:
        return True
    if text.lower() in {"false", "0", "no", "off"}:
        return False
    raise ValueError(f"`{text}` is neither true nor false: write `true` or `false`")


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"`{text}` is not a number above 0: write for example `12`")
    return number
