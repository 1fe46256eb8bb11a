"""Jellyfin (api.jellyfin.org)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from authz_audiomuse.music.mediabrowser import CAPABILITIES, MediaBrowser
from authz_audiomuse.music.port import Credential


class Jellyfin(MediaBrowser):
    """A Jellyfin server."""

    root = ""
    scheme = "MediaBrowser"
    capabilities = replace(
        CAPABILITIES,
        evidence={
            "proofs": "10.8.13 to 12.0-rc5, Jellyfin.Api/Controllers/"
            "UserController.cs, AuthenticateByName",
            "may_lack_password": "12.0-rc5, Jellyfin.Server.Implementations/Users/"
            "DefaultAuthenticationProvider.cs: an empty password opens an account "
            "without one",
            "signs_out": "12.0-rc5, Jellyfin.Api/Controllers/SessionController.cs: "
            "POST /Sessions/Logout ends the token it comes with",
            "privacy": "10.9.11 to 12.0-rc5, Jellyfin.Api/Models/PlaylistDtos/"
            "CreatePlaylistDto.cs: public unless said otherwise; "
            "PlaylistsController.cs: POST /Playlists/{id} with `IsPublic`",
        },
    )

    def is_it(self, about: Mapping[str, Any]) -> bool:
        """Return whether it is Jellyfin: only it names its product."""
        return str(about.get("productname", "")).startswith("Jellyfin")

    def self_path(self, credential: Credential) -> str:  # noqa: ARG002 - the token says who
        """Return where an account finds itself."""
        return "/Users/Me"

    def make_private(self, credential: Credential, playlist: str) -> None:
        """Hide a playlist of the account from everybody else (10.9 and newer)."""
        self.call(
            "POST",
            f"/Playlists/{quote(playlist, safe='')}",
            credential,
            document={"IsPublic": False},
        )
