"""Signing keys in a database: sealed before they come here."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import delete, insert, select

from authz.identity.kept_keys import Edit, KeptKey
from authz.stores.sql.database import Database
from authz.stores.sql.tables import authz_signing_key


class SqlSigningKeys:
    """The signing keys in one database; see `SigningKeyStore`."""

    def __init__(self, database: Database) -> None:
        """Use *database*, which `migrate` has prepared."""
        self._database = database

    def all(self) -> Sequence[KeptKey]:
        """Return every key, in the order in which they sign. Raises `StoreError`."""
        columns = authz_signing_key.c
        query = select(authz_signing_key).order_by(columns.signs_from, columns.kid)
        with self._database.read() as connection:
            self._database.refuse_unfit(connection)
            return tuple(_key(row) for row in connection.execute(query))

    def change(
        self,
        edit: Edit,
        *,
        before_commit: Callable[[Sequence[KeptKey]], object],
    ) -> Sequence[KeptKey]:
        """Keep what *edit* makes of what is kept; see `SigningKeyStore`."""
        columns = authz_signing_key.c
        with self._database.write() as connection:
            found = self.all()
            kept = tuple(edit(found))
            new = [key for key in kept if key not in found]
            over = [key.kid for key in found if key not in kept]
            if over:
                connection.execute(
                    delete(authz_signing_key).where(columns.kid.in_(over))
                )
            if new:
                connection.execute(
                    insert(authz_signing_key), [_values(key) for key in new]
                )
                before_commit(new)
            self._database.announce()
        return kept


def _values(key: KeptKey) -> dict[str, Any]:
    return {"kid": key.kid, "signs_from": key.signs_from, "sealed": key.sealed}


def _key(row: Any) -> KeptKey:
    return KeptKey(kid=row.kid, signs_from=row.signs_from, sealed=row.sealed)
