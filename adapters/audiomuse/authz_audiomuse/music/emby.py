"""Emby (dev.emby.media)."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from authz_audiomuse.music.http import Value
from authz_audiomuse.music.mediabrowser import MediaBrowser
from authz_audiomuse.music.port import Credential


class Emby(MediaBrowser):
    """An Emby server."""

    root = "/emby"
    scheme = "Emby"

    def is_it(self, about: Mapping[str, Any]) -> bool:
        """Return whether it is Emby, which does not name its product."""
        return "ProductName" not in about and {"Id", "Version"} <= about.keys()

    def product(self, about: Mapping[str, Any]) -> str:  # noqa: ARG002 - it does not say
        """Return its name."""
        return "Emby Server"

    def self_path(self, credential: Credential) -> str:
        """Return where an account finds itself."""
        return f"/Users/{quote(credential.account_id, safe='')}"

    def new_playlist(
        self, credential: Credential, name: str, tracks: Sequence[str]
    ) -> str:
        """Make a playlist."""
        return self.id_in(
            self._call(
                "POST",
                "/Playlists",
                credential,
                query={
                    "Name": name,
                    "Ids": ",".join(tracks),
                    "UserId": credential.account_id,
                    "MediaType": "Audio",
                },
            )
        )

    def delete_playlist(self, credential: Credential | None, playlist: str) -> None:
        """Delete a playlist."""
        self._call(
            "POST", "/Items/Delete", self._held(credential), query={"Ids": playlist}
        )

    def _headers(
        self, credential: Credential | None, *, device: str
    ) -> Mapping[str, Value]:
        if credential is None:
            return super()._headers(None, device=device)
        return {"X-Emby-Token": credential.secret}
