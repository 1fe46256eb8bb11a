"""Jellyfin (api.jellyfin.org)."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from authz_audiomuse.music.mediabrowser import MediaBrowser
from authz_audiomuse.music.port import Credential


class Jellyfin(MediaBrowser):
    """A Jellyfin server."""

    root = ""
    scheme = "MediaBrowser"

    def is_it(self, about: Mapping[str, Any]) -> bool:
        """Return whether it is Jellyfin: only it names its product."""
        return str(about.get("ProductName", "")).startswith("Jellyfin")

    def product(self, about: Mapping[str, Any]) -> str:
        """Return its name and edition."""
        return str(about["ProductName"])

    def self_path(self, credential: Credential) -> str:  # noqa: ARG002 - the token says who
        """Return where an account finds itself."""
        return "/Users/Me"

    def new_playlist(
        self, credential: Credential, name: str, tracks: Sequence[str]
    ) -> str:
        """Make a playlist that only its owner sees."""
        return self.id_in(
            self._call(
                "POST",
                "/Playlists",
                credential,
                document={
                    "Name": name,
                    "Ids": list(tracks),
                    "UserId": credential.account_id,
                    "MediaType": "Audio",
                    "IsPublic": False,
                },
            )
        )

    def delete_playlist(self, credential: Credential | None, playlist: str) -> None:
        """Delete a playlist."""
        self._call(
            "DELETE", f"/Items/{quote(playlist, safe='')}", self._held(credential)
        )
