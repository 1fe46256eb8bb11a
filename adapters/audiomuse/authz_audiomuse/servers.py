"""Which of the app's music servers are somebody's.

The app lets whoever signed in choose any of its servers. Here people are offered, and
may name, only those that are theirs. Whose a server is, is asked in one place, so that
another answer than the setting's can take its place.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from authz import Subject

_log: Final = logging.getLogger("authz")
#: Every music server is theirs.
ANY: Final = "*"
#: How long the app's list is remembered, in seconds; the app itself checks each name.
_FRESH: Final = 5.0

Server = Mapping[str, Any]


class ServersOf(Protocol):
    """Says which servers are somebody's."""

    def owns(self, subject: Subject, server: Server) -> bool:
        """Return whether *server*, as the app describes it, is one of *subject*'s."""
        ...


class ListedServers:
    """The same servers for everybody: those of a setting, and the default one."""

    def __init__(self, names: Iterable[str]) -> None:
        """Give everybody the servers with one of *names*, an id or a name each."""
        self._names = {name.casefold() for name in names}

    def owns(self, subject: Subject, server: Server) -> bool:  # noqa: ARG002 - all alike
        """Return whether *server* is everybody's."""
        called = {str(server.get(key, "")).casefold() for key in ("server_id", "name")}
        return (
            ANY in self._names
            or bool(server.get("is_default"))
            or not called.isdisjoint(self._names)
        )


class HostServers:
    """The app's servers, and whose they are."""

    def __init__(
        self,
        ask: Callable[[], Mapping[str, Any]] | None,
        whose: ServersOf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask the app with *ask*, its `servers_for_ui`; None if it has no such."""
        self._ask = ask
        self._whose = whose
        self._clock = clock
        self._known: tuple[float, tuple[Server, ...]] = (float("-inf"), ())

    def may_choose(self, subject: Subject, named: object) -> bool:
        """Return whether *subject* may name the server *named*, by id or by name."""
        if not isinstance(named, str):
            return False
        return any(
            named == server.get("server_id")
            or named.casefold() == str(server.get("name", "")).casefold()
            for server in self.theirs(subject, self._all())
        )

    def theirs(self, subject: Subject, servers: Sequence[Server]) -> list[Server]:
        """Return those of *servers* that are *subject*'s, in the app's order."""
        return [server for server in servers if self._whose.owns(subject, server)]

    def _all(self) -> tuple[Server, ...]:
        at, known = self._known
        if self._ask is None or self._clock() - at < _FRESH:
            return known
        try:
            known = tuple(self._ask().get("servers") or ())
        except Exception:  # noqa: BLE001 - whatever the app raises, none is known
            _log.exception("AudioMuse-AI cannot tell its music servers")
            return ()
        self._known = (self._clock(), known)
        return known
