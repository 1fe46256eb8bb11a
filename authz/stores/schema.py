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


def read_schema(url: str) -> Schema:
    """Return the schema of the database at *url*; nothing is changed.

    Raises:
        StoreError: if it cannot be read, or was changed by a newer version.
    """
    return _look(url, change=False)


def upgrade_schema(url: str) -> Schema:
    """Bring the database at *url* to the newest schema; return what it was before.

    Raises:
        StoreError: if it cannot be changed, or was changed by a newer version.
    """
    return _look(url, change=True)


def _look(url: str, *, change: bool) -> Schema:
    try:
        # An extra: who uses no database has not installed it.
        from authz.stores.sql.database import Database
        from authz.stores.sql.migrate import migrate, versions
    except ImportError as error:
        raise StoreError(NO_SQLALCHEMY) from error
    database = Database(url)
    try:
        current, newest = versions(database)
        if change:
            migrate(database)
        return Schema(database=database.shown, current=current, newest=newest)
    finally:
        database.close()
