"""Where processes count together how often somebody guessed a password."""

from limits.storage import RedisStorage, Storage

from authz.identity.guesses import PATIENCE
from authz.settings import Settings
from authz.stores.factory import Stores
from authz.stores.notifications import bounded_pool

_PREFIX = "authz"


def shared_limits(settings: Settings, stores: Stores) -> Storage | None:
    """Return the storage: Redis, else the database, else None. Nothing is asked yet.

    Raises:
        StoreError: if a driver is not installed.
    """
    url = settings.store.redis
    if url is not None:
        return redis_limits(url)
    return None if stores.database is None else stores.database.limits


def redis_limits(url: str) -> Storage:
    """Return the storage in the Redis server at *url*, which may hold a password.

    Raises:
        StoreError: if the driver is not installed.
    """
    pool = bounded_pool(url, seconds=PATIENCE)
    return RedisStorage("redis://", connection_pool=pool, key_prefix=_PREFIX)
