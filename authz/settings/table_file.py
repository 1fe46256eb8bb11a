"""Tables in a file that a setting names, read within bounds."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeVar

from authz.bounded_read import read_file
from authz.errors import InvalidValue, PolicyError

_T_co = TypeVar("_T_co", covariant=True)
#: A table names routes, or types and actions; no app has more of them. In bytes.
_MAX_TABLE: Final = 1024 * 1024


class ReadTable(Protocol[_T_co]):
    """Reads the bytes of a table; *source* is what problems call it."""

    def __call__(self, data: bytes, /, *, source: str) -> _T_co:
        """Return the table. Raises `PolicyError`."""
        ...


def table_file(read: ReadTable[_T_co]) -> Callable[[str], _T_co]:
    """Return what parses the name of a file into the table that *read* finds in it."""

    def parse(text: str) -> _T_co:
        path = Path(text)
        try:
            return read(read_file(path, most=_MAX_TABLE), source=path.name)
        except OSError as error:
            raise InvalidValue(
                f"`{text}` cannot be read ({error.strerror or error})", "check the path"
            ) from error
        except PolicyError as error:
            first, *_ = error.problems
            raise InvalidValue(f"{first.where}: {first.message}", first.hint) from error

    return parse
