"""The commands that come with the adapter, for the list of all; imported when run."""

from typing import Final

from authz.integration.commands import Command

MUSIC: Final = Command(
    "authz_audiomuse.music.commands:music",
    "Connect people's music accounts, and check them.",
)
AUDIOMUSE: Final = Command(
    "authz_audiomuse.commands:audiomuse", "Look at the AudioMuse-AI in this folder."
)
