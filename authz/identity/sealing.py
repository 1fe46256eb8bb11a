"""Secrets that seal what is kept in a store, so that only who has them can read it.

Fernet (AES-128-CBC with HMAC-SHA256, github.com/fyno/fernet-spec). It has no room for
associated data: what a value is bound to is sealed with it, and compared when it is
opened.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from authz.errors import InvalidValue

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}=")
_SEPARATORS: Final = re.compile(r"[\s,]+")


class Seal:
    """Seals and opens values. The first secret seals, all of them open."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Use *secrets*, one at least, as `read_secrets` reads them."""
        self._newest = Fernet(secrets[0])
        self._any = MultiFernet([Fernet(secret) for secret in secrets])

    def seal(self, values: Mapping[str, Any]) -> str:
        """Return *values*, which JSON can hold, sealed as ASCII text."""
        return self._newest.encrypt(json.dumps(values).encode()).decode("ascii")

    def open(self, sealed: str) -> Any:
        """Return what was sealed; None if no secret opens it.

        It raises nothing, so that no traceback leads back to what was sealed.
        """
        try:
            return json.loads(self._any.decrypt(sealed.encode()))
        except (InvalidToken, ValueError):
            return None

    def is_current(self, sealed: str) -> bool:
        """Return whether the first secret sealed *sealed*."""
        try:
            self._newest.decrypt(sealed.encode())
        except (InvalidToken, ValueError):
            return False
        return True


def new_secret() -> str:
    """Return a new secret, in the form that settings take."""
    return Fernet.generate_key().decode("ascii")


def read_secrets(text: str) -> tuple[str, ...]:
    """Return the secrets in *text*, between commas or blanks, the newest first.

    Raises:
        InvalidValue: if one is none; the message never holds one.
    """
    secrets = tuple(part for part in _SEPARATORS.split(text) if part)
    for number, secret in enumerate(secrets, start=1):
        if not _SECRET.fullmatch(secret):
            raise InvalidValue(
                f"key {number} is not a key",
                "make one with `authz secrets generate-key`",
            )
    return secrets
