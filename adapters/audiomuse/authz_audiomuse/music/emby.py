"""Emby (dev.emby.media)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from authz_audiomuse.music.http import Value
from authz_audiomuse.music.mediabrowser import CAPABILITIES, MediaBrowser
from authz_audiomuse.music.port import Credential


class Emby(MediaBrowser):
    """An Emby server."""

    root = "/emby"
    scheme = "Emby"
    capabilities = replace(
        CAPABILITIES,
        evidence={
            "proofs": "OpenAPI document of 4.9.5: POST /Users/AuthenticateByName with "
            "`X-Emby-Authorization`",
            "may_lack_password": "OpenAPI document of 4.9.5: `Pw` is not required",
            "signs_out": "OpenAPI document of 4.9.5: POST /Sessions/Logout",
            "privacy": "OpenAPI document of 4.9.5: POST /Items/{Id}/MakePrivate",
        },
    )

    def is_it(self, about: Mapping[str, Any]) -> bool:
        """Return whether it is Emby, which does not name its product."""
        return "productname" not in about and {"id", "version"} <= about.keys()

    def self_path(self, credential: Credential) -> str:
        """Return where an account finds itself."""
        return f"/Users/{quote(credential.account_id, safe='')}"

    def make_private(self, credential: Credential, playlist: str) -> None:
        """Hide a playlist of the account from everybody else."""
        self.call("POST", f"/Items/{quote(playlist, safe='')}/MakePrivate", credential)

    def headers(
        self, credential: Credential | None, *, device: str
    ) -> Mapping[str, Value]:
        """Return what says who asks; a token has a header of its own."""
        if credential is not None:
            return {"X-Emby-Token": credential.secret}
        # The OpenAPI document of 4.9.5 asks for the second, older pages for the first.
        fields = super().headers(None, device=device)["Authorization"]
        return {"Authorization": fields, "X-Emby-Authorization": fields}
