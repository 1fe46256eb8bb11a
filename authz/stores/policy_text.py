"""The policy of an app as one text."""

from authz.errors import StoreError
from authz.policy.csv_rows import spell
from authz.settings import Settings


def stored_text(settings: Settings) -> bytes:
    """Return the policy as a file: the file, or what the database says.

    Line 17 is rule 17 of a database.

    Raises:
        StoreError: if they cannot be read, or there are none yet.
    """
    if settings.store.url is None or not settings.store.holds_rules:
        from authz.stores.file.policy import CsvFile

        return CsvFile(settings.policy).read()
    from authz.stores.factory import open_database

    store = open_database(settings.store.url)
    try:
        if store.is_new:
            raise StoreError(
                f"{store.database.shown}: there is no policy in it yet: start the app "
                "once, with a policy.csv beside it"
            )
        lines: list[str] = []
        for entry in store.records.snapshot().entries:
            if not entry.disabled:
                lines += [""] * (int(entry.id) - 1 - len(lines))
                lines.append(spell(entry.row.kind, *entry.row.fields))
    finally:
        store.database.close()
    return "".join(f"{line}\n" for line in lines).encode()
