"""Opens the linked accounts that settings describe."""

from collections.abc import Callable

from authz import AuditSink
from authz.integration.sql import Database
from authz_audiomuse.music.accounts import MusicAccounts, Standing
from authz_audiomuse.music.kinds import music_servers
from authz_audiomuse.music.sealing import Seal
from authz_audiomuse.music.settings import MusicSettings, Unlinked
from authz_audiomuse.music.sql_links import SqlLinks, migrate_links


def open_accounts(
    settings: MusicSettings,
    *,
    audit: AuditSink,
    database: Database | None = None,
    standing: Callable[[str], Standing] = lambda _: Standing(),
) -> MusicAccounts:
    """Return the linked accounts that *settings* describe.

    Args:
        settings: What the operator decided.
        audit: Where events go.
        database: The database of authz itself, to be used if no other is named.
        standing: Tells of whom a name is.

    Raises:
        StoreError: if the database cannot be opened.
    """
    if database is None or settings.store is not None:
        database = Database(settings.store_url)
    migrate_links(database)
    return MusicAccounts(
        servers=music_servers(settings),
        links=SqlLinks(database),
        seal=Seal(settings.keys),
        audit=audit,
        shared=settings.unlinked is Unlinked.SHARED,
        standing=standing,
    )
