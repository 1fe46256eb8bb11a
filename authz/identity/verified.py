"""Tokens that were verified a moment ago, so that they need not be verified again.

A proxy sends the same token with every request of a session. What is kept is the
token's digest, never the token.
"""

import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from authz.decision import Subject
from authz.identity.jwks import KeySource

#: A token is verified again after this many seconds, whatever its `exp`.
TTL: Final = 60.0
#: Tokens in one generation; two generations are kept.
_GENERATION: Final = 2048

_Entry = tuple[Subject, float, KeySource, object]


class VerifiedTokens:
    """Subjects by the digest of their token; bounded, and read without a lock.

    There are two generations. What is found in the older one moves to the newer; when
    the newer is full it becomes the older, and what nobody asked for is gone.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._newer: dict[bytes, _Entry] = {}
        self._older: dict[bytes, _Entry] = {}

    def find(self, digest: bytes) -> Subject | None:
        """Return whose token has *digest*, if it still holds."""
        entry = self._newer.get(digest)
        if entry is None:
            entry = self._older.pop(digest, None)
            if entry is None:
                return None
            self._add(digest, entry)
        subject, until, keys, generation = entry
        if self._clock() < until and keys.generation is generation:
            return subject
        self._newer.pop(digest, None)
        return None

    def keep(
        self,
        digest: bytes,
        subject: Subject,
        *,
        seconds: float,
        keys: KeySource,
        generation: object,
    ) -> None:
        """Keep *subject* for *seconds*, and until *keys* leave their *generation*.

        *generation* is what it was before the token was verified.
        """
        if seconds > 0:
            until = self._clock() + min(seconds, TTL)
            self._add(digest, (subject, until, keys, generation))

    def _add(self, digest: bytes, entry: _Entry) -> None:
        if len(self._newer) >= _GENERATION:
            self._older, self._newer = self._newer, {}
        self._newer[digest] = entry


def digest_of(token: str) -> bytes:
    """Return the SHA-256 of an ASCII *token*."""
    return sha256(token.encode("ascii")).digest()
