"""Settings of the stand-in: the environment, and over it what the set-up page stored.

Other modules read them as attributes of this one, at the moment of use. When the set-up
page has stored something the module is read again, in place.
"""

import importlib
import os
import sys

import stored

API_TOKEN = os.environ.get("API_TOKEN", "")
AUTH_ENABLED = os.environ.get("AUTH_ENABLED", "true").lower() == "true"
ENABLE_PROXY_FIX = os.environ.get("ENABLE_PROXY_FIX", "").lower() == "true"
#: The default music server, and the one account that it uses there. Without an
#: address no playlist is made; the app says what it was told instead.
MEDIASERVER_TYPE = os.environ.get("MEDIASERVER_TYPE", "jellyfin")
JELLYFIN_URL = os.environ.get("JELLYFIN_URL", "")
JELLYFIN_USER_ID = os.environ.get("JELLYFIN_USER_ID", "shared-account-id")
JELLYFIN_TOKEN = os.environ.get("JELLYFIN_TOKEN", "")
EMBY_URL = os.environ.get("EMBY_URL", "")
EMBY_USER_ID = os.environ.get("EMBY_USER_ID", "")
EMBY_TOKEN = os.environ.get("EMBY_TOKEN", "")
NAVIDROME_URL = os.environ.get("NAVIDROME_URL", "")
NAVIDROME_USER = os.environ.get("NAVIDROME_USER", "")
NAVIDROME_PASSWORD = os.environ.get("NAVIDROME_PASSWORD", "")
NAVIDROME_API_KEY = os.environ.get("NAVIDROME_API_KEY", "")
LYRION_URL = os.environ.get("LYRION_URL", "")
MEDIASERVER_CRED_KEY_BY_FIELD = {
    "JELLYFIN_URL": "url",
    "JELLYFIN_USER_ID": "user_id",
    "JELLYFIN_TOKEN": "token",
    "EMBY_URL": "url",
    "EMBY_USER_ID": "user_id",
    "EMBY_TOKEN": "token",
    "NAVIDROME_URL": "url",
    "NAVIDROME_USER": "user",
    "NAVIDROME_PASSWORD": "password",
    "NAVIDROME_API_KEY": "api_key",
    "LYRION_URL": "url",
}
#: Whether somebody has been through the set-up page; the real app asks its database.
SETUP_DONE = True

#: Whether the database was reached, so whether what is stored lies over the rest.
DB_DEFAULT_SERVER_PROJECTED = False


def refresh_config():
    """Read the environment and the database again."""
    importlib.reload(sys.modules[__name__])


if stored.REACHABLE:
    globals().update(stored.VALUES)
    DB_DEFAULT_SERVER_PROJECTED = True
