"""Who guesses at a password, and how often they may before they have to wait."""

import hashlib
from dataclasses import dataclass
from typing import Final, NamedTuple

#: Seconds after which a wrong guess is forgotten, and so the longest delay.
WINDOW: Final = 30


class Limit(NamedTuple):
    """So many wrong guesses in so many seconds, counted by themselves."""

    amount: int
    namespace: str
    seconds: int = WINDOW


PER_ACCOUNT: Final = Limit(5, "authz-account")
PER_CLIENT: Final = Limit(20, "authz-client")
PER_DEVICE: Final = Limit(5, "authz-device")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesser:
    """Who guesses at the password of an account."""

    #: The account's name, as it was typed in.
    name: str
    #: The address of the client, as `ClientAddress.subscriber` has it.
    client: str
    #: The browser, if somebody has signed in to this account in it before.
    device: str | None = None

    @property
    def counts(self) -> tuple[tuple[Limit, str], ...]:
        """What counts the guesses, by a key for each.

        A browser that is known is counted by itself alone: whatever strangers do, at
        whatever addresses, keeps nobody out of their account who was in it before.
        """
        if self.device is not None:
            return ((PER_DEVICE, f"{_digest(self.name)}-{_digest(self.device)}"),)
        return ((PER_CLIENT, _digest(self.client)), (PER_ACCOUNT, _digest(self.name)))


# A client chooses the name: neither its length nor its characters reach a storage, and
# nobody reads there who signs in from where.


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
