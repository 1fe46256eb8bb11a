"""A token that was verified a moment ago need not be verified again."""

from hashlib import sha256
from typing import Any

import pytest

from authz.decision import Subject, signed_in
from authz.errors import InvalidCredentials
from authz.identity.jwks import Jwks
from authz.identity.proxy_jwt import SignedTokens
from authz.identity.verified import TTL, VerifiedTokens
from tests.minting import NOW, jwks, signer
from tests.unit.identity.sources import facts, source
from tests.unit.identity.test_jwks import Clock

BOB = signed_in("user:authentik/bob", source="jwt", display_name="Bob")


class Keys:
    """Keys whose generation can be changed."""

    problem = None

    def __init__(self) -> None:
        self.generation: object = object()

    def find(self, kid: str | None, algorithm: str) -> None:
        """Return nothing: nobody asks here."""


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="kept")
def _kept(clock: Clock) -> VerifiedTokens:
    return VerifiedTokens(clock)


def keep(kept: VerifiedTokens, number: int = 0, **changes: Any) -> bytes:
    """Keep BOB under a digest."""
    keys = changes.pop("keys", Keys())
    digest = sha256(str(number).encode()).digest()
    kept.keep(
        digest,
        BOB,
        **{
            "seconds": 3600.0,
            "keys": keys,
            "generation": keys.generation,
            **changes,
        },
    )
    return digest


def test_it_is_found(kept: VerifiedTokens, clock: Clock):
    """The same subject comes back, for a minute."""
    digest = keep(kept)
    clock.now += TTL - 0.1
    found = kept.find(digest)
    clock.now += 0.1

    assert found is BOB
    assert kept.find(digest) is None
    assert kept.find(b"x") is None


def test_never_past_its_end(kept: VerifiedTokens, clock: Clock):
    """A token that ends within the minute ends then."""
    digest = keep(kept, seconds=5.0)
    clock.now += 5

    assert kept.find(digest) is None


@pytest.mark.parametrize("seconds", [0.0, -20.0])
def test_one_that_has_ended_is_not_kept(seconds: float, kept: VerifiedTokens):
    """What holds by leeway only is verified each time."""
    assert kept.find(keep(kept, seconds=seconds)) is None


def test_it_goes_with_the_keys(kept: VerifiedTokens):
    """When keys come or go, what they verified must be verified again."""
    keys = Keys()
    digest = keep(kept, keys=keys)
    keys.generation = object()

    assert kept.find(digest) is None


def test_keys_that_changed_meanwhile(kept: VerifiedTokens):
    """What was verified by keys that were just replaced is not kept."""
    keys = Keys()
    before = keys.generation
    keys.generation = object()

    assert kept.find(keep(kept, keys=keys, generation=before)) is None


def test_it_is_bounded(kept: VerifiedTokens):
    """Ten thousand sessions are no more than two generations; the busy one stays."""
    busy = keep(kept, -1)
    for number in range(10_000):
        keep(kept, number)
        if number % 1000 == 0:
            assert kept.find(busy) is BOB

    assert len(kept._newer) + len(kept._older) <= 4096 + 1
    assert kept.find(busy) is BOB
    assert kept.find(sha256(b"0").digest()) is None


class TestInTheSource:
    def asked(self, guard: SignedTokens, token: str) -> Subject:
        """Return whom *guard* takes *token* for."""
        subject = guard.identify(facts(token))
        assert subject is not None
        return subject

    def test_the_same_token_is_the_same_subject(self):
        """What the policy remembers of a subject is remembered for the session."""
        honest = signer("HS256")
        guard, token = source(honest), honest.token()

        assert self.asked(guard, token) is self.asked(guard, token)
        assert self.asked(guard, token) is not self.asked(guard, honest.token(jti="2"))

    def test_the_token_itself_is_not_kept(self):
        """Nobody who reads the memory of the cache can send the token."""
        honest = signer("HS256")
        guard, token = source(honest), honest.token()
        self.asked(guard, token)

        assert list(guard._verified._newer) == [sha256(token.encode()).digest()]

    def test_a_refusal_is_not_kept(self):
        """A token that was refused is looked at again."""
        honest = signer("HS256")
        now = NOW - 7200.0
        guard = source(honest)
        guard.clock = lambda: now
        with pytest.raises(InvalidCredentials):
            guard.identify(facts(honest.token()))
        now = NOW + 0.0

        assert self.asked(guard, honest.token())

    def test_a_stolen_key_opens_nothing_once_it_is_gone(self):
        """A key that was removed is gone from the next fetch on, cache or no cache."""
        honest = signer("RS256")
        published = jwks(honest.jwk())
        store = Jwks("idp", lambda: published, algorithms=frozenset({"RS256"}), grace=0)
        store.refresh()
        guard, token = source(honest, key_source=store), honest.token()
        self.asked(guard, token)
        published = jwks(signer("RS256", 2).jwk())
        store.refresh()

        with pytest.raises(InvalidCredentials, match="unknown-key"):
            guard.identify(facts(token))
