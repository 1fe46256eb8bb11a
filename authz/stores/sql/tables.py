"""The tables. `authz/stores/migrations` makes them; a test holds both to each other.

`casbin_rule` has exactly the layout of sqlalchemy-adapter, so that Casbin's tools can
read it. It shows what is in force. What authz itself goes by is `authz_rule`: a program
that writes into `casbin_rule` changes nobody's rights until somebody takes it over.
"""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

#: What `casbin_rule` has room for.
MAX_FIELDS: Final = 6
MAX_FIELD: Final = 255

#: What NOTIFY names when `authz_head` has changed.
CHANNEL: Final = "authz_changed"
#: Where Alembic notes what was done: not where an app's own migrations do.
VERSION_TABLE: Final = "authz_alembic_version"
#: The newest of the steps in `authz/stores/migrations`: what these tables are.
SCHEMA: Final = "0005"

metadata: Final = MetaData()


class UtcTime(TypeDecorator[datetime]):
    """A moment with time zone. SQLite keeps no zone, so it is always UTC there."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Return *value* as the database keeps it."""
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(
        self,
        value: Any | None,
        dialect: Dialect,  # noqa: ARG002 - the library's signature
    ) -> datetime | None:
        """Return *value* with its zone."""
        if value is None:
            return None
        zoned: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
        return zoned.astimezone(UTC)


def _fields() -> tuple[Column[str], ...]:
    return tuple(Column(f"v{n}", String(MAX_FIELD)) for n in range(MAX_FIELDS))


casbin_rule: Final = Table(
    "casbin_rule",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ptype", String(MAX_FIELD)),
    *_fields(),
)

#: One row, which tells how often what has changed. All that is polled.
authz_head: Final = Table(
    "authz_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    #: What `entries_digest` says of the rules.
    Column("digest", String(64), nullable=False),
    Column("next_rule", Integer, nullable=False),
    #: Grows with each change of people, with each session that is ended, each token.
    Column("people", Integer, nullable=False),
    Column("sessions", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
    #: What the last change of each brought, and of all; see `authz.stores.marks`.
    *(
        Column(name, Text, nullable=False, server_default="")
        for name in (
            "policy_stamp",
            "people_stamp",
            "sessions_stamp",
            "tokens_stamp",
            "trail",
            "incarnation",
        )
    ),
    #: JSON: what was noticed of a restored backup; empty until then.
    Column("restored", Text, nullable=False, server_default=""),
)

authz_rule: Final = Table(
    "authz_rule",
    metadata,
    # The same id as in casbin_rule, and never another's.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("ptype", String(MAX_FIELD), nullable=False),
    *_fields(),
    Column("note", Text, nullable=False),
    Column("author", String(MAX_FIELD), nullable=False),
    Column("created", UtcTime),
    Column("disabled", Boolean, nullable=False),
    #: Of kind and fields: no row twice. NULLs would not be compared.
    Column("fingerprint", String(64), nullable=False, unique=True),
)

authz_revision: Final = Table(
    "authz_revision",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("author", String(MAX_FIELD), nullable=False),
    Column("note", Text, nullable=False),
    #: JSON: every entry that changed, before and after. What leads back is complete.
    Column("changes", Text, nullable=False),
)

authz_person: Final = Table(
    "authz_person",
    metadata,
    Column("id", String(MAX_FIELD), primary_key=True),
    #: Two ids with the same skeleton would be mistaken for one another.
    Column("skeleton", String(MAX_FIELD), nullable=False, unique=True),
    Column("display_name", String(MAX_FIELD), nullable=False),
    Column("source", String(64), nullable=False, index=True),
    Column("password_hash", String(MAX_FIELD), nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("groups", Text, nullable=False),
    Column("created", UtcTime),
    Column("last_seen", UtcTime),
)

#: The accounts that settings name, so that all processes agree on their epochs.
authz_fixed_person: Final = Table(
    "authz_fixed_person",
    metadata,
    Column("id", String(MAX_FIELD), primary_key=True),
    Column("password_hash", String(MAX_FIELD), nullable=False),
    Column("epoch", Integer, nullable=False),
)

authz_session: Final = Table(
    "authz_session",
    metadata,
    #: SHA-256 of what the browser shows; the database cannot be used to sign in.
    Column("id", String(64), primary_key=True),
    Column("person", String(MAX_FIELD), nullable=False, index=True),
    Column("epoch", Integer, nullable=False),
    Column("csrf_token", String(64), nullable=False),
    #: JSON: the roles held at sign-in.
    Column("roles", Text, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("used", UtcTime, nullable=False),
    #: `authz_head.sessions` as it was when the session was ended; 0 while it lasts.
    Column("ended", Integer, nullable=False, index=True),
)

#: A revoked token is kept for the record.
authz_token: Final = Table(
    "authz_token",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(MAX_FIELD), nullable=False, index=True),
    Column("role", String(MAX_FIELD), nullable=False),
    #: The patterns of the scopes it is limited to, one a line.
    Column("scopes", Text, nullable=False, server_default=""),
    #: SHA-256 of the token, in hexadecimal digits.
    Column("digest", String(64), nullable=False, unique=True),
    Column("author", String(MAX_FIELD), nullable=False),
    Column("created", UtcTime),
    Column("expires", UtcTime),
    Column("last_used", UtcTime),
    Column("revoked", UtcTime),
)

#: Which process serves what.
authz_replica: Final = Table(
    "authz_replica",
    metadata,
    Column("name", String(MAX_FIELD), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("policy", String(64), nullable=False),
    Column("problem", Text, nullable=False),
    Column("started", UtcTime, nullable=False),
    Column("seen", UtcTime, nullable=False),
)

authz_audit: Final = Table(
    "authz_audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False, index=True),
    Column("event", String(64), nullable=False, index=True),
    #: The record as one line of the chain; what the other columns say comes from it.
    Column("line", Text, nullable=False),
)

#: One row: where the chain stands, so that an end that was cut off shows.
authz_audit_head: Final = Table(
    "authz_audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

#: How often somebody did something lately, for `limits`. Removed when it is over.
authz_limit: Final = Table(
    "authz_limit",
    metadata,
    #: SHA-256 of the key.
    Column("id", String(64), primary_key=True),
    Column("count", Integer, nullable=False),
    #: JSON: milliseconds since 1970, the newest first.
    Column("times", Text, nullable=False),
    #: The same, by the clock of the server.
    Column("expires", BigInteger, nullable=False, index=True),
)

#: What `authz serve` signs with, sealed.
authz_signing_key: Final = Table(
    "authz_signing_key",
    metadata,
    #: RFC 7638: what is published calls it so.
    Column("kid", String(64), primary_key=True),
    #: Seconds since 1970. What counts is inside the seal; this has to be the same.
    Column("signs_from", BigInteger, nullable=False),
    Column("sealed", Text, nullable=False),
)
