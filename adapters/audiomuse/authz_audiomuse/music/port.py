"""What a music server can do for us, whatever kind it is.

One suite of contract tests holds for every implementation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from authz_audiomuse.music.listed import ListedServer
from authz_audiomuse.music.secret import Secret


class Proof(StrEnum):
    """By what somebody shows that an account is theirs."""

    PASSWORD = "password"  # noqa: S105 - no password
    API_KEY = "api-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What this kind of server can do."""

    #: What a person may enter, the best first; empty if the server has no accounts, so
    #: that everybody shares one.
    proofs: tuple[Proof, ...]
    #: Whether the password itself must be kept, because nothing else signs in.
    keeps_password: bool = False
    #: What to enter, in the words of the server's own pages.
    hint: str

    @property
    def has_accounts(self) -> bool:
        """Whether a person can have an account of their own."""
        return bool(self.proofs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What a person entered to connect an account."""

    proof: Proof
    secret: Secret
    #: The name on the music server; may be empty with an API key.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a server says of itself to anybody."""

    product: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Playlist:
    """A playlist as the server lists it."""

    id: str
    name: str
    #: Whose it is; empty if the server does not say.
    owner: str = field(default="")


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

    def playlists(self, credential: Credential | None) -> Iterator[Playlist]:
        """Yield the playlists of the account, or the shared ones."""
        ...

    def create_playlist(
        self, credential: Credential | None, name: str, tracks: Sequence[str]
    ) -> str:
        """Make a playlist of *tracks*, in this order, and return its id.

        If it cannot be filled, what was made of it is taken away again.
        """
        ...

    def delete_playlist(self, credential: Credential | None, playlist: str) -> None:
        """Delete the playlist with the id *playlist*."""
        ...
