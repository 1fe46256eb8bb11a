"""Any other server that speaks the Subsonic API."""

from authz_audiomuse.music.port import Capabilities, Privacy, Proof
from authz_audiomuse.music.subsonic import Subsonic


class OpenSubsonic(Subsonic):
    """A server that is told apart by what it says it can do, not by its name."""

    type_name = ""
    capabilities = Capabilities(
        proofs=(Proof.PASSWORD, Proof.API_KEY),
        keeps_password=True,
        privacy=Privacy.CAN_BE_MADE,
        hint="Your name and password there; the password is kept, encrypted. Better an "
        "API key, where the server offers them.",
        evidence={
            "proofs": "opensubsonic.netlify.app: `getOpenSubsonicExtensions` lists "
            "`apiKeyAuthentication` where keys are taken",
            "privacy": "opensubsonic.netlify.app: `public` of updatePlaylist",
        },
    )
