"""Settings of the store: where rules and people are kept, and for how long."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from authz.errors import InvalidValue
from authz.settings import parsers
from authz.settings.defaults import defaulted
from authz.settings.reader import Reader

_DATABASES = {"sqlite", "postgres", "postgresql"}
#: What people have, as they call it.
_OTHERS = {
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "mssql": "SQL Server",
    "oracle": "Oracle",
    "mongodb": "MongoDB",
    "cockroachdb": "CockroachDB",
    "redis": "Redis",
}
_REDIS = {"redis", "rediss", "unix"}

_REVISIONS: Final = defaulted("AUTHZ_REVISIONS_KEPT", parsers.count)
_MAX_STALE: Final = defaulted("AUTHZ_MAX_STALE", parsers.positive)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """What the operator decided about the store."""

    #: The database, or None: then settings name the accounts and a file holds the
    #: rules. May hold a password.
    url: str | None = field(default=None, repr=False)
    #: Whether rules are in the database. Otherwise a file has them.
    holds_rules: bool = False
    #: What an empty database is filled with, once; None: `policy.csv` if it is there.
    seed: Path | None = None
    #: Revisions of the policy that are kept.
    revisions: int = _REVISIONS.default
    #: Seconds that the last good state serves while the database is not there.
    max_stale: float = _MAX_STALE.default
    #: Redis, for hints that something has changed and for the limits on wrong
    #: passwords; or None. May hold a password.
    redis: str | None = field(default=None, repr=False)


def read_store(reader: Reader) -> StoreSettings:
    """Return the settings of the store."""
    url = reader.parse("AUTHZ_STORE", _database, None)
    seed = reader.parse("AUTHZ_POLICY_SEED", Path, None)
    in_file = bool(reader.find("AUTHZ_POLICY")[1])
    if seed is not None and (url is None or in_file):
        reader.warning(
            "AUTHZ_POLICY_SEED",
            "it is not used, because rules are not in a database",
            "remove it, or set AUTHZ_STORE and not AUTHZ_POLICY",
        )
    return StoreSettings(
        url=url,
        holds_rules=url is not None and not in_file,
        seed=seed,
        revisions=reader.read(_REVISIONS),
        max_stale=reader.read(_MAX_STALE),
        redis=reader.parse("AUTHZ_REDIS_URL", _redis, None),
    )


# The text may hold a password: no message repeats it.


def _database(text: str) -> str:
    parts = _split(text)
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    family, _, driver = scheme.partition("+")
    if family in _OTHERS:
        raise InvalidValue(
            f"{_OTHERS[family]} is not supported as a store",
            "use `sqlite:///authz.db` or `postgresql://user:password@host/name`",
        )
    if driver and family in _DATABASES:
        raise InvalidValue(
            "the address names a database driver",
            f"write `{family}://` and what follows",
        )
    # What comes after the last `@` is the host: one more belongs to the password, and
    # a `#` or `?` in a password ends the address before its host.
    if family in _DATABASES and family != "sqlite":
        netloc = parts.netloc if parts else ""
        user, at, _ = netloc.rpartition("@")
        if "@" in user or (netloc and not at and "@" in text):
            raise InvalidValue(
                "the user or the password holds a sign that means something else in "
                "an address",
                "write `%40` for `@`, `%23` for `#`, `%2F` for `/`, `%3A` for `:` and "
                "`%3F` for `?` in them",
            )
        if parts is not None and not _has_port(parts):
            raise InvalidValue("the port is not a number", "write `host:5432`")
    in_file = parts and parts.scheme == "sqlite" and not parts.netloc
    if (
        parts is None
        or parts.scheme not in _DATABASES
        or not parts.path.strip("/")
        or (parts.scheme == "sqlite" and not in_file)
        or parts.path.endswith(":memory:")
    ):
        raise InvalidValue(
            "this is not the address of a database",
            "write `sqlite:///authz.db` or `postgresql://user:password@host/name`",
        )
    return text


def _has_port(parts: SplitResult) -> bool:
    """Whether the port of an address, if it names one, is one."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _redis(text: str) -> str:
    parts = _split(text)
    if parts is None or parts.scheme not in _REDIS or not (parts.netloc or parts.path):
        raise InvalidValue(
            "this is not the address of a Redis server", "write `redis://host:6379/0`"
        )
    return text


def _split(text: str) -> SplitResult | None:
    try:
        return urlsplit(text)
    except ValueError:
        return None
