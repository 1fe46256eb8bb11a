"""What API tokens are limited to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; a token that is there is not limited."""
    op.add_column(
        "authz_token", sa.Column("scopes", sa.Text, nullable=False, server_default="")
    )
