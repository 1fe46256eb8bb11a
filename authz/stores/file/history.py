"""The last revisions of a policy file, in a folder beside it.

For files that are written here. A file that is kept in Git has its history there. Each
revision is two files: the whole policy as it was, and who made it so, when and why.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from authz.bounded_read import read_file
from authz.errors import PolicyError, StoreError
from authz.policy.csv_edit import read_entries
from authz.policy.csv_rows import MAX_BYTES
from authz.policy.records import Entry, Revision, differences
from authz.stores.file.policy import digest, hint_to_write, write_whole

#: Older revisions are removed.
KEPT: Final = 200
_EDITED: Final = "edited in the file"
_FOUND: Final = "the file as it was found"


class CsvHistory:
    """The revisions of the policy file *path*."""

    def __init__(self, path: Path, *, kept: int = KEPT) -> None:
        self._folder = path.with_name(f".{path.name}.history")
        self._kept = kept

    @property
    def is_empty(self) -> bool:
        """Whether there is no revision."""
        return next(self._numbers(), None) is None

    def number_of(self, etag: str) -> int:
        """Return the number of the state *etag*: the newest, or the one it would get.

        A file that was edited by hand has no number until that is noted.
        """
        newest = next(iter(self.newest(limit=1)), None)
        if newest is None:
            return 1
        return newest.number + (newest.etag != etag)

    def note_found(self, data: bytes, *, at: datetime) -> int:
        """Make sure that the state *data* has a revision; return its number.

        To be called while no other can write. Nobody knows who edited the file.
        """
        etag = digest(data)
        number = self.number_of(etag)
        if not self._about(number).exists():
            before = next(iter(self.newest(limit=1)), None)
            old = () if before is None else _entries(self.content(before.number))
            new = _entries(data)
            known = before is not None and None not in (old, new)
            added, removed = differences(old or (), new or ()) if known else ((), ())
            found = Revision(
                number=number,
                etag=etag,
                at=at,
                author="",
                note=_FOUND if before is None else _EDITED,
                added=added,
                removed=removed,
            )
            self.keep(found, data)
        return number

    def keep(self, revision: Revision, data: bytes) -> None:
        """Keep *revision*, which left the file as *data*."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            write_whole(self._policy(revision.number), data)
            # Last: what has no description is no revision.
            write_whole(self._about(revision.number), _described(revision))
            for number in sorted(self._numbers(), reverse=True)[self._kept :]:
                self._about(number).unlink(missing_ok=True)
                self._policy(number).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"{self._folder}: the history cannot be written ({error.strerror}): "
                f"{hint_to_write(error, self._folder.parent)}"
            ) from error

    def newest(self, *, limit: int, before: int | None = None) -> Sequence[Revision]:
        """Return the newest revisions first, those below number *before*."""
        numbers = sorted(self._numbers(), reverse=True)
        wanted = [n for n in numbers if before is None or n < before][:limit]
        return tuple(self._read(number) for number in wanted)

    def content(self, number: int) -> bytes:
        """Return the file as revision *number* left it. Raises `LookupError`."""
        try:
            return read_file(self._policy(number), most=MAX_BYTES)
        except FileNotFoundError as error:
            raise LookupError(f"there is no revision {number} (any more)") from error
        except OSError as error:
            raise _unreadable(self._folder, error) from error

    def _numbers(self) -> Iterator[int]:
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unreadable(self._folder, error) from error
        for name in names:
            number, _, ending = name.partition(".")
            if ending == "json" and number.isdecimal():
                yield int(number)

    def _read(self, number: int) -> Revision:
        path = self._about(number)
        try:
            about: dict[str, Any] = json.loads(read_file(path, most=MAX_BYTES))
            return Revision(
                number=number,
                etag=about["etag"],
                at=datetime.fromisoformat(about["at"]),
                author=about["author"],
                note=about["note"],
                added=tuple(about["added"]),
                removed=tuple(about["removed"]),
            )
        except OSError as error:
            raise _unreadable(self._folder, error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{path}: this is not the description of a revision: remove the file"
            ) from error

    def _about(self, number: int) -> Path:
        return self._folder / f"{number}.json"

    def _policy(self, number: int) -> Path:
        return self._folder / f"{number}.csv"


def _entries(data: bytes) -> tuple[Entry, ...] | None:
    """Return the entries of a file; None if it is not one that can be read."""
    try:
        return read_entries(data)
    except PolicyError:
        return None


def _described(revision: Revision) -> bytes:
    return json.dumps(
        {
            "etag": revision.etag,
            "at": revision.at.isoformat(),
            "author": revision.author,
            "note": revision.note,
            "added": revision.added,
            "removed": revision.removed,
        }
    ).encode()


def _unreadable(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{folder}: the history cannot be read ({error.strerror}): "
        "check who may read it"
    )
