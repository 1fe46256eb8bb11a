"""Lightweight Music Server: API keys, which each person makes in its settings.

It stores no password that a salted token could be compared with, so it takes only keys;
and a key stands alone: a name beside it is an error (code 43).
"""

from collections.abc import Sequence
from dataclasses import replace

from authz_audiomuse.music.http import Value
from authz_audiomuse.music.port import Capabilities, Credential, Entered, Proof
from authz_audiomuse.music.subsonic import Subsonic


class LightweightMusicServer(Subsonic):
    """A Lightweight Music Server."""

    type_name = "lms"
    capabilities = Capabilities(
        proofs=(Proof.API_KEY,),
        hint="An API key of your own: make one there under Settings, Subsonic API.",
    )

    def sign_in(self, entered: Entered) -> Credential:
        """Return the account that the key belongs to."""
        self.about()
        credential = Credential(
            account=entered.account, secret=entered.secret, is_key=True
        )
        return replace(credential, account=self.account_of(credential))

    def identify(self, credential: Credential) -> Sequence[tuple[str, Value]]:
        """Return the key, and nothing beside it."""
        return [("apiKey", credential.secret)]
