"""Signing keys that processes share: what one signs, others publish, at any moment."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.errors import InvalidValue, StoreError
from authz.identity.assertions import (
    LIFETIME,
    SigningKey,
    new_signing_key,
    read_signing_keys,
)
from authz.identity.kept_keys import (
    SIGNS_FOR,
    KeptKey,
    KeyRing,
    read_seal,
    rotated,
    scheduled,
)

ONE, OTHER = Fernet.generate_key().decode(), Fernet.generate_key().decode()
(KEY,) = read_signing_keys(new_signing_key())
#: Seconds: how far clocks are apart at most, how old what a process read is, and how
#: old what an app fetched.
CLOCKS, READ, FETCHED = 30, 60, 300


class Keys:
    """A store and what processes make of it, without one."""

    def __init__(self) -> None:
        self.made = 0
        self.states: list[tuple[int, Sequence[KeptKey]]] = [(0, ())]

    def new(self, signs_from: int) -> KeptKey:
        """Return a new key; the order in which they are made is its name."""
        self.made += 1
        return KeptKey(kid=str(self.made), signs_from=signs_from, sealed="")

    def ring(self, at: int) -> KeyRing:
        """Return what a process holds that read the store at a moment."""
        kept = [state for since, state in self.states if since <= at][-1]
        return KeyRing(
            tuple((key.signs_from, replace(KEY, kid=key.kid)) for key in kept)
        )


def names(keys: Sequence[SigningKey]) -> set[str]:
    """Return what *keys* are called."""
    return {key.kid for key in keys}


APART = st.integers(-CLOCKS // 2, CLOCKS // 2)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(1, 1500), st.integers(1, 2 * SIGNS_FOR)),
            st.sampled_from([scheduled, scheduled, rotated]),
            APART,
        ),
        min_size=1,
        max_size=8,
    ),
    st.tuples(st.integers(0, READ), st.integers(0, READ)),
    st.tuples(APART, APART),
)
def test_what_one_signs_holds_by_what_an_app_fetched_from_another(
    steps: Sequence[tuple[int, Any, int]],
    read: tuple[int, int],
    clocks: tuple[int, int],
):
    """Whoever makes keys when, whose clock is ahead, and how old what it knows is.

    By keys that were fetched five minutes before it was signed, and by those that are
    fetched when it is about to be over.
    """
    keys, now = Keys(), READ + FETCHED
    keys.states.append((0, scheduled((), now, keys.new)))
    for pause, edit, apart in steps:
        now += pause
        kept = keys.states[-1][1]
        keys.states.append((now, edit(kept, now + apart, keys.new)))

    begun = {key.signs_from for _, kept in keys.states for key in kept}
    for at in begun | {then - apart for then in begun for apart in clocks}:
        if at < READ + FETCHED:
            continue
        signs = keys.ring(at - read[0]).signing(at + clocks[0]).kid
        for fetched in (at - FETCHED, at + LIFETIME):
            other = keys.ring(fetched - read[1])
            assert signs in names(other.published(fetched + clocks[1]))


def test_a_key_is_made_when_it_is_time_and_forgotten_when_it_is_over():
    """After thirty days a second one, that signs ten minutes later; then one again."""
    keys = Keys()
    first = scheduled((), 1000, keys.new)
    assert [key.signs_from for key in first] == [1000]
    assert scheduled(first, 999 + SIGNS_FOR, keys.new) == tuple(first)

    both = scheduled(first, 1000 + SIGNS_FOR, keys.new)
    assert [key.signs_from for key in both] == [1000, 1600 + SIGNS_FOR]
    assert rotated(both, 1001 + SIGNS_FOR, keys.new) == tuple(both)
    assert scheduled(both, 2259 + SIGNS_FOR, keys.new) == tuple(both)
    assert scheduled(both, 2260 + SIGNS_FOR, keys.new) == tuple(both[1:])


def test_at_once_no_other_key_is_left():
    """Nor one that was about to sign: somebody may know them all."""
    keys = Keys()
    kept = rotated(scheduled((), 1000, keys.new), 2000, keys.new)

    assert [k.kid for k in rotated(kept, 2001, keys.new, at_once=True)] == ["3"]


def test_a_sealed_key_opens_by_any_secret_and_by_no_other():
    """The first seals; what holds no key of ours says so, and shows none."""
    kept = read_seal(ONE).new(1000)
    assert "PRIVATE" not in kept.sealed

    assert read_seal(f"{OTHER}, {ONE}\n").open(kept).kid == kept.kid
    with pytest.raises(StoreError, match="does not open") as caught:
        read_seal(OTHER).open(kept)
    assert caught.value.__context__ is None
    with pytest.raises(StoreError, match="does not open"):
        read_seal(ONE).open(replace(kept, sealed=kept.sealed[:-8]))


def test_whoever_writes_into_the_store_brings_no_key_back():
    """A key is sealed with its time and its name."""
    seal = read_seal(ONE)
    kept, other = seal.new(1000), seal.new(1000)

    for forged in (
        replace(kept, signs_from=9000),
        replace(kept, sealed=other.sealed),
    ):
        with pytest.raises(StoreError, match="somebody changed the database"):
            seal.open(forged)


@pytest.mark.parametrize(
    "text",
    [" ", ",", "secret", f"{ONE} x", ONE[:-1]],
    ids=["a space", "a comma", "a word", "two words", "cut off"],
)
def test_what_is_no_secret_is_refused_and_not_shown(text: str):
    """At the start, by the name of the setting."""
    with pytest.raises(InvalidValue, match="generate-key") as caught:
        read_seal(text)

    assert ONE[:-1] not in str(caught.value)
