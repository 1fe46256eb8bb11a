"""Signing keys in a database, and processes that share them."""

import threading
from functools import partial

import pytest
from cryptography.fernet import Fernet

from authz.errors import StoreError
from authz.identity.kept_keys import KeptKeys, read_seal, scheduled
from authz.stores.sql.database import Database
from authz.stores.sql.signing_keys import SqlSigningKeys

SEAL = read_seal(Fernet.generate_key().decode())


def test_what_is_written_down_nowhere_is_not_kept(database: Database):
    """A key is told of before it is there; if that fails, there is none."""
    store = SqlSigningKeys(database)

    def fail(_: object) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        store.change(partial(scheduled, now=5, new=SEAL.new), before_commit=fail)
    assert not store.all()


def test_of_processes_that_start_together_one_makes_the_first_key(
    database: Database,
):
    """And all of them sign with it."""
    told: list[str] = []
    found: list[str] = []

    def begin() -> None:
        keys = KeptKeys(
            SqlSigningKeys(database),
            SEAL,
            clock=lambda: 1000,
            tell=lambda new: told.extend(key.kid for key in new),
        )
        found.append(keys.signing(1000).kid)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(told) == 1
    assert found == told * 4


def test_a_process_that_cannot_read_goes_on_with_what_it_knows(database: Database):
    """Nothing on a request's way asks the database."""
    store = SqlSigningKeys(database)
    now = [1000]
    keys = KeptKeys(store, SEAL, clock=lambda: now[0], tell=lambda _: None)
    known = keys.signing(now[0]).kid
    other = read_seal(Fernet.generate_key().decode())
    store.change(lambda _: (other.new(2000),), before_commit=lambda _: None)

    with pytest.raises(StoreError, match="AUTHZ_FORWARD_SEAL"):
        keys.refresh()
    assert keys.signing(3000).kid == known
    assert [key.kid for key in keys.published(3000)] == [known]
