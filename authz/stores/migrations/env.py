"""Runs the steps on the connection it is given; see `authz.stores.sql.migrate`."""

from alembic import context

_given = context.config.attributes
context.configure(
    connection=_given["connection"],
    target_metadata=_given["metadata"],
    version_table=_given["version_table"],
)
# The caller has begun the transaction and holds the lock.
context.run_migrations()
