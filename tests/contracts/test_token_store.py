"""What holds for every store of API tokens."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from authz.errors import AlreadyThere, AuditFailure
from authz.identity.tokens import ApiToken, MemoryTokens, TokenStore, new_token
from authz.stores.sql.database import Database
from authz.stores.sql.tokens import SqlTokens
from tests.contracts.conftest import POSTGRESQL, database_url
from tests.contracts.policy_records import nothing

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def made(name: str = "backup", **fields: Any) -> ApiToken:
    """Return the record of a new token."""
    given = {"role": "role:user", "author": "user:alice", "now": NOW} | fields
    return new_token(name, **given)[1]


def refuse(before: ApiToken | None, after: ApiToken) -> None:
    """Refuse a change: its audit record cannot be written."""
    raise AuditFailure("the disk is full")


@pytest.fixture(name="store", params=["memory", "sqlite", POSTGRESQL])
def _store(
    request: Any, tmp_path: Path, open_database: Callable[[str], Database]
) -> TokenStore:
    if request.param == "memory":
        return MemoryTokens()
    return SqlTokens(open_database(database_url(request.param, tmp_path, request)))


def test_it_begins_empty(store: TokenStore):
    """Nobody has a token that nobody made."""
    assert list(store.all()) == []


def test_what_is_kept(store: TokenStore):
    """A token comes back as it was, to the microsecond."""
    token = made(expires=NOW + timedelta(days=30, microseconds=17))
    store.add(token, before_commit=nothing)

    assert list(store.all()) == [token]
    assert store.all()[0].digest == token.digest


def test_what_it_is_limited_to_is_kept(store: TokenStore):
    """As a role is."""
    token = made(scopes=("library:kids", "server:*"))
    store.add(token, before_commit=nothing)

    assert list(store.all()) == [token]


def test_what_is_limited_is_not_read_as_unlimited(database: Database):
    """A process of an older release finds no role that anything is given to."""
    SqlTokens(database).add(made(scopes=("library:kids",)), before_commit=nothing)

    with database.read() as connection:
        role = connection.exec_driver_sql("SELECT role FROM authz_token").scalar()
    assert role == "limited:role:user"


def test_they_come_by_name(store: TokenStore):
    """The order is one that a person can read."""
    for name in ("sync", "backup", "Äpfel", "cron"):
        store.add(made(name), before_commit=nothing)

    assert [token.name for token in store.all()] == ["backup", "cron", "sync", "Äpfel"]


def test_a_name_is_taken_while_it_is_used(store: TokenStore):
    """Rules of the policy name tokens: two must not share one."""
    first = made()
    store.add(first, before_commit=nothing)
    with pytest.raises(AlreadyThere):
        store.add(made(), before_commit=nothing)
    store.revoke(first.id, NOW, before_commit=nothing)
    store.add(made(), before_commit=nothing)

    assert [token.revoked is None for token in store.all()].count(True) == 1


def test_an_id_is_taken_for_ever(store: TokenStore):
    """The record of a revoked token is not overwritten."""
    token = made()
    store.add(token, before_commit=nothing)
    store.revoke(token.id, NOW, before_commit=nothing)

    with pytest.raises(AlreadyThere):
        store.add(token, before_commit=nothing)


def test_revoked_once(store: TokenStore):
    """A revoked token is kept for the record, with the moment it first ended."""
    token = made()
    store.add(token, before_commit=nothing)
    told: list[Any] = []

    def tell(before: ApiToken | None, after: ApiToken) -> None:
        told.append((before, after.revoked))

    ended = store.revoke(token.id, NOW, before_commit=tell)
    again = store.revoke(token.id, NOW + timedelta(hours=1), before_commit=tell)

    assert ended.revoked == again.revoked == NOW
    assert list(store.all()) == [ended]
    assert told == [(token, NOW)]


def test_revoking_nothing(store: TokenStore):
    """There is no token of that id."""
    with pytest.raises(LookupError):
        store.revoke("nothing", NOW, before_commit=nothing)


def test_the_mark_changes_with_what_opens_a_door(store: TokenStore):
    """Other processes look at the mark: added and revoked must show, uses need not."""
    token = made()
    marks = [store.mark(), store.mark()]
    store.add(token, before_commit=nothing)
    marks.append(store.mark())
    store.revoke(token.id, NOW, before_commit=nothing)
    marks.append(store.mark())

    assert marks[0] == marks[1]
    assert len(set(marks)) == 3


def test_without_a_record_nothing_changes(store: TokenStore):
    """A change whose audit record cannot be written is not made."""
    token = made()
    with pytest.raises(AuditFailure):
        store.add(token, before_commit=refuse)
    assert list(store.all()) == []
    store.add(token, before_commit=nothing)
    before = store.mark()
    with pytest.raises(AuditFailure):
        store.revoke(token.id, NOW, before_commit=refuse)

    assert store.all()[0].revoked is None
    assert store.mark() == before


def test_last_use(store: TokenStore):
    """The last use is kept; what comes late does not turn it back."""
    token, other = made(), made("sync")
    store.add(token, before_commit=nothing)
    store.add(other, before_commit=nothing)
    store.used({token.id: NOW, "nothing": NOW})
    store.used({token.id: NOW - timedelta(hours=1)})
    store.used({})

    assert {t.name: t.last_used for t in store.all()} == {"backup": NOW, "sync": None}
    store.used({token.id: NOW + timedelta(hours=1)})
    assert store.all()[0].last_used == NOW + timedelta(hours=1)
