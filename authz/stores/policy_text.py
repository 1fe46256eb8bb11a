"""The policy of an app as one text, and what it is called."""

from pathlib import Path
from typing import Final

from authz.errors import StoreError
from authz.policy.csv_rows import spell
from authz.settings import Settings

#: What rules of a database name as the place where they stand.
STORED: Final = "casbin_rule"


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


def policy_source(settings: Settings) -> str:
    """Return what rules name as the place where they stand."""
    return STORED if settings.store.holds_rules else shown(settings.policy)


def shown(path: Path) -> str:
    """Return *path* as a person in the current folder would write it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
