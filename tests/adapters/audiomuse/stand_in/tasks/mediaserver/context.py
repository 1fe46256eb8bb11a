"""On which music server, and in which account, the stand-in acts.

The real app has further servers that a request may name; here there is the default one.
"""

import config


def active_server():
    """Return the server that was named; None is the default one."""
    return


def active_creds(user_creds=None):
    """Return the credentials to act with; None are those of the settings."""
    return user_creds


def own_creds():
    """Return what the settings say about the account that everybody shares."""
    kind = config.MEDIASERVER_TYPE.upper() + "_"
    return {
        key: getattr(config, field)
        for field, key in config.MEDIASERVER_CRED_KEY_BY_FIELD.items()
        if field.startswith(kind) and getattr(config, field)
    }
