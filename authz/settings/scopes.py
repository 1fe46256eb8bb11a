"""The table of where requests name their scope: `AUTHZ_SCOPES_FILE`."""

from pathlib import Path
from typing import Final

from authz.bounded_read import read_file
from authz.errors import InvalidValue, PolicyError
from authz.policy.scope_table import DeclaredPath, read_scope_table
from authz.settings.reader import Reader

#: A table names routes; no app has more of them. In bytes.
_MAX_TABLE: Final = 1024 * 1024


def read_scopes(reader: Reader) -> tuple[DeclaredPath, ...]:
    """Return the table of scopes; empty if none is named."""
    table: tuple[DeclaredPath, ...] = reader.parse(
        "AUTHZ_SCOPES_FILE", _read, default=()
    )
    return table


def _read(text: str) -> tuple[DeclaredPath, ...]:
    path = Path(text)
    try:
        return read_scope_table(read_file(path, most=_MAX_TABLE), source=path.name)
    except OSError as error:
        raise InvalidValue(
            f"`{text}` cannot be read ({error.strerror or error})", "check the path"
        ) from error
    except PolicyError as error:
        first, *_ = error.problems
        raise InvalidValue(f"{first.where}: {first.message}", first.hint) from error
