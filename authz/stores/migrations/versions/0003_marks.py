"""What tells the states of a database apart, also after a backup was restored."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_STAMPS = ("policy_stamp", "people_stamp", "sessions_stamp", "tokens_stamp")


def upgrade() -> None:
    """Add the columns, and begin the first incarnation.

    An older version that still runs does not fill them; its changes are counted.
    """
    for name in (*_STAMPS, "trail", "incarnation", "restored"):
        op.add_column(
            "authz_head", sa.Column(name, sa.Text, nullable=False, server_default="")
        )
    stamps = {name: secrets.token_hex(6) for name in _STAMPS}
    head = sa.table(
        "authz_head", *(sa.column(n) for n in (*_STAMPS, "trail", "incarnation"))
    )
    op.execute(
        sa.update(head).values(
            **stamps,
            trail=" ".join(stamps.values()) + " ",
            incarnation=f"1-{secrets.token_hex(16)}",
        )
    )
