"""Where processes count together how often somebody guessed a password."""

from limits.storage import RedisStorage, Storage

from authz.identity.guesses import PATIENCE
from authz.settings import Settings
from authz.stores.factory import Stores
from authz.stores.notifications import redis_driver

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
    driver = redis_driver()
    # The driver would try again and again: somebody waits for the answer.
    pool = driver.ConnectionPool.from_url(
        url,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=driver.retry.Retry(driver.backoff.NoBackoff(), 0),
    )
    return RedisStorage("redis://", connection_pool=pool, key_prefix=_PREFIX)
