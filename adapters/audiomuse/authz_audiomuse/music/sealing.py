"""Credentials as they lie in a database: sealed, and for one person and server only.

What a credential is bound to lies inside the sealed payload and is compared when it is
opened: moved to another person's row, it does not open.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Final

from authz import AuthzError, InvalidValue
from authz.integration import sealing
from authz_audiomuse.music.secret import Secret

_FORMAT: Final = 1


class SealError(AuthzError):
    """A credential cannot be sealed or opened. Never holds one."""


class NoKey(SealError):
    """There is no key, so nothing is stored and nothing can be opened."""

    def __init__(self) -> None:
        super().__init__(
            "there is no key to seal credentials with: set AUTHZ_ENCRYPTION_KEY "
            "(make one with `authz secrets generate-key`)"
        )


class Unopenable(SealError):
    """What is stored was sealed with another key, for somebody else, or changed."""


def parse_keys(text: str) -> tuple[Secret, ...]:
    """Return the keys in *text*, separated by commas or line ends, newest first.

    Raises `InvalidValue`; the message never holds a key.
    """
    keys = sealing.read_secrets(text)
    if len(set(keys)) < len(keys):
        raise InvalidValue("a key stands there twice", "name each key once")
    return tuple(map(Secret, keys))


class Seal:
    """Seals and opens credentials. The newest key seals, all of them open."""

    def __init__(self, keys: Sequence[Secret]) -> None:
        """Use *keys*, newest first; with none, nothing can be sealed or opened."""
        secrets = [key.reveal() for key in keys]
        self._seal = sealing.Seal(secrets) if secrets else None

    def __bool__(self) -> bool:
        """Whether there is a key."""
        return self._seal is not None

    def seal(self, values: Mapping[str, str], *, person: str, server: str) -> str:
        """Return *values* sealed for *person* and *server*, as ASCII text.

        Raises:
            NoKey: if there is none.
        """
        if self._seal is None:
            raise NoKey
        payload = {"v": _FORMAT, "for": [person, server], "values": dict(values)}
        return self._seal.seal(payload)

    def open(self, sealed: str, *, person: str, server: str) -> dict[str, Secret]:
        """Return what was sealed for *person* and *server*.

        Raises:
            NoKey: if there is no key.
            Unopenable: if no key opens it, or it was sealed for somebody else.
        """
        if self._seal is None:
            raise NoKey
        payload = self._seal.open(sealed)
        if payload is None:
            raise Unopenable(
                f"the credential of `{person}` for `{server}` does not open: keep the "
                "old key behind the new one in AUTHZ_ENCRYPTION_KEY, or link again"
            )
        if payload.get("v") != _FORMAT or not _same(
            payload.get("for"), [person, server]
        ):
            raise Unopenable(
                f"what is stored for `{person}` and `{server}` was sealed for somebody "
                "else: somebody changed the database; link again"
            )
        return {key: Secret(value) for key, value in payload["values"].items()}

    def is_current(self, sealed: str) -> bool:
        """Return whether the newest key sealed *sealed*."""
        if self._seal is None:
            raise NoKey
        return self._seal.is_current(sealed)


def _same(one: object, other: object) -> bool:
    return hmac.compare_digest(json.dumps(one).encode(), json.dumps(other).encode())
