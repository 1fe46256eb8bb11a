"""The settings of this adapter, for authz to know that they are no misspellings."""

from typing import Final

from authz.settings import Setting
from authz_audiomuse.music.settings import MUSIC_SETTINGS

SETTINGS: Final[tuple[Setting, ...]] = (*MUSIC_SETTINGS,)
