"""The schema of linked accounts, one step at a time (Alembic)."""
