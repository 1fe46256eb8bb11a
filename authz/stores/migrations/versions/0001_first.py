"""Rules with their history, people, sessions, replicas, the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def _fields() -> list[sa.Column[str]]:
    return [sa.Column(f"v{n}", sa.String(255)) for n in range(6)]


def upgrade() -> None:
    """Make the tables. `casbin_rule` may be there: another program's."""
    op.create_table(
        "casbin_rule",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("ptype", sa.String(255)),
        *_fields(),
        if_not_exists=True,
    )
    op.create_table(
        "authz_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("next_rule", sa.Integer, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("sessions", sa.Integer, nullable=False),
        sa.Column("tokens", sa.Integer, nullable=False),
    )
    op.execute(
        "INSERT INTO authz_head "
        "(id, revision, digest, next_rule, people, sessions, tokens) "
        "VALUES (1, 0, '', 1, 0, 0, 0)"
    )
    op.create_table(
        "authz_rule",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ptype", sa.String(255), nullable=False),
        *_fields(),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("author", sa.String(255), nullable=False),
        sa.Column("created", _TIME),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False, unique=True),
    )
    op.create_table(
        "authz_revision",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("author", sa.String(255), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
    )
    op.create_table(
        "authz_person",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("skeleton", sa.String(255), nullable=False, unique=True),
        sa.Column("display_name", sa.String(255), nullable=False),
        sa.Column("source", sa.String(64), nullable=False, index=True),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("groups", sa.Text, nullable=False),
        sa.Column("created", _TIME),
        sa.Column("last_seen", _TIME),
    )
    op.create_table(
        "authz_fixed_person",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
    )
    op.create_table(
        "authz_session",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(255), nullable=False, index=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("csrf_token", sa.String(64), nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("used", _TIME, nullable=False),
        sa.Column("ended", sa.Integer, nullable=False, index=True),
    )
    op.create_table(
        "authz_token",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False, index=True),
        sa.Column("role", sa.String(255), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("author", sa.String(255), nullable=False),
        sa.Column("created", _TIME),
        sa.Column("expires", _TIME),
        sa.Column("last_used", _TIME),
        sa.Column("revoked", _TIME),
    )
    op.create_table(
        "authz_replica",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("policy", sa.String(64), nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("started", _TIME, nullable=False),
        sa.Column("seen", _TIME, nullable=False),
    )
    op.create_table(
        "authz_audit",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", _TIME, nullable=False, index=True),
        sa.Column("event", sa.String(64), nullable=False, index=True),
        sa.Column("line", sa.Text, nullable=False),
    )
    op.create_table(
        "authz_audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.bulk_insert(
        sa.table(
            "authz_audit_head", sa.column("id"), sa.column("number"), sa.column("hash")
        ),
        [{"id": 1, "number": 0, "hash": "0" * 64}],
    )
