"""The keys of an issuer who changes them: kept, renewed in the background.

A request never waits. It reads the keys in force from one reference. A token with an
unknown key is refused, and asks, at most once in a while, for the keys to be fetched
anew; the request after it may find the key.
"""

import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from authz.background import Poller
from authz.errors import AuthzError
from authz.identity.keys import Key, KeySet, keys_from_jwks
from authz.identity.why import Refused, Why

_log: Final = logging.getLogger("authz")

#: Seconds between two fetches when nothing asks for one.
REFRESH: Final = 300.0
#: An unknown key asks for a fetch at most this often, in seconds.
COOLDOWN: Final = 10.0
#: After a failed fetch the next one waits from this many seconds on, doubling.
_FIRST_DELAY: Final = 1.0
_LONGEST_DELAY: Final = 60.0
#: Keys that could not be renewed for this long are not trusted any more, in seconds.
MAX_AGE: Final = 24 * 3600.0
#: Removed keys that are kept at most, whatever an issuer publishes.
_MAX_RETIRED: Final = 64

Clock = Callable[[], float]


class KeySource(Protocol):
    """Where the keys of one issuer come from. Asked on the request path."""

    @property
    def generation(self) -> object:
        """What is another object as soon as keys have come or gone."""
        ...

    @property
    def problem(self) -> str | None:
        """Why the keys are not as they should be, or None."""
        ...

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """Return the key for a token that names *kid* and *algorithm*, or None.

        Raises:
            Refused: if there are no keys to choose from.
        """
        ...

    def doubt(self, kid: str | None) -> None:
        """Say that a signature did not fit the key *kid*: it may be another by now."""
        ...


class FixedKeys:
    """Keys that the operator gave: a PEM file, a shared secret."""

    problem = None

    def __init__(self, keys: KeySet) -> None:
        self.generation: object = keys
        self._keys = keys

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """Return the key for *algorithm*; what the token calls it does not matter."""
        return self._keys.find(kid, algorithm)

    def doubt(self, kid: str | None) -> None:
        """Do nothing: these keys stay."""


class Jwks:
    """The keys of a JWK Set that is published at a URL or in a file."""

    def __init__(  # noqa: PLR0913 - what keeping keys is made of
        self,
        name: str,
        fetch: Callable[[], bytes],
        *,
        algorithms: frozenset[str],
        grace: float,
        interval: float = REFRESH,
        clock: Clock = time.monotonic,
    ) -> None:
        """Fetch keys of the issuer *name* for *algorithms* with *fetch*.

        *grace* is how many seconds a key is still good after it was removed: tokens
        that were signed with it are in people's sessions. *interval* is how many
        seconds pass between two fetches when nothing asks for one.
        """
        self._name = name
        self._fetch = fetch
        self._algorithms = algorithms
        self._grace = grace
        self._interval = interval
        self._clock = clock
        self._data: bytes | None = None
        self._retired: dict[str, tuple[Key, float]] = {}
        self._failures = 0
        self._not_before = clock()
        self._good_until = clock()
        #: The keys in force.
        self.keys = KeySet()
        self.generation: object = self.keys
        #: Why the newest keys could not be fetched, or None.
        self.problem: str | None = "not fetched yet"
        self.poller = Poller(self.refresh, interval=self.delay, name="authz-keys")

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """Return the key for a token that names *kid* and *algorithm*, or None.

        Never waits. None asks for a fetch, unless there was an attempt just now.

        Raises:
            Refused: if there never were keys, or they are too old.
        """
        now = self._clock()
        if now >= self._good_until:
            self._want(now)
            raise Refused(Why.KEYS_UNAVAILABLE)
        keys = self.keys
        key = keys.find(kid, algorithm)
        if key is not None or kid in keys.kids:
            return key
        retired = self._retired.get(kid) if kid is not None else None
        if retired is not None and now < retired[1]:
            return retired[0]
        self._want(now)
        return None

    def refresh(self) -> None:
        """Fetch the keys, in the background. If it fails, the last set stays."""
        self._not_before = self._clock() + COOLDOWN  # an attempt counts, come what may
        try:
            data = self._fetch()
            new = (
                self.keys
                if data == self._data
                else keys_from_jwks(data, self._algorithms)
            )
        except AuthzError as error:
            self._failures += 1
            if str(error) != self.problem:
                self.problem = str(error)
                _log.error("the keys of %s stay as they were: %s", self._name, error)
            return
        now = self._clock()
        if self.problem is not None and self._failures:
            _log.warning("the keys of %s can be fetched again", self._name)
        for left_out in new.left_out if new is not self.keys else ():
            _log.warning("the keys of %s: %s is left out", self._name, left_out)
        self._retire(new, now)
        self._data = data
        self._good_until = now + MAX_AGE
        self._failures = 0
        self.problem = None

    @property
    def age(self) -> float | None:
        """Seconds since the keys were fetched; None if they never were."""
        if self._data is None:
            return None
        return self._clock() - (self._good_until - MAX_AGE)

    def delay(self) -> float:
        """Return how many seconds to wait before the next fetch."""
        if not self._failures:
            return self._interval
        return min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(self._failures - 1, 10))

    def _retire(self, new: KeySet, now: float) -> None:
        """Put *new* in force, and keep the keys that went for a while."""
        old = self.keys
        kept = {
            k: v for k, v in self._retired.items() if now < v[1] and k not in new.kids
        }
        if new is not old:
            for kid, key in old.kids.items():
                if kid not in new.kids and self._grace > 0:
                    kept[kid] = (key, now + self._grace)
        while len(kept) > _MAX_RETIRED:
            del kept[next(iter(kept))]
        changed = new is not old or kept.keys() != self._retired.keys()
        self._retired = kept
        self.keys = new
        if changed:
            self.generation = object()  # last: what was verified before counts no more

    def doubt(self, kid: str | None) -> None:  # noqa: ARG002 - they come together
        """Ask for a fetch, as an unknown key does: an issuer may keep a key's id."""
        self._want(self._clock())

    def _want(self, now: float) -> None:
        if now >= self._not_before:
            self._not_before = now + COOLDOWN
            self.poller.wake()
