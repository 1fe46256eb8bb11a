"""Which of the app's music servers are somebody's.

The app lets whoever signed in choose any of its servers. Here people are offered, and
may name, only those that are theirs. Whose a server is, is asked in one place: the
setting says which ones anybody may have, and a policy with scopes whose each is.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from flask import Flask

from authz import Subject, get_authz

_log: Final = logging.getLogger("authz")
#: Every music server is theirs.
ANY: Final = "*"
#: What a server is, as a kind of scope: `server:<its id in the app>`.
KIND: Final = "server"
#: How long the app's list is remembered, in seconds; the app itself checks each name.
_FRESH: Final = 5.0
#: Where a policy says which servers somebody sees.
_LIST: Final = "/api/servers"

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


class ScopedServers:
    """Of the servers that *listed* gives, those in whose scope the policy shows them.

    A policy without scopes does not tell them apart.
    """

    def __init__(self, app: Flask, listed: ServersOf) -> None:
        self._app = app
        self._listed = listed

    def owns(self, subject: Subject, server: Server) -> bool:
        """Return whether *server* is one of *subject*'s."""
        if not self._listed.owns(subject, server):
            return False
        guarded = get_authz(self._app)
        written = guarded.runtime.policy.written
        if written is None or not written.scoped:
            return True
        ids = guarded.hook.may_in(subject, "GET", _LIST).ids(KIND)
        # A line of the app that is no server, a sum over all of them for example.
        return server["server_id"] in ids if "server_id" in server else ids.is_all


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
        server = self.resolve(named) if isinstance(named, str) else None
        return server is not None and self._whose.owns(subject, server)

    def resolve(self, named: str) -> Server | None:
        """Return the server that the app would take for *named*, or None.

        The app looks for an id first, and for a name whatever its capitals then. What
        two servers could be meant by is none.
        """
        every = self.all()
        for found in (
            [server for server in every if server.get("server_id") == named],
            [server for server in every if _same_name(server, named)],
        ):
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def theirs(self, subject: Subject, servers: Sequence[Server]) -> list[Server]:
        """Return those of *servers* that are *subject*'s, in the app's order.

        If the app's default is none of them, the first is theirs.
        """
        owned = [
            server
            for server in servers
            if self._whose.owns(subject, self._described(server))
        ]
        marked = any(server.get("is_default") for server in servers)
        if owned and marked and not any(each.get("is_default") for each in owned):
            owned[0] = {**owned[0], "is_default": True}
        return owned

    def told(self, subject: Subject, picker: Mapping[str, Any]) -> dict[str, Any]:
        """Return what *subject* is told of *picker*, the app's list and its default."""
        theirs = self.theirs(subject, picker.get("servers") or ())
        told = {**picker, "servers": theirs}
        if picker.get("default_id") not in {each.get("server_id") for each in theirs}:
            told["default_id"] = theirs[0].get("server_id") if theirs else None
        return told

    def all(self) -> tuple[Server, ...]:
        """Return the app's servers; none if it cannot tell."""
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

    def _described(self, server: Server) -> Server:
        """Return *server* with its id, where the app told its name only."""
        if "server_id" in server:
            return server
        same = [each for each in self.all() if each.get("name") == server.get("name")]
        return {**same[0], **server} if len(same) == 1 else server


def _same_name(server: Server, named: str) -> bool:
    return str(server.get("name", "")).casefold() == named.casefold()
