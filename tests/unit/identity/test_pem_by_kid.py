"""Keys that are published one by one (AWS): fetched when a token first names them."""

from collections.abc import Iterator

import pytest

from authz.identity.fetch import FetchError, fetch
from authz.identity.jwks import MAX_AGE
from authz.identity.pem_by_kid import PemByKid
from authz.identity.why import Refused, Why
from tests.key_server import KeyServer, answer
from tests.minting import signer
from tests.services import until
from tests.unit.identity.test_jwks import Clock

KID = "0a1b2c3d-0000-4000-8000-00000000000a"
ES256 = frozenset({"ES256"})
PEM = signer("ES256").pem


class Fetched:
    """Knows one key, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.keys = {KID: PEM}

    def __call__(self, kid: str) -> bytes:
        """Return the key *kid*."""
        self.asked.append(kid)
        if kid not in self.keys:
            raise FetchError("answers 404")
        return self.keys[kid]


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="fetched")
def _fetched() -> Fetched:
    return Fetched()


@pytest.fixture(name="store")
def _store(fetched: Fetched, clock: Clock) -> PemByKid:
    return PemByKid("aws-alb", fetched, algorithms=ES256, clock=clock)


def kid(number: int) -> str:
    """Return id *number*, which looks like one of Amazon's."""
    return f"00000000-0000-4000-8000-{number:012x}"


def test_the_second_request_gets_in(store: PemByKid):
    """A request does not wait for a key; the next one has it."""
    assert store.find(KID, "ES256") is None
    store.refresh()
    key = store.find(KID, "ES256")

    assert key is not None
    assert key.verifies("ES256", b"x", signer("ES256").sign(b"x"))
    assert store.find(KID, "RS256") is None


@pytest.mark.parametrize(
    "odd",
    [None, "", "../../../etc/passwd", KID.upper(), KID + "\n", KID[:-1], "x" * 36,
     f"{KID[:-2]}/.", f"{KID[:-2]}%2", KID.replace("a", "\u0430")],
)  # fmt: skip
def test_an_id_is_an_id(odd: str | None, store: PemByKid, fetched: Fetched):
    """What becomes part of an address can be nothing but an id."""
    with pytest.raises(Refused) as caught:
        store.find(odd, "ES256")
    store.refresh()

    assert caught.value.why is Why.UNKNOWN_KEY
    assert fetched.asked == []


def test_a_flood_is_bounded(store: PemByKid, fetched: Fetched, clock: Clock):
    """Made-up ids cost a few fetches a round, and each but one in a while."""
    for number in range(1000):
        store.find(kid(number), "ES256")
    store.refresh()

    assert len(fetched.asked) == 4
    assert len(store._wanted) == 12
    for _ in range(20):
        store.refresh()
    asked = len(fetched.asked)
    for number in range(16):
        store.find(kid(number), "ES256")
    store.refresh()
    assert asked == len(fetched.asked) == 16
    clock.now += 31
    store.find(kid(0), "ES256")
    store.refresh()
    assert len(fetched.asked) == 17


def test_keys_grow_old(store: PemByKid, fetched: Fetched, clock: Clock):
    """A key is fetched anew after half a day, and not believed after a whole one."""
    store.find(KID, "ES256")
    store.refresh()
    clock.now += MAX_AGE / 2 + 1
    store.refresh()
    renewed = len(fetched.asked)
    clock.now += MAX_AGE

    assert renewed == 2
    assert store.find(KID, "ES256") is None


def test_keys_do_not_pile_up(store: PemByKid, fetched: Fetched):
    """No more keys are kept than anybody has."""
    for number in range(80):
        fetched.keys[kid(number)] = PEM
        store.find(kid(number), "ES256")
        store.refresh()

    assert len(store._keys) == 64


@pytest.mark.parametrize("published", [b"", b"<html>", signer("RS256").pem])
def test_nonsense_is_no_key(published: bytes, store: PemByKid, fetched: Fetched):
    """What is published under an id must be a key for this."""
    fetched.keys[KID] = published
    store.find(KID, "ES256")
    store.refresh()

    assert store.find(KID, "ES256") is None
    assert store.problem


@pytest.fixture(name="server")
def _server() -> Iterator[KeyServer]:
    with KeyServer(answer(PEM)) as server:
        yield server


def test_over_the_wire(server: KeyServer):
    """The key of a token arrives in the background."""
    store = PemByKid(
        "aws-alb", lambda kid: fetch(f"{server.url}/{kid}"), algorithms=ES256
    )
    store.poller.start()

    until(lambda: store.find(KID, "ES256"))
    assert server.asked == [f"/keys/{KID}"]
    store.poller.close()
