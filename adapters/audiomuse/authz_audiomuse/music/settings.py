"""The settings of music accounts."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from authz import InvalidValue, Problem, SettingsError
from authz.integration.settings import SETTINGS, Reader, Setting, defaulted, positive
from authz_audiomuse.music.listed import ListedServer, parse_servers
from authz_audiomuse.music.sealing import parse_keys
from authz_audiomuse.music.secret import Secret

MUSIC_SETTINGS: Final = (
    Setting(
        name="AUTHZ_MUSIC_SERVERS",
        help="The music servers, one a line (or separated by `;`): an id, a kind "
        "(`jellyfin`, `emby`, `navidrome`, `lms`, `lyrion`, or `opensubsonic` for any "
        "other that speaks its API) and an address, then other addresses that "
        "AudioMuse-AI may have for it. Nothing is sent anywhere else.",
        default="none: music accounts are off",
    ),
    Setting(
        name="AUTHZ_ENCRYPTION_KEY",
        help="What credentials are sealed with, from `authz secrets generate-key`. "
        "Several, newest first, separated by commas or line ends. Without one nothing "
        "is stored.",
        default="none",
        from_file=True,
    ),
    Setting(
        name="AUTHZ_MUSIC_STORE",
        help="The database of linked accounts: `sqlite:////config/music.db` or "
        "`postgresql://user:password@host/name`.",
        default="`AUTHZ_STORE`; if that is not set, `sqlite:///music.db`",
        from_file=True,
    ),
    Setting(
        name="AUTHZ_MUSIC_UNLINKED",
        help="What happens to playlists of people who have not connected an account: "
        "`shared` puts them into the account that AudioMuse-AI itself uses, `refuse` "
        "asks them to connect first.",
        default="shared",
    ),
    Setting(
        name="AUTHZ_MUSIC_CA",
        help="A file of certificate authorities to trust for music servers, besides "
        "those of the system.",
        default="none",
    ),
    Setting(
        name="AUTHZ_MUSIC_HTTP_HOSTS",
        help="Hosts outside of your own network that may be spoken to without TLS, "
        "separated by commas. Passwords can be read on the way.",
        default="none",
    ),
    Setting(
        name="AUTHZ_MUSIC_TIMEOUT",
        help="How long a music server may take for one answer, to its last byte, in "
        "seconds; a sign-in with all its questions takes no longer either.",
        default="10",
    ),
    Setting(
        name="AUTHZ_MUSIC_CHECK_HOURS",
        help="How often each linked account is signed in to again, in hours.",
        default="24",
    ),
)


class Unlinked(StrEnum):
    """What happens to playlists of people without an account of their own."""

    SHARED = "shared"
    REFUSE = "refuse"


def _unlinked(text: str) -> Unlinked:
    if text not in set(Unlinked):
        raise InvalidValue(f"`{text[:80]}` is neither", "write `shared` or `refuse`")
    return Unlinked(text)


_UNLINKED: Final = defaulted("AUTHZ_MUSIC_UNLINKED", _unlinked, MUSIC_SETTINGS)
_TIMEOUT: Final = defaulted("AUTHZ_MUSIC_TIMEOUT", positive, MUSIC_SETTINGS)
_CHECK_HOURS: Final = defaulted("AUTHZ_MUSIC_CHECK_HOURS", positive, MUSIC_SETTINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicSettings:
    """What the operator decided about music accounts."""

    servers: tuple[ListedServer, ...] = ()
    keys: tuple[Secret, ...] = ()
    #: The database for linked accounts alone, or None. May hold a password.
    store: str | None = field(default=None, repr=False)
    #: The database that authz itself uses, or None. Likewise.
    authz_store: str | None = field(default=None, repr=False)
    unlinked: Unlinked = _UNLINKED.default
    ca: Path | None = None
    http_hosts: frozenset[str] = frozenset()
    timeout: float = _TIMEOUT.default
    check_hours: float = _CHECK_HOURS.default
    warnings: tuple[Problem, ...] = ()

    @property
    def store_url(self) -> str:
        """Where linked accounts are kept."""
        return self.store or self.authz_store or "sqlite:///music.db"


def read_music_settings(
    config: Mapping[str, Any], environ: Mapping[str, str]
) -> MusicSettings:
    """Read the settings of music accounts from an app's *config* and the *environ*.

    Raises `SettingsError` with every problem found.
    """
    store_of_authz = (setting for setting in SETTINGS if setting.name == "AUTHZ_STORE")
    reader = Reader(config, environ, (*MUSIC_SETTINGS, *store_of_authz))
    settings = MusicSettings(
        servers=reader.parse("AUTHZ_MUSIC_SERVERS", parse_servers, ()),
        keys=reader.parse("AUTHZ_ENCRYPTION_KEY", parse_keys, ()),
        store=reader.parse("AUTHZ_MUSIC_STORE", str, None),
        authz_store=reader.parse("AUTHZ_STORE", str, None),
        unlinked=reader.read(_UNLINKED),
        ca=reader.parse("AUTHZ_MUSIC_CA", _file, None),
        http_hosts=reader.parse("AUTHZ_MUSIC_HTTP_HOSTS", _hosts, frozenset()),
        timeout=reader.read(_TIMEOUT),
        check_hours=reader.read(_CHECK_HOURS),
    )
    _check_addresses(reader, settings)
    if reader.problems:
        raise SettingsError(reader.problems)
    return replace(settings, warnings=tuple(reader.warnings))


def _check_addresses(reader: Reader, settings: MusicSettings) -> None:
    where = "AUTHZ_MUSIC_SERVERS"
    for server in settings.servers:
        address = server.address
        if not address.is_plain:
            continue
        if not address.is_private and address.host.lower() not in settings.http_hosts:
            reader.problem(
                where,
                f"`{address}` is not in your own network and has no TLS, so anybody "
                "on the way could read passwords",
                "use https, or name the host in AUTHZ_MUSIC_HTTP_HOSTS",
            )
            continue
        reader.warnings.append(
            Problem(
                where=where,
                message=f"passwords travel to `{address}` as they are",
                hint="use https unless nobody else is on that network",
            )
        )


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise InvalidValue(f"there is no file `{text}`", "check the path")
    return path


def _hosts(text: str) -> frozenset[str]:
    return frozenset(
        unicodedata.normalize("NFC", part.strip()).lower()
        for part in text.split(",")
        if part.strip()
    )
