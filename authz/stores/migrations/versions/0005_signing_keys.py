"""The keys that sign who asks, for apps behind forward-auth."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "authz_signing_key",
        sa.Column("kid", sa.String(64), primary_key=True),
        sa.Column("signs_from", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
    )
