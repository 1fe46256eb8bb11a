"""Navidrome: a name and a password, or an API key where it offers them."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace

from authz_audiomuse.music.http import Value
from authz_audiomuse.music.port import Capabilities, Credential, Entered, Proof
from authz_audiomuse.music.secret import Secret
from authz_audiomuse.music.subsonic import Subsonic

_SALT_BYTES = 16


class Navidrome(Subsonic):
    """A Navidrome server."""

    type_name = "navidrome"
    capabilities = Capabilities(
        proofs=(Proof.PASSWORD, Proof.API_KEY),
        keeps_password=True,
        hint="Your name and password there. The password is kept, encrypted, because "
        "Navidrome gives nothing else to sign in with. If your version offers API "
        "keys, use one.",
    )

    def sign_in(self, entered: Entered) -> Credential:
        """Return the account, after a `ping` in its name."""
        self.about()
        credential = Credential(
            account=entered.account,
            secret=entered.secret,
            is_key=entered.proof is Proof.API_KEY,
        )
        if credential.is_key:
            return replace(credential, account=self.account_of(credential))
        self.check(credential)
        return credential

    def identify(self, credential: Credential) -> Sequence[tuple[str, Value]]:
        """Return a token of the password with fresh salt, or the API key."""
        if credential.is_key:
            return [("apiKey", credential.secret)]
        salt = secrets.token_hex(_SALT_BYTES)
        # MD5 is what the protocol asks for; the connection is what keeps it safe.
        token = hashlib.md5(
            (credential.secret.reveal() + salt).encode(), usedforsecurity=False
        ).hexdigest()
        return [("u", credential.account), ("t", Secret(token)), ("s", salt)]
