"""Linked accounts: which account on a music server is whose.

One suite of contract tests holds for every store of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from authz_audiomuse.music.faults import Fault


class Mode(StrEnum):
    """Where a person's playlists on a server go."""

    #: Into an account of their own.
    OWN = "own"
    #: Into the one that AudioMuse-AI itself uses, "as admin". Said by an administrator.
    SHARED = "shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What is kept of one person on one server."""

    #: The subject's name, `user:alice`.
    person: str
    #: The id of the server.
    server: str
    mode: Mode
    #: What they are called there; empty if they share.
    account: str = ""
    #: The credential, sealed for this person and server; empty if they share.
    sealed: str = field(default="", repr=False)
    #: Why the account could not be used when it was last looked at; None if it could.
    fault: Fault | None = None
    #: When it was last signed in to, or that was tried.
    checked: datetime | None = None
    linked: datetime
    #: The name of who linked it.
    linked_by: str
    #: Whether authz kept the person among its people then: when it does not any more,
    #: they have left.
    known: bool = False
    #: Whether playlists made in the account are hidden from others there.
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A token of a link that is over, which is still to be given back."""

    #: The number under which a store keeps it.
    id: int
    person: str
    server: str
    #: Sealed as it was in the link.
    sealed: str = field(repr=False)
    #: Since when the link is over.
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPage:
    """Some of the links, and how many there are."""

    links: tuple[Link, ...]
    total: int


class LinkStore(Protocol):
    """Where linked accounts are kept. Every method may raise `StoreError`."""

    def find(self, person: str, server: str) -> Link | None:
        """Return what is kept of *person* on *server*."""
        ...

    def of(self, person: str) -> Sequence[Link]:
        """Return everything kept of *person*, by server."""
        ...

    def page(self, *, search: str = "", limit: int, offset: int = 0) -> LinkPage:
        """Return links by person and server, whose person or account holds *search*."""
        ...

    def put(self, link: Link) -> None:
        """Keep *link* in place of what was kept of this person and server."""
        ...

    def note(
        self, link: Link, *, fault: Fault | None, checked: datetime
    ) -> Link | None:
        """Note how the account of *link* was found, and return the link as it is now.

        None, and nothing is noted, if another account was linked meanwhile.
        """
        ...

    def reseal(self, link: Link, sealed: str) -> bool:
        """Keep *sealed* in place of what *link* holds, unless that was replaced."""
        ...

    def remove(self, person: str, server: str) -> bool:
        """Forget *person* on *server*; return whether anything was kept."""
        ...

    def forget(self, person: str) -> int:
        """Forget everything kept of *person*; return of how many servers."""
        ...

    def due(self, before: datetime, *, limit: int) -> Sequence[Link]:
        """Return own accounts not looked at since *before*, the longest ago first.

        Those too whose server could not say anything of them when it was last asked.
        """
        ...

    def end(self, link: Link, *, since: datetime) -> Ended:
        """Keep what *link* holds until it was given back; the link itself stays."""
        ...

    def ended(self, *, limit: int) -> Sequence[Ended]:
        """Return what is still to be given back, the oldest first."""
        ...

    def settle(self, ended: Ended) -> None:
        """Forget *ended*: it was given back, or never will be."""
        ...
