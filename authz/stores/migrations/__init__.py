"""The database's schema, one step at a time (Alembic)."""
