"""Looking through the audit log in its files."""

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Final

from authz.audit.chain import BrokenChain, Link, follow
from authz.audit.events import EventTag
from authz.audit.log import Found, Record, Verified, Wanted, time_of
from authz.bounded_read import open_regular
from authz.errors import StoreError
from authz.stores.file.audit_end import full_files

_CHUNK: Final = 256 * 1024
#: How often the chain is followed anew because a writer turned to a new file.
_TRIES: Final = 5
#: Bytes that one question may read; the answer says where to go on.
_MAX_READ: Final = 64 * 1024 * 1024
#: More problems than this say nothing new.
_MAX_PROBLEMS: Final = 20
#: Records of several processes may be out of order by so much.
_DISORDER: Final = timedelta(minutes=10)
_CUT: Final = f'"event":"{EventTag.AUDIT_CUT}"'


class AuditFiles:
    """The audit log *path* and the full files beside it, to look through."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find(
        self,
        wanted: Wanted,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
    ) -> Found:
        """Return the newest records that are *wanted*; see `AuditLog.find`.

        What is no record is passed over; `verify` tells of it.
        """
        if after is not None:
            return self._oldest(wanted, limit, after)
        records: list[Record] = []
        oldest = None if wanted.since is None else wanted.since - _DISORDER
        read = 0
        last = None
        for line in self._backwards():
            record = _read(line)
            read += len(line)
            if record is None:
                continue
            last = int(record["seq"])
            if before is not None and last >= before:
                continue
            if oldest is not None and time_of(record) < oldest:
                return Found(records=tuple(records))
            if wanted.matches(record):
                records.append(record)
                if len(records) == limit:
                    return Found(records=tuple(records), next_before=_further(last))
            if read > _MAX_READ:
                return Found(records=tuple(records), next_before=_further(last))
        return Found(records=tuple(records))

    def _oldest(self, wanted: Wanted, limit: int, after: int) -> Found:
        records: list[Record] = []
        newest = None if wanted.until is None else wanted.until + _DISORDER
        read = 0
        for path in self._files():
            for _, line, _ in _forwards(path):
                record = _read(line)
                if record is None or (number := int(record["seq"])) <= after:
                    continue
                read += len(line)
                if newest is not None and time_of(record) > newest:
                    return Found(records=tuple(records))
                if wanted.matches(record):
                    records.append(record)
                if len(records) == limit or read > _MAX_READ:
                    return Found(records=tuple(records), next_after=number)
        return Found(records=tuple(records))

    def verify(self, *, head: str = "") -> Verified:
        """Follow the whole chain; see `AuditLog.verify`.

        A last line without an end is no problem: its writer died, nobody was told that
        it was kept, and the next writer cuts it off.
        """
        for _ in range(_TRIES):
            files = self._files()
            try:
                found = self._verify(files, head)
            except StoreError:
                if files == self._files():
                    raise
                continue
            if not found.problems or files == self._files():
                return found
        # A writer turned to a new file each time: there may be nothing wrong with it.
        raise StoreError(f"{self.path}: the audit log is written too fast: try again")

    def _verify(self, files: list[Path], head: str) -> Verified:
        link: Link | None = None
        first = count = 0
        problems: list[str] = []
        head_found = not head
        for path in files:
            for number, line, normalize in _forwards(path):
                if not normalize:
                    continue
                text = line.decode("ascii", "replace")
                try:
                    after = follow(link or Link(), text, first=link is None)
                except BrokenChain as error:
                    if len(problems) < _MAX_PROBLEMS:
                        problems.append(f"{path.name}:{number}: {error}")
                    # Go on from what the line claims, to tell every break once.
                    link = _claimed(text)
                    continue
                if not count:
                    first = after.number
                if _CUT in text:
                    problems.append(f"{path.name}:{number}: the end was cut off here")
                count += 1
                link = after
                head_found = head_found or after.head == head
        if not head_found:
            problems.append(
                f"{self.path.name}: no record has the hash {head[:64]}: the end was "
                "cut off, or the log was written anew"
            )
        return Verified(
            count=count, link=link or Link(), first=first, problems=tuple(problems)
        )

    def _files(self) -> list[Path]:
        """Return every file of the log, the oldest first."""
        files = full_files(self.path)
        return [*files, self.path] if self.path.exists() else files

    def _backwards(self) -> Iterator[bytes]:
        for path in reversed(self._files()):
            yield from _last_first(path)


def _read(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
        if not isinstance(record, dict) or type(record.get("seq")) is not int:
            return None
        time_of(record)
    except (ValueError, RecursionError):
        return None
    return record


def _claimed(line: str) -> Link | None:
    """Return where the chain would stand behind *line*, if it were sound."""
    record = _read(line.encode())
    if record is None:
        return None
    return Link(number=int(record["seq"]), head=str(record.get("hash", "")))


def _forwards(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Yield each line of *path* with its number, and whether it has an end."""
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            normalize = line.endswith(b"\n")
            yield number, line.removesuffix(b"\n"), normalize
            if not normalize:
                return  # it may be growing: its rest would look like another line


def _last_first(path: Path) -> Iterator[bytes]:
    """Yield the whole lines of *path*, the last one first."""
    with _opened(path) as file:
        position = file.seek(0, os.SEEK_END)
        rest = b""
        seen_end = False
        while position:
            start = max(0, position - _CHUNK)
            file.seek(start)
            data = file.read(position - start) + rest
            position = start
            rest, *lines = data.split(b"\n")
            if lines and not seen_end:
                lines.pop()  # what stands behind the last end is no line yet
                seen_end = True
            if not seen_end:
                rest = data
            yield from reversed(lines)
        if seen_end:
            yield rest


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            yield file
    except OSError as error:
        raise StoreError(
            f"{path}: the audit log cannot be read ({error.strerror}): check "
            "AUTHZ_AUDIT_FILE and who may read it"
        ) from error


def _further(number: int) -> int | None:
    return number if number > 1 else None
