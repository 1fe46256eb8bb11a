"""Local accounts: proof of a password, equally slow for everybody."""

import pytest
from argon2 import PasswordHasher

from authz.errors import InvalidCredentials, SettingsError
from authz.identity import accounts as accounts_module
from authz.identity.accounts import Accounts, hash_password, new_account
from tests.sparing import deployed_hasher


@pytest.fixture(name="accounts", scope="module")
def _accounts() -> Accounts:
    return Accounts(
        [
            new_account("alice", "correct horse", where="TEST"),
            new_account("caf\u00e9", "cr\u00e8me", where="TEST"),
            new_account("proxy", "", where="TEST"),
        ]
    )


def test_a_hash_is_argon2id(monkeypatch: pytest.MonkeyPatch):
    """Passwords are hashed with argon2id, at or above the usual floor."""
    monkeypatch.setattr(accounts_module, "hasher", deployed_hasher)
    hashed = hash_password("correct horse")

    assert hashed.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert hashed != hash_password("correct horse")


def test_a_hash_may_be_given(accounts: Accounts):
    """An account works with a hash made beforehand."""
    given = new_account("bob", hash_password("battery"), where="TEST")

    assert Accounts([given]).authenticate("bob", "battery") is given
    with pytest.raises(InvalidCredentials):
        Accounts([given]).authenticate("bob", given.password_hash)


@pytest.mark.parametrize("damaged", ["$argon2id$", "$argon2id$v=19$m=1", "$argon2i$x"])
def test_a_damaged_hash_stops_the_start(damaged: str):
    """A hash that lost its tail, or its `$`, is not taken for a password."""
    with pytest.raises(SettingsError, match="damaged"):
        new_account("bob", damaged, where="AUTHZ_USER")


def test_composed_and_decomposed_are_the_same(accounts: Accounts):
    """A name or password typed with combining characters is the same one (NFC)."""
    account = accounts.authenticate("cafe\u0301", "cre\u0300me")

    assert account.name == "caf\u00e9"


def test_compatibility_forms_are_not(accounts: Accounts):
    """Full-width letters are other letters: NFKC would merge passwords."""
    with pytest.raises(InvalidCredentials):
        accounts.authenticate("alice", "\uff43orrect horse")


def test_subjects_say_how_they_came(accounts: Accounts):
    """A local account is `user:<id>`, signed in by `auth:local`."""
    subject = accounts.by_name["alice"].subject

    assert subject.name == "user:alice"
    assert {"auth:local", "role:authenticated", "role:everyone"} < subject.names


def test_an_unknown_name_is_hashed_alike(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
):
    """Nobody learns from the clock which accounts exist: each guess is one hash.

    With the same parameters, so that it takes as long.
    """
    hashed: list[str] = []
    real = PasswordHasher.verify

    def verify(hasher: PasswordHasher, known: str, password: str) -> bool:
        hashed.append(known.rpartition("$")[0].rpartition("$")[0])
        return real(hasher, known, password)

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    for name in ("alice", "nobody", "proxy"):
        with pytest.raises(InvalidCredentials):
            accounts.authenticate(name, "wrong")

    assert len(hashed) == 3
    assert len(set(hashed)) == 1
