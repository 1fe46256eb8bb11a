"""The table of linked accounts."""

import sqlalchemy as sa
from alembic import op

revision = "music_0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "authz_music_link",
        sa.Column("person", sa.String(255), primary_key=True),
        sa.Column("server", sa.String(32), primary_key=True),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("account", sa.String(255), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("fault", sa.String(32), nullable=False),
        sa.Column("checked", _TIME),
        sa.Column("linked", _TIME, nullable=False),
        sa.Column("linked_by", sa.String(255), nullable=False),
        sa.Column("known", sa.Boolean, nullable=False),
    )
    op.create_index("authz_music_link_checked", "authz_music_link", ["checked"])
