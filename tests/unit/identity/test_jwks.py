"""Keys are renewed beside the requests, and an issuer that is down locks nobody out."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from authz.identity.fetch import FetchError, fetch
from authz.identity.jwks import COOLDOWN, MAX_AGE, Jwks
from authz.identity.keys import Key
from authz.identity.why import Refused, Why
from tests.key_server import KeyServer, answer, hang
from tests.minting import jwks, signer
from tests.services import until

FIRST, SECOND = signer("RS256"), signer("RS256", 2)
RS256 = frozenset({"RS256"})


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Issuer:
    """Publishes what it is told to, or fails, and counts how often it was asked."""

    def __init__(self) -> None:
        self.published = jwks(FIRST.jwk())
        self.down = False
        self.asked = 0

    def __call__(self) -> bytes:
        """Return what is published."""
        self.asked += 1
        if self.down:
            raise FetchError("https://idp.test cannot be reached (down)")
        return self.published


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="issuer")
def _issuer() -> Issuer:
    return Issuer()


@pytest.fixture(name="store")
def _store(issuer: Issuer, clock: Clock) -> Jwks:
    store = Jwks("authentik", issuer, algorithms=RS256, grace=60, clock=clock)
    store.refresh()
    return store


def find(store: Jwks, kid: str = "key-1") -> Key | None:
    """Return the key *kid* for RS256."""
    return store.find(kid, "RS256")


def unavailable(store: Jwks) -> bool:
    """Whether *store* has no keys to choose from."""
    with pytest.raises(Refused) as caught:
        find(store)
    return caught.value.why is Why.KEYS_UNAVAILABLE


class TestOutages:
    def test_before_the_first_fetch(self, issuer: Issuer):
        """Without keys nothing is verified, and that is no question of the token."""
        store = Jwks("authentik", issuer, algorithms=RS256, grace=60)

        assert unavailable(store)
        assert store.problem == "not fetched yet"

    def test_the_last_good_keys_stay(self, store: Jwks, issuer: Issuer, clock: Clock):
        """While the issuer is down, sessions go on for a day."""
        issuer.down = True
        store.refresh()
        clock.now += MAX_AGE - 1

        assert find(store)
        assert "cannot be reached" in str(store.problem)

    def test_not_for_ever(self, store: Jwks, clock: Clock):
        """After a day nobody knows any more which keys were taken back."""
        clock.now += MAX_AGE

        assert unavailable(store)

    @pytest.mark.parametrize("published", [b"{}", b"<html>", jwks(), b"\xff"])
    def test_nonsense_is_an_outage(self, published: bytes, store: Jwks, issuer: Issuer):
        """An error page with status 200 takes no key away."""
        issuer.published = published
        store.refresh()

        assert find(store)
        assert store.problem

    def test_it_is_said_once(
        self, store: Jwks, issuer: Issuer, caplog: pytest.LogCaptureFixture
    ):
        """An outage is one line in the log, and its end another."""
        issuer.down = True
        for _ in range(5):
            store.refresh()
        issuer.down = False
        store.refresh()
        store.refresh()

        assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
        assert store.problem is None

    def test_attempts_grow_rarer(self, store: Jwks, issuer: Issuer):
        """An issuer that is down is not kept down."""
        issuer.down = True
        delays = []
        for _ in range(8):
            store.refresh()
            delays.append(store.delay())

        assert delays == [1, 2, 4, 8, 16, 32, 60, 60]
        issuer.down = False
        store.refresh()
        assert store.delay() == 300


class TestRotation:
    def test_a_new_key(self, store: Jwks, issuer: Issuer):
        """What is published now is what verifies."""
        issuer.published = jwks(FIRST.jwk(), SECOND.jwk())
        store.refresh()

        assert find(store, "key-1")
        assert find(store, "key-2")

    def test_a_removed_key_is_good_for_a_while(
        self, store: Jwks, issuer: Issuer, clock: Clock
    ):
        """Tokens in people's sessions were signed with it."""
        issuer.published = jwks(SECOND.jwk())
        store.refresh()
        clock.now += 59
        kept = find(store, "key-1")
        clock.now += 1

        assert kept
        assert find(store, "key-1") is None

    def test_without_grace_it_goes_at_once(self, issuer: Issuer, clock: Clock):
        """An operator may say that a removed key is a stolen key."""
        store = Jwks("authentik", issuer, algorithms=RS256, grace=0, clock=clock)
        store.refresh()
        issuer.published = jwks(SECOND.jwk())
        store.refresh()

        assert find(store, "key-1") is None

    def test_a_key_under_a_known_id_replaces_it(self, store: Jwks, issuer: Issuer):
        """The old key has no name any more, so it verifies nothing."""
        issuer.published = jwks(SECOND.jwk(kid="key-1"))
        old = find(store)
        store.refresh()
        new = find(store)

        assert old is not None
        assert new is not None
        message, signature = b"x", FIRST.sign(b"x")
        assert old.verifies("RS256", message, signature)
        assert not new.verifies("RS256", message, signature)

    def test_what_counts_as_a_change(self, store: Jwks, issuer: Issuer, clock: Clock):
        """Verified tokens are forgotten when keys come or go, and only then."""
        seen = [store.generation]
        store.refresh()
        seen.append(store.generation)  # the same bytes
        issuer.published = jwks(SECOND.jwk())
        store.refresh()
        seen.append(store.generation)  # another key
        clock.now += 61
        store.refresh()
        seen.append(store.generation)  # the grace of the first is over

        assert seen[0] is seen[1]
        assert len(set(map(id, seen))) == 3

    def test_removed_keys_do_not_pile_up(self, store: Jwks, issuer: Issuer):
        """An issuer that changes keys all the time is kept within bounds."""
        for number in range(100):
            issuer.published = jwks(FIRST.jwk(kid=f"k{number}"))
            store.refresh()

        assert len(store._retired) == 64
        assert find(store, "k98")
        assert find(store, "k0") is None


class TestUnknownKeys:
    def test_they_ask_once_in_a_while(
        self, store: Jwks, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ):
        """A flood of tokens with made-up keys is no flood for the issuer."""
        asked: list[float] = []
        monkeypatch.setattr(store.poller, "wake", lambda: asked.append(clock.now))
        for second in range(60):
            for n in range(50):
                assert find(store, f"made-up-{second}-{n}") is None
            clock.now += 1

        assert len(asked) == 60 / COOLDOWN - 1
        assert asked[0] == 1000 + COOLDOWN

    def test_failures_count_as_attempts(
        self,
        store: Jwks,
        issuer: Issuer,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ):
        """An issuer that is down is asked no more often."""
        asked: list[float] = []
        monkeypatch.setattr(store.poller, "wake", lambda: asked.append(clock.now))
        issuer.down = True
        clock.now += COOLDOWN
        store.refresh()
        for _ in range(50):
            find(store, "made-up")

        assert asked == []

    def test_an_algorithm_a_known_key_has_not(
        self, store: Jwks, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ):
        """That is not an unknown key, and fetching would not help."""
        asked: list[float] = []
        monkeypatch.setattr(store.poller, "wake", lambda: asked.append(clock.now))
        clock.now += COOLDOWN

        assert store.find("key-1", "PS256") is None
        assert asked == []


@pytest.fixture(name="serve")
def _serve() -> Iterator[Callable[[KeyServer], Jwks]]:
    stores: list[Jwks] = []

    def serve(server: KeyServer) -> Jwks:
        store = Jwks("idp", lambda: fetch(server.url), algorithms=RS256, grace=60)
        store.refresh()
        store._not_before = 0.0
        store.poller.start()
        stores.append(store)
        return store

    yield serve
    for store in stores:
        store.poller.close()


class TestInTheBackground:
    def test_an_unknown_key_is_found_soon(self, serve: Callable[[KeyServer], Jwks]):
        """The first token with a new key is refused, and one after it gets in."""
        with KeyServer(answer(jwks(FIRST.jwk()))) as server:
            store = serve(server)
            server.behave = answer(jwks(FIRST.jwk(), SECOND.jwk()))

            assert find(store, "key-2") is None
            until(lambda: "key-2" in store.keys.kids)
            assert find(store, "key-2")

    def test_a_new_key_of_an_old_id_is_found_soon(
        self, serve: Callable[[KeyServer], Jwks]
    ):
        """A signature that does not fit asks for the keys, as an unknown key does."""
        with KeyServer(answer(jwks(FIRST.jwk()))) as server:
            store = serve(server)
            old = find(store, "key-1")
            server.behave = answer(jwks({**SECOND.jwk(), "kid": "key-1"}))

            store.doubt("key-1")

            until(lambda: find(store, "key-1") is not old)

    @pytest.mark.slow
    def test_nobody_waits(self, serve: Callable[[KeyServer], Jwks]):
        """While the issuer hangs, requests are answered from the keys at hand."""
        done = threading.Event()
        with KeyServer(answer(jwks(FIRST.jwk()))) as server:
            store = serve(server)
            server.arrived.acquire()
            server.behave = hang(done)
            find(store, "made-up")
            assert server.arrived.acquire(timeout=120)  # the fetch hangs now
            found = [find(store, kid) for kid in ("key-1", "made-up")]
            assert not done.is_set()  # it hangs still: nobody waited for it
            done.set()
            store.poller.close()

        assert [key is not None for key in found] == [True, False]

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    @pytest.mark.slow
    def test_a_forked_worker_fetches_too(self, serve: Callable[[KeyServer], Jwks]):
        """Gunicorn --preload loads the app once and forks: each worker renews keys."""
        with KeyServer(answer(jwks(FIRST.jwk()))) as server:
            store = serve(server)
            server.behave = answer(jwks(SECOND.jwk()))
            child = os.fork()
            if child == 0:
                store.find("key-2", "RS256")
                with suppress(AssertionError):
                    until(lambda: "key-2" in store.keys.kids)
                    os._exit(0)
                os._exit(1)
            _, status = os.waitpid(child, 0)

            assert os.waitstatus_to_exitcode(status) == 0
            assert find(store, "key-1")
