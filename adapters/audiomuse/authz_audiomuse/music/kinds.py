"""Which module speaks to which kind of server."""

from collections.abc import Mapping
from typing import Final

from authz_audiomuse.music.emby import Emby
from authz_audiomuse.music.http import HttpClient
from authz_audiomuse.music.jellyfin import Jellyfin
from authz_audiomuse.music.listed import ServerKind
from authz_audiomuse.music.lms import LightweightMusicServer
from authz_audiomuse.music.lyrion import Lyrion
from authz_audiomuse.music.mediabrowser import MediaBrowser
from authz_audiomuse.music.navidrome import Navidrome
from authz_audiomuse.music.opensubsonic import OpenSubsonic
from authz_audiomuse.music.port import MusicServer
from authz_audiomuse.music.settings import MusicSettings
from authz_audiomuse.music.subsonic import Subsonic

KINDS: Final[
    Mapping[ServerKind, type[MediaBrowser] | type[Subsonic] | type[Lyrion]]
] = {
    ServerKind.JELLYFIN: Jellyfin,
    ServerKind.EMBY: Emby,
    ServerKind.NAVIDROME: Navidrome,
    ServerKind.LMS: LightweightMusicServer,
    ServerKind.LYRION: Lyrion,
    ServerKind.OPENSUBSONIC: OpenSubsonic,
}


def music_servers(settings: MusicSettings) -> Mapping[str, MusicServer]:
    """Return every listed server by its id, ready to be called."""
    return {
        listed.id: KINDS[listed.kind](
            HttpClient(
                listed,
                timeout=settings.timeout,
                ca=settings.ca,
                http_hosts=settings.http_hosts,
            )
        )
        for listed in settings.servers
    }
