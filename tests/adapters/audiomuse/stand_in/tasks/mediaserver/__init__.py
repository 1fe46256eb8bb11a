"""Makes playlists on the music server, as AudioMuse-AI's modules are seen to."""

import config
from authz_audiomuse.music.listed import ServerKind

from tasks.mediaserver import context
from tests.adapters.music.stand_in import MAKERS


def is_set_up():
    """Whether there is a music server."""
    return bool(context.own_creds().get("url"))


def create_playlist(name, tracks, user_creds=None):
    """Make a playlist and return its id; None if the server refused."""
    asked = context.active_creds(user_creds)
    # What is missing comes from the account that everybody shares.
    creds = {**context.own_creds(), **(asked or {})}
    return MAKERS[ServerKind(config.MEDIASERVER_TYPE)](creds, name, tracks)
