"""Navidrome: a name and a password, or an API key where it lists them."""

from authz_audiomuse.music.port import Capabilities, Privacy, Proof
from authz_audiomuse.music.subsonic import Subsonic


class Navidrome(Subsonic):
    """A Navidrome server."""

    type_name = "navidrome"
    capabilities = Capabilities(
        proofs=(Proof.PASSWORD, Proof.API_KEY),
        keeps_password=True,
        privacy=Privacy.CAN_BE_MADE,
        hint="Your name and password there. The password is kept, encrypted, because "
        "Navidrome gives nothing else to sign in with.",
        evidence={
            "proofs": "0.63.2, server/subsonic/middlewares.go and opensubsonic.go: a "
            "name with a salted token or a password; no API keys, none listed",
            "privacy": "0.63.2, server/subsonic/playlists.go: `public` of "
            "updatePlaylist",
        },
    )
