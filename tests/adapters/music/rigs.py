"""A music server of each kind, and the module that speaks to it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from authz_audiomuse.music.kinds import music_servers
from authz_audiomuse.music.listed import ListedServer, ServerKind, parse_address
from authz_audiomuse.music.port import Credential, Entered, MusicServer, Proof
from authz_audiomuse.music.secret import Secret
from authz_audiomuse.music.settings import MusicSettings

from tests.adapters.music.servers.loopback import Loopback
from tests.adapters.music.servers.lyrion import FakeLyrion
from tests.adapters.music.servers.mediabrowser import FakeEmby, FakeJellyfin
from tests.adapters.music.servers.subsonic import (
    FakeLms,
    FakeNavidrome,
    FakeOpenSubsonic,
)

#: What must never be seen anywhere. The second is hostile to headers, forms and JSON.
CAROLS, DANS = "carol's S3cret", 'dan"s \\ pässword&=%\u2603'

FAKES: dict[ServerKind, Callable[[], Any]] = {
    ServerKind.JELLYFIN: FakeJellyfin,
    ServerKind.EMBY: FakeEmby,
    ServerKind.NAVIDROME: FakeNavidrome,
    ServerKind.LMS: FakeLms,
    ServerKind.LYRION: FakeLyrion,
    ServerKind.OPENSUBSONIC: FakeOpenSubsonic,
}

WITH_ACCOUNTS = [kind for kind in ServerKind if kind is not ServerKind.LYRION]


@dataclass
class Rig:
    """A fake server, and the real thing that calls it."""

    kind: ServerKind
    fake: Any
    music: MusicServer
    names: tuple[str, str] = ("carol", "dan")

    def entered(self, name: str = "carol", secret: str | None = None) -> Entered:
        """Return what *name* types, or somebody who gets the secret wrong."""
        right = {"carol": CAROLS, "dan": DANS}[name]
        proofs = self.music.capabilities.proofs
        proof = proofs[0] if proofs else Proof.PASSWORD
        return Entered(
            proof=proof,
            account=name,
            secret=Secret(right if secret is None else secret),
        )

    def account(self, name: str = "carol") -> Credential | None:
        """Return the account of *name*; None where there are no accounts."""
        if not self.music.capabilities.has_accounts:
            return None
        return self.music.sign_in(self.entered(name))


def at(
    address: str,
    kind: ServerKind = ServerKind.NAVIDROME,
    name: str = "home",
    **settings: Any,
) -> MusicServer:
    """Return the module for *kind*, which calls *address*."""
    server = ListedServer(id=name, kind=kind, address=parse_address(address))
    settings = {"timeout": 60.0, **settings}
    return music_servers(MusicSettings(servers=(server,), **settings))[name]


def connect(kind: ServerKind, fake: Loopback, **settings: Any) -> MusicServer:
    """Return the module for *kind*, which calls *fake*."""
    return at(fake.url, kind, **settings)


@contextmanager
def started(kind: ServerKind, **settings: Any) -> Iterator[Rig]:
    """Start a server of *kind* that knows carol and dan."""
    fake = FAKES[kind]()
    for name, secret in (("carol", CAROLS), ("dan", DANS)):
        if kind is ServerKind.LMS:
            fake.add_key(name, secret)
        elif kind is not ServerKind.LYRION:
            fake.add_account(name, secret)
    fake.start()
    try:
        yield Rig(kind, fake, connect(kind, fake, **settings))
    finally:
        fake.close()
