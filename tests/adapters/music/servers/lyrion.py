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
    unknown_tracks: set[str] = field(default_factory=set)
    #: What is playing; nobody may touch it.
    queue: list[str] = field(default_factory=list)

    def tracks(self, playlist: str) -> list[str]:
        """Return what is in a playlist."""
        return [url.rpartition("/")[2] for url in self.lists[playlist][1]]

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

    def _command(self, command: list[Any]) -> dict[str, Any] | None:  # noqa: C901
        tags = dict(str(part).split(":", 1) for part in command if ":" in str(part))
        match command:
            case ["version", "?"]:
                return {"_version": "9.0.2"}
            case ["songinfo", 0, int(), *_]:
                if tags["track_id"] in self.unknown_tracks:
                    return {}
                return {
                    "songinfo_loop": [
                        {"id": tags["track_id"]},
                        {"title": f"Song: {tags['track_id']}"},
                        {"url": f"file:///music/{tags['track_id']}"},
                    ]
                }
            case ["playlists", int(start), int(limit)]:
                found = [
                    {"id": id_, "playlist": name}
                    for id_, (name, _) in self.lists.items()
                ]
                page = found[start : start + limit]
                return {
                    "count": len(found),
                    **({"playlists_loop": page} if page else {}),
                }
            case ["playlists", "new", *_]:
                for id_, (name, _) in self.lists.items():
                    if name == tags["name"]:
                        return {"overwritten_playlist_id": id_}
                made = str(len(self.lists) + 345)
                self.lists[made] = (tags["name"], [])
                return {"playlist_id": made}
            case ["playlists", "edit", "cmd:add", *_]:
                if tags["playlist_id"] not in self.lists:
                    return None
                self.lists[tags["playlist_id"]][1].append(tags["url"])
                return {}
            case ["playlists", "delete", *_]:
                return {} if self.lists.pop(tags["playlist_id"], None) else None
        return None
