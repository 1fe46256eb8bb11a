"""Linked accounts in memory: what a store of them is compared with."""

import itertools
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from authz_audiomuse.music.faults import PASSING, Fault
from authz_audiomuse.music.links import Ended, Link, LinkPage, Mode

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class MemoryLinks:
    """Linked accounts in this process, for tests and for trying out."""

    def __init__(self) -> None:
        self._links: dict[tuple[str, str], Link] = {}
        self._ended: dict[int, Ended] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def find(self, person: str, server: str) -> Link | None:
        """Return what is kept of *person* on *server*."""
        return self._links.get((person, server))

    def of(self, person: str) -> Sequence[Link]:
        """Return everything kept of *person*, by server."""
        return [link for link in self._sorted() if link.person == person]

    def page(self, *, search: str = "", limit: int, offset: int = 0) -> LinkPage:
        """Return links by person and server, whose person or account holds *search*."""
        wanted = search.lower()
        found = [
            link
            for link in self._sorted()
            if wanted in link.person.lower() or wanted in link.account.lower()
        ]
        return LinkPage(links=tuple(found[offset : offset + limit]), total=len(found))

    def put(self, link: Link) -> None:
        """Keep *link* in place of what was kept of this person and server."""
        with self._lock:
            self._links[link.person, link.server] = link

    def note(
        self, link: Link, *, fault: Fault | None, checked: datetime
    ) -> Link | None:
        """Note how the account of *link* was found."""
        with self._lock:
            now = self._links.get((link.person, link.server))
            if now is None or now.sealed != link.sealed or now.mode is not link.mode:
                return None
            noted = replace(now, fault=fault, checked=checked)
            self._links[link.person, link.server] = noted
            return noted

    def reseal(self, link: Link, sealed: str) -> bool:
        """Keep *sealed* in place of what *link* holds, unless that was replaced."""
        with self._lock:
            now = self._links.get((link.person, link.server))
            if now is None or now.sealed != link.sealed:
                return False
            self._links[link.person, link.server] = replace(now, sealed=sealed)
            return True

    def remove(self, person: str, server: str) -> bool:
        """Forget *person* on *server*; return whether anything was kept."""
        with self._lock:
            return self._links.pop((person, server), None) is not None

    def forget(self, person: str) -> int:
        """Forget everything kept of *person*; return of how many servers."""
        with self._lock:
            gone = [key for key in self._links if key[0] == person]
            for key in gone:
                del self._links[key]
            return len(gone)

    def due(self, before: datetime, *, limit: int) -> Sequence[Link]:
        """Return own accounts not looked at since *before*, the longest ago first."""
        found = [
            link
            for link in self._sorted()
            if link.mode is Mode.OWN
            and ((link.checked or _NEVER) < before or link.fault in PASSING)
        ]
        return sorted(found, key=lambda link: link.checked or _NEVER)[:limit]

    def end(self, link: Link, *, since: datetime) -> Ended:
        """Keep what *link* holds until it was given back; the link itself stays."""
        ended = Ended(
            id=next(self._numbers),
            person=link.person,
            server=link.server,
            sealed=link.sealed,
            since=since,
        )
        self._ended[ended.id] = ended
        return ended

    def ended(self, *, limit: int) -> Sequence[Ended]:
        """Return what is still to be given back, the oldest first."""
        return list(self._ended.values())[:limit]

    def settle(self, ended: Ended) -> None:
        """Forget *ended*: it was given back, or never will be."""
        self._ended.pop(ended.id, None)

    def _sorted(self) -> list[Link]:
        return [link for _, link in sorted(self._links.items())]
