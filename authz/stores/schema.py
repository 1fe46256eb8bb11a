"""How far the schema of a database is, without changing it; and bringing it there."""

from dataclasses import dataclass
from typing import Final

from authz.errors import StoreError

#: What to do where the extra is missing.
NO_SQLALCHEMY: Final = (
    "AUTHZ_STORE: a database needs SQLAlchemy and Alembic: "
    'run `pip install "authz-casbin[db]"`'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The schema of one database."""

    #: The database, without its password.
    database: str
    #: Where it stands; None if there is nothing of authz in it yet.
    current: str | None
    #: Where this version of authz would bring it.
    newest: str

    @property
    def is_newest(self) -> bool:
        """Whether there is nothing to do."""
        return self.current == self.newest


def schema_of(url: str, *, upgrade: bool = False) -> Schema:
    """Return the schema of the database at *url*, as it was before an *upgrade*.

    That brings it to the newest one. Without, nothing is changed.

    Raises:
        StoreError: if it cannot be read or changed, or a newer version changed it.
    """
    try:
        # An extra: who uses no database has not installed it.
        from authz.stores.sql.database import Database
        from authz.stores.sql.migrate import migrate, versions
    except ImportError as error:
        raise StoreError(NO_SQLALCHEMY) from error
    database = Database(url)
    try:
        current, newest = versions(database)
        if upgrade:
            migrate(database)
        return Schema(database=database.shown, current=current, newest=newest)
    finally:
        database.close()
