"""Settings of the stand-in, as module globals that the set-up page changes."""

import os

API_TOKEN = os.environ.get("API_TOKEN", "")
AUTH_ENABLED = os.environ.get("AUTH_ENABLED", "true").lower() == "true"
ENABLE_PROXY_FIX = os.environ.get("ENABLE_PROXY_FIX", "").lower() == "true"
MEDIASERVER_TYPE = "jellyfin"
JELLYFIN_USER_ID = "shared-account-id"
EMBY_USER_ID = ""
#: Whether somebody has been through the set-up page; the real app asks its database.
SETUP_DONE = True
