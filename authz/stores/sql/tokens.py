"""API tokens in a database: what is kept is their SHA-256."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, or_, select, update

from authz.errors import AlreadyThere
from authz.identity.tokens import ApiToken, TokenBeforeCommit
from authz.stores.sql.database import Database
from authz.stores.sql.head import count_up, head
from authz.stores.sql.tables import authz_token

#: Stands before the role of a token that is limited to scopes. An older version that
#: still runs knows of no limits; to it the role is then one that nothing gives.
_LIMITED: Final = "limited:"


class SqlTokens:
    """The API tokens in one database; see `TokenStore`."""

    def __init__(self, database: Database) -> None:
        """Use *database*, which `migrate` has prepared."""
        self._database = database

    def all(self) -> Sequence[ApiToken]:
        """Return every token by name, the revoked ones too. Raises `StoreError`."""
        with self._database.read() as connection:
            tokens = [_token(row) for row in connection.execute(select(authz_token))]
        # Here and not in the database, which sorts as its locale does.
        return tuple(sorted(tokens, key=lambda token: (token.name, token.id)))

    def mark(self) -> Hashable:
        """Return how often tokens were added or revoked."""
        return head(self._database).tokens

    def add(self, token: ApiToken, *, before_commit: TokenBeforeCommit) -> None:
        """Keep *token*; see `TokenStore`."""
        columns = authz_token.c
        same_name = (columns.name == token.name) & columns.revoked.is_(None)
        with self._database.write() as connection:
            taken = select(columns.id).where(or_(columns.id == token.id, same_name))
            if connection.scalar(taken) is not None:
                raise AlreadyThere(f"there is a token `{token.name}` already")
            connection.execute(insert(authz_token).values(_values(token)))
            count_up(self._database, "tokens")
            before_commit(None, token)

    def revoke(
        self,
        id: str,  # noqa: A002 - the field's name
        at: datetime,
        *,
        before_commit: TokenBeforeCommit,
    ) -> ApiToken:
        """Note that the token *id* ended at *at*; see `TokenStore`."""
        this = authz_token.c.id == id
        with self._database.write() as connection:
            row = connection.execute(select(authz_token).where(this)).first()
            if row is None:
                raise LookupError(f"there is no token `{id}`")
            token = _token(row)
            if token.revoked is not None:
                return token
            ended = replace(token, revoked=at)
            connection.execute(update(authz_token).where(this).values(revoked=at))
            count_up(self._database, "tokens")
            before_commit(token, ended)
            return ended

    def used(self, uses: Mapping[str, datetime]) -> None:
        """Note when tokens were used last, by id; see `TokenStore`."""
        if not uses:
            return
        columns = authz_token.c
        with self._database.write(alone=False) as connection:
            for id_, at in uses.items():
                earlier = or_(columns.last_used.is_(None), columns.last_used < at)
                connection.execute(
                    update(authz_token)
                    .where(columns.id == id_, earlier)
                    .values(last_used=at)
                )


def _values(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "role": _LIMITED + token.role if token.scopes else token.role,
        "scopes": "\n".join(token.scopes),
        "digest": token.digest.hex(),
        "author": token.author,
        "created": token.created,
        "expires": token.expires,
        "last_used": token.last_used,
        "revoked": token.revoked,
    }


def _token(row: Any) -> ApiToken:
    return ApiToken(
        id=row.id,
        name=row.name,
        role=row.role.removeprefix(_LIMITED),
        scopes=tuple(row.scopes.splitlines()),
        digest=bytes.fromhex(row.digest),
        author=row.author,
        created=row.created,
        expires=row.expires,
        last_used=row.last_used,
        revoked=row.revoked,
    )
