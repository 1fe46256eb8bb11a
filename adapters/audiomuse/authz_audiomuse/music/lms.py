"""Lightweight Music Server: API keys, which each person makes in its settings.

It stores no password that a salted token could be compared with, so it takes only
keys. It has no call that says whose a key is, so a person enters their name as well,
and it is asked whether the key is theirs.
"""

from collections.abc import Sequence
from dataclasses import replace

from authz_audiomuse.music.http import Value
from authz_audiomuse.music.port import (
    Capabilities,
    Credential,
    Entered,
    Privacy,
    Proof,
)
from authz_audiomuse.music.subsonic import Subsonic


class LightweightMusicServer(Subsonic):
    """A Lightweight Music Server."""

    type_name = "lms"
    capabilities = Capabilities(
        proofs=(Proof.API_KEY,),
        key_needs_name=True,
        wrong_in_a_row=5,
        privacy=Privacy.CAN_BE_MADE,
        hint="Your name there, and your API key: you find it there under Settings, "
        "Subsonic API.",
        evidence={
            "proofs": "3.71.0, src/libs/subsonic/impl/SubsonicResource.cpp, "
            "authenticateUser: `t` is code 42, a bad key 44",
            "key_needs_name": "3.71.0, src/libs/subsonic/impl/SubsonicResource.cpp: no "
            "`tokenInfo`; endpoints/UserManagement.cpp: `getUser` answers for oneself, "
            "and to administrators for everybody",
            "wrong_in_a_row": "3.71.0, src/libs/services/auth/impl/LoginThrottler.cpp: "
            "five in a row from one address stop all from there for three seconds",
            "privacy": "3.71.0, src/libs/subsonic/impl/endpoints/Playlists.cpp: "
            "updatePlaylist without `public` makes it private, with it public",
        },
    )

    def with_key(self, entered: Entered) -> Credential:
        """Return the account of an API key, if it is the one that was named."""
        credential = Credential(
            account=entered.account, secret=entered.secret, is_key=True
        )
        return replace(credential, account=self.owner(credential))

    def privately(self) -> Sequence[tuple[str, Value]]:
        """Return nothing: whatever `public` says, that it is there makes it public."""
        return []
