"""The table of where requests name their scope: `AUTHZ_SCOPES_FILE`."""

from authz.policy.scope_table import DeclaredPath, read_scope_table
from authz.settings.reader import Reader
from authz.settings.table_file import table_file


def read_scopes(reader: Reader) -> tuple[DeclaredPath, ...]:
    """Return the table of scopes; empty if none is named."""
    table: tuple[DeclaredPath, ...] = reader.parse(
        "AUTHZ_SCOPES_FILE", table_file(read_scope_table), default=()
    )
    return table
