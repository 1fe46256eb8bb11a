"""What a music server can do for us, whatever kind it is.

One suite of contract tests holds for every implementation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from authz_audiomuse.music.listed import ListedServer
from authz_audiomuse.music.secret import Secret


class Proof(StrEnum):
    """By what somebody shows that an account is theirs."""

    PASSWORD = "password"  # noqa: S105 - no password
    API_KEY = "api-key"


class Privacy(StrEnum):
    """Who sees a playlist that AudioMuse-AI made in somebody's account."""

    #: Everybody on the server, unless it is made private afterwards.
    CAN_BE_MADE = "can-be-made"
    #: Everybody on the server; there is no other kind of playlist.
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What this kind of server can do, and from which of its sources that is known."""

    #: What a person may enter, the best first; empty if the server has no accounts, so
    #: that everybody shares one.
    proofs: tuple[Proof, ...]
    #: Whether the password itself must be kept, because nothing else signs in.
    keeps_password: bool = False
    #: Whether an account may have no password.
    may_lack_password: bool = False
    #: Whether a name has to be entered with an API key, because the server does not
    #: say whose it is.
    key_needs_name: bool = False
    #: Whether what is kept is a token that can be given back.
    signs_out: bool = False
    #: After how many wrong passwords or keys in a row the server stops everybody at
    #: this address; None if it does not.
    wrong_in_a_row: int | None = None
    privacy: Privacy
    #: What to enter, in the words of the server's own pages.
    hint: str
    #: For each of these: the version, and the file or document where it can be read.
    evidence: Mapping[str, str]

    @property
    def has_accounts(self) -> bool:
        """Whether a person can have an account of their own."""
        return bool(self.proofs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What a person entered to connect an account."""

    proof: Proof
    secret: Secret
    #: The name on the music server; may be empty with an API key that says whose it is.
    account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What is kept of an account: enough to act in it, and no more."""

    #: The name on the music server.
    account: str
    #: The server's id of that account; empty if it does not have one.
    account_id: str = ""
    #: A token that the server gave for a password, the password itself, or an API key.
    secret: Secret
    #: Whether `secret` is an API key or a token; otherwise it is a password.
    is_key: bool
    #: Whether a password is sent as it is, because the server compares no tokens of it.
    is_plain: bool = False
    #: The id of the device that a token was given to; empty if there is none.
    device: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a server says of itself to anybody."""

    product: str
    version: str
    #: Whether it takes API keys; None if it does not say.
    takes_keys: bool | None = field(default=None)


class MusicServer(Protocol):
    """A listed server, spoken to in its own language.

    Every method raises `MusicFault` when the server fails, and only that.
    """

    listed: ListedServer
    capabilities: Capabilities

    def about(self) -> About:
        """Return what the server says of itself; nothing secret is sent."""
        ...

    def sign_in(self, entered: Entered) -> Credential:
        """Return what to keep of the account that *entered* opens."""
        ...

    def check(self, credential: Credential) -> None:
        """Return if *credential* still opens its account."""
        ...

    def sign_out(self, credential: Credential) -> None:
        """Give back what *credential* holds, where the server can take it back."""
        ...

    def make_private(self, credential: Credential, playlist: str) -> None:
        """Hide the account's playlist with the id *playlist* from everybody else."""
        ...
