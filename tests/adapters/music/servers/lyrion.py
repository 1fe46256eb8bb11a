"""Lyrion Music Server, as far as its CLI reference describes what we use.

lyrion.org/reference/cli. There are no accounts; a command that it does not understand
is answered by an empty object.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.adapters.music.servers.loopback import Loopback, Seen


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
        assert asked["method"] == "slim.request"
        player, command = asked["params"]
        assert not player, "a player was named: its queue would be replaced"
        result = self._command(command)
        return 200, {} if result is None else {**asked, "result": result}

    def _command(self, command: list[Any]) -> dict[str, Any] | None:
        tags = dict(str(part).split(":", 1) for part in command if ":" in str(part))
        match command:
            case ["version", "?"]:
                return {"_version": "9.0.2"}
            case ["playlists", "new", *_]:
                made = str(len(self.lists) + 345)
                self.lists[made] = (tags["name"], [])
                return {"playlist_id": made}
        return None
