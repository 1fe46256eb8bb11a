"""The database of the app, for tables of an adapter. Needs the extra `db`."""

from authz.errors import StoreUnreachable
from authz.stores.sql.database import Database
from authz.stores.sql.tables import UtcTime

__all__ = [
    "Database",
    "StoreUnreachable",
    "UtcTime",
]
