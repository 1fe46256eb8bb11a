"""How often a music password or key may be tried, before the server itself says no.

A person waits as at the sign-in page. Some servers stop everybody at an address after a
few wrong keys in a row, AudioMuse-AI itself included; there all people together stop
short of that. All processes count together where they share a storage.
"""

from typing import Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from authz.integration.limits import Guesser, SharedGuesses, Throttle
from authz_audiomuse.music.port import MusicServer

_NAMESPACE: Final = "authz-music"
#: Seconds that somebody waits whose server heard enough wrong keys.
_WAIT: Final = 60


class Guessing:
    """Counts what music servers did not accept."""

    def __init__(self, shared: Storage | None = None) -> None:
        """Count in this process, and in *shared*, where all processes count."""
        self._people = Throttle(shared)
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._all = MovingWindowRateLimiter(shared) if shared is not None else None
        self._asked = SharedGuesses(shared) if shared is not None else None

    def wait(self, person: str, music: MusicServer, client: str) -> int:
        """Return how many seconds *person* at *client* has to wait before trying."""
        wait = self._people.wait(_guesser(person, music, client))
        limit = _limit(music)
        if wait or limit is None:
            return wait
        server = music.listed.id
        free = self._own.test(limit, server)
        if free and self._all is not None and self._asked is not None:
            together = self._all
            free = self._asked.ask(
                lambda _: together.test(limit, server), otherwise=True
            )
        return 0 if free else _WAIT

    def failed(self, person: str, music: MusicServer, client: str) -> None:
        """Note that the server did not accept what *person* entered."""
        self._people.failed(_guesser(person, music, client))
        limit = _limit(music)
        if limit is None:
            return
        server = music.listed.id
        self._own.hit(limit, server)
        if self._all is not None and self._asked is not None:
            together = self._all
            self._asked.ask(lambda _: together.hit(limit, server), otherwise=True)


def _limit(music: MusicServer) -> RateLimitItemPerMinute | None:
    most = music.capabilities.wrong_in_a_row
    if most is None:
        return None
    return RateLimitItemPerMinute(max(1, most - 1), namespace=_NAMESPACE)


def _guesser(person: str, music: MusicServer, client: str) -> Guesser:
    # Apart from the names of the sign-in page: who mistypes here may sign in there.
    # Who is signed in is counted by themselves, wherever they are.
    return Guesser(
        name=f"music {music.listed.id} {person}",
        client=f"music {client}",
        device=f"person {person}",
    )
