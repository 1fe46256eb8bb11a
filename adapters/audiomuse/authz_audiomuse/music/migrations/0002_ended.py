"""Tokens to be given back, and accounts whose playlists are hidden."""

import sqlalchemy as sa
from alembic import op

revision = "music_0002"
down_revision = "music_0001"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table, and the column with what held until now."""
    op.create_table(
        "authz_music_ended",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("person", sa.String(255), nullable=False),
        sa.Column("server", sa.String(32), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("since", _TIME, nullable=False),
    )
    op.add_column(
        "authz_music_link",
        sa.Column("private", sa.Boolean, nullable=False, server_default=sa.false()),
    )
