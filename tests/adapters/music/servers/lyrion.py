"""Lyrion Music Server, as far as we use it.

What its CLI reference says (lyrion.org/reference/cli), its source does
(Slim/Web/JSONRPC.pm), and 7.7.1 did, which was still called Logitech Media Server and
was run: there are no accounts, and what it does not understand ends the connection.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.adapters.music.servers.loopback import HangUp, Loopback, Seen


@dataclass
class FakeLyrion(Loopback):
    """Lyrion 9.0."""

    #: Playlists by id: name, addresses of the tracks.
    lists: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    def owners(self) -> dict[str, str]:
        """Return the playlists; nobody owns one."""
        return {name: "" for name, _ in self.lists.values()}

    def answer(self, request: Seen) -> tuple[int, Any]:
        """Answer as the product does."""
        if request.path != "/jsonrpc.js" or request.method != "POST":
            return 404, None
        asked = request.document
        if asked["method"] != "slim.request":
            raise HangUp
        player, command = asked["params"]
        assert not player, "a player was named: its queue would be replaced"
        return 200, {**asked, "result": self._command(command)}

    def _command(self, command: list[Any]) -> dict[str, Any]:
        tags = dict(str(part).split(":", 1) for part in command if ":" in str(part))
        match command:
            case ["version", "?"]:
                return {"_version": "9.0.2"}
            case ["playlists", "new", *_]:
                made = str(len(self.lists) + 345)
                self.lists[made] = (tags["name"], [])
                return {"playlist_id": made}
        raise HangUp
