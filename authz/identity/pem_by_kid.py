"""Keys that are published one by one, each at an address that ends with its id.

Amazon's load balancers do so. There is no list, so the first token with a new key is
refused while the key is fetched in the background; the request after it finds the key.
"""

import logging
import re
import time
from collections.abc import Callable
from typing import Final

from authz.background import Poller
from authz.errors import AuthzError
from authz.identity.jwks import MAX_AGE, Clock
from authz.identity.keys import Key, key_from_pem
from authz.identity.why import Refused, Why

_log: Final = logging.getLogger("authz")

#: A key's id becomes part of an address, so it is nothing but this.
_KID: Final = re.compile(r"[0-9a-f-]{36}")
_MAX_KEYS: Final = 64
#: Ids that wait to be fetched, and how many are fetched at once.
_MAX_WANTED: Final = 16
_AT_ONCE: Final = 4
#: An id that led nowhere is not asked for again for so many seconds.
_RETRY: Final = 30.0
_MAX_MISSED: Final = 256
#: Seconds between two rounds, and the age from which a key is fetched anew.
_ROUND: Final = 600.0
_RENEW: Final = MAX_AGE / 2


class PemByKid:
    """Public keys by id, fetched when a token first names them."""

    def __init__(
        self,
        name: str,
        fetch: Callable[[str], bytes],
        *,
        algorithms: frozenset[str],
        clock: Clock = time.monotonic,
    ) -> None:
        """Fetch keys of the issuer *name* with *fetch*, which is given the id."""
        self._name = name
        self._fetch = fetch
        self._algorithms = algorithms
        self._clock = clock
        self._keys: dict[str, tuple[Key, float]] = {}
        self._wanted: dict[str, None] = {}
        self._missed: dict[str, float] = {}
        self.generation: object = object()
        #: Why the last key could not be fetched, or None.
        self.problem: str | None = None
        self.poller = Poller(self.refresh, interval=_ROUND, name="authz-keys")

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """Return the key *kid*, or None; then it is fetched, if it can be an id.

        Raises:
            Refused: if the id is none that Amazon would give.
        """
        if kid is None or not _KID.fullmatch(kid):
            raise Refused(Why.UNKNOWN_KEY)
        now = self._clock()
        known = self._keys.get(kid)
        if known is not None and now < known[1] + MAX_AGE:
            return known[0] if algorithm in known[0].algorithms else None
        if now >= self._missed.get(kid, 0.0):
            self._want(kid)
        return None

    def doubt(self, kid: str | None) -> None:
        """Ask for the key *kid* anew, unless it was fetched a moment ago."""
        known = self._keys.get(kid) if kid is not None else None
        if kid and known is not None and self._clock() - known[1] > _RETRY:
            self._want(kid)

    def _want(self, kid: str) -> None:
        if len(self._wanted) < _MAX_WANTED:
            self._wanted[kid] = None
            self.poller.wake()

    def refresh(self) -> None:
        """Fetch the keys that are wanted, and those that grow old."""
        now = self._clock()
        old = [kid for kid, (_, at) in self._keys.items() if now - at > _RENEW]
        for kid in [*self._wanted, *old][:_AT_ONCE]:
            try:
                key = key_from_pem(self._fetch(kid), self._algorithms, kid=kid)
            except AuthzError as error:
                if len(self._missed) >= _MAX_MISSED:
                    self._missed = {}
                self._missed[kid] = self._clock() + _RETRY
                self.problem = str(error)
                _log.error("a key of %s: %s", self._name, error)
            else:
                keys = {**self._keys, kid: (key, self._clock())}
                while len(keys) > _MAX_KEYS:
                    del keys[next(iter(keys))]
                self._keys = keys
                self.generation = object()
                self.problem = None
            self._wanted.pop(kid, None)
        if self._wanted:
            self.poller.wake()
