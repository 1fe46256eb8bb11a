"""The settings of this adapter, for authz to know that they are no misspellings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from authz import SettingsError
from authz.integration.settings import Reader, Setting
from authz_audiomuse.music.settings import MUSIC_SETTINGS

HOST_SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        name="AUTHZ_AUDIOMUSE_SERVERS",
        help="Music servers that people who are no administrators see and may choose "
        "in AudioMuse-AI beside its default one, by id or name, separated by commas; "
        "`*`: all of them.",
        default="only the default one",
    ),
    Setting(
        name="AUTHZ_AUDIOMUSE_FIELDS",
        help="A file like the shipped `fields.toml`, whose entries come before those "
        "of the shipped one.",
        default="none",
    ),
)
SETTINGS: Final[tuple[Setting, ...]] = (*HOST_SETTINGS, *MUSIC_SETTINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """What the operator decided about the app itself."""

    servers: frozenset[str] = frozenset()
    fields: Path | None = None


def read_host_settings(
    config: Mapping[str, Any], environ: Mapping[str, str]
) -> HostSettings:
    """Read the settings from an app's *config* and the *environ*.

    Raises `SettingsError` with every problem found.
    """
    reader = Reader(config, environ, HOST_SETTINGS)
    settings = HostSettings(
        servers=reader.parse("AUTHZ_AUDIOMUSE_SERVERS", _names, frozenset()),
        fields=reader.parse("AUTHZ_AUDIOMUSE_FIELDS", Path, None),
    )
    if reader.problems:
        raise SettingsError(reader.problems)
    return settings


def _names(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())
