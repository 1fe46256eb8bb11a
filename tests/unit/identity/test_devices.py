"""A browser in which somebody has signed in is known again, to that account alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.decision import signed_in
from authz.identity.accounts import Account
from authz.identity.devices import LIFETIME, MAX_ACCOUNTS, known_device, remember

NOW = 1_800_000_000.0


def account(name: str = "alice", hashed: str = "$argon2id$one") -> Account:
    """Return an account; only its name, hash and epoch matter here."""
    return Account(
        name=name,
        subject=signed_in(f"user:{name}", source="local", display_name=name),
        password_hash=hashed,
    )


ALICE, BOB = account(), account("bob", "$argon2id$two")


def test_it_is_known_where_somebody_signed_in():
    """Each time by another id, so that a copy of an earlier one is counted apart."""
    cookie = remember([], ALICE, NOW)
    again = remember([cookie], ALICE, NOW + 60)

    ids = {known_device([one], ALICE, NOW + 60) for one in (cookie, again)}
    assert len(ids - {None}) == 2
    assert again.count("~") == 0


@pytest.mark.parametrize(
    "other",
    [
        BOB,
        replace(ALICE, password_hash="$argon2id$new"),
        replace(ALICE, epoch=1),
        replace(ALICE, name="alicia"),
        replace(ALICE, password_hash=""),
        None,
    ],
)
def test_it_is_no_other_accounts_and_no_other_passwords(other: Account | None):
    """Over with the password, and with signing out everywhere."""
    assert known_device([remember([], ALICE, NOW)], other, NOW) is None


def test_people_who_share_a_browser_are_all_known():
    """Up to a number; who came the longest time ago is forgotten."""
    people = [account(f"p{n}", f"$argon2id${n}") for n in range(MAX_ACCOUNTS + 1)]
    cookie = ""
    for person in people:
        cookie = remember([cookie], person, NOW)

    known = [known_device([cookie], person, NOW) is not None for person in people]
    assert known == [False] + [True] * MAX_ACCOUNTS


def test_it_ends():
    """After its time, and before it was made."""
    cookie = remember([], ALICE, NOW)

    assert known_device([cookie], ALICE, NOW + LIFETIME)
    assert known_device([cookie], ALICE, NOW + LIFETIME + 1) is None
    assert known_device([cookie], ALICE, NOW - 1) is None


def test_it_cannot_be_made_longer_or_anothers():
    """Every part of it is signed."""
    nonce, made, mac = remember([], ALICE, NOW).split(".")

    for forged in (
        f"{nonce}.{int(made) + 1}.{mac}",
        f"{nonce[:-1]}x.{made}.{mac}",
        f"{nonce}.{made}.{'0' * len(mac)}",
        f"{nonce}.{made}.",
        f".{made}.{mac}",
    ):
        assert known_device([forged], ALICE, NOW) is None


def test_what_is_planted_beside_it_hides_it_not():
    """Another host of the domain may set cookies of this name, as many as it likes."""
    cookie = remember([], ALICE, NOW)
    planted = [remember([], BOB, NOW), "", "x" * 5000, f"{cookie[:-1]}x", f"{cookie}~"]

    assert known_device([*planted, cookie], ALICE, NOW)
    assert known_device([cookie, *planted], ALICE, NOW)
    assert known_device([remember([*planted, cookie], ALICE, NOW)], BOB, NOW)


def test_a_flood_of_forged_cookies_is_not_read_to_its_end():
    """Each costs a signature, and whoever sends them does not choose how many."""
    cookie = remember([], ALICE, NOW)
    forged = "~".join([remember([], BOB, NOW)] * MAX_ACCOUNTS)

    assert known_device([forged] * 7 + [cookie], ALICE, NOW)
    assert known_device([forged] * 500 + [cookie], ALICE, NOW) is None


@given(st.text(max_size=300))
def test_no_text_is_a_known_browser(text: str):
    """Whatever a client sends, reading it does not fail."""
    assert known_device([text], ALICE, NOW) is None
    assert known_device([remember([text], ALICE, NOW)], ALICE, NOW)
