"""Where an audit log is continued: the end of its file, and the turn to a new one."""

import contextlib
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from authz.audit import AuditEvent, Clock, EventTag
from authz.audit.chain import BrokenChain, Link, follow, sealed
from authz.bounded_read import open_regular
from authz.errors import AuditFailure
from authz.stores.file.policy import sync_folder

_MODE: Final = 0o600
_CHUNK: Final = 64 * 1024
#: No record is as long as this, whatever it tells of; what is, was not written here.
_LONGEST: Final = 256 * 1024 * 1024


class AuditEnd:
    """The end of the log, where one process appends. Used under both locks."""

    def __init__(self, path: Path, *, max_bytes: int, kept: int, clock: Clock) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._clock = clock
        self._descriptor = -1
        self._inode = 0
        self._size = -1
        self._link = Link()

    def append(self, events: Iterable[AuditEvent], *, sync: bool) -> None:
        """Write *events* behind what is there, all of them or none.

        Raises:
            OSError: if the file cannot be written.
            AuditFailure: if it does not end with a record.
        """
        events = [*self._catch_up(), *events]
        link, lines = self._link, []
        for event in events:
            line, head = sealed(
                event.as_record(), number=link.number + 1, previous=link.head
            )
            link = Link(number=link.number + 1, head=head)
            lines.append(line + "\n")
        if not lines:
            return
        data = "".join(lines).encode("ascii")
        if self._size and self._size + len(data) > self._max_bytes:
            self._turn()
        self._write(data, sync=sync)
        self._link = link
        self._size += len(data)

    def _write(self, data: bytes, *, sync: bool) -> None:
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
            if sync:
                os.fsync(self._descriptor)
        except OSError:
            # No half of a record is left for the next writer to stumble over.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            self._size = -1
            raise

    def _catch_up(self) -> list[AuditEvent]:
        """Find the end of the log; return what has to be said about it."""
        self._open()
        size = os.fstat(self._descriptor).st_size
        if size == self._size:
            return []
        normalize, torn = _tail(self._path, self._descriptor, size)
        said = []
        if torn:
            os.ftruncate(self._descriptor, size - len(torn))
            digest = sha256(torn).hexdigest()
            said.append(
                self._event(EventTag.AUDIT_MENDED, bytes=str(len(torn)), sha256=digest)
            )
        known, found = self._link, self._link_behind(normalize)
        if found.number < known.number or (
            found.number == known.number and found.head != known.head
        ):
            said.append(
                self._event(
                    EventTag.AUDIT_CUT,
                    written=str(known.number),
                    found=str(found.number),
                )
            )
        self._size = size - len(torn)
        self._link = found
        return said

    def _link_behind(self, last: bytes) -> Link:
        """Return where the chain stands behind *last*, the last line of the file."""
        path = self._path
        if not last:
            older = next(reversed(full_files(self._path)), None)
            if older is None:
                return Link()
            descriptor = open_regular(older, os.O_RDONLY)
            try:
                last, _ = _tail(older, descriptor, os.fstat(descriptor).st_size)
            finally:
                os.close(descriptor)
            path = older
        try:
            return follow(Link(), last.decode("ascii"), first=True)
        except (BrokenChain, UnicodeDecodeError) as error:
            raise AuditFailure(
                f"{path}: the audit log does not end with a record ({error}): see what "
                "happened to it, and move it away"
            ) from error

    def _event(self, tag: EventTag, **detail: str) -> AuditEvent:
        return AuditEvent(tag=tag, at=self._clock(), detail=detail)

    def _open(self) -> None:
        """Open the file that is there now: somebody may have turned to a new one."""
        try:
            there = self._path.stat().st_ino
        except FileNotFoundError:
            there = 0
        if self._descriptor >= 0 and there == self._inode and there:
            return
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._descriptor = open_regular(
            self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, _MODE
        )
        self._inode = os.fstat(self._descriptor).st_ino
        self._size = -1
        if not there:
            sync_folder(self._path.parent)

    def _turn(self) -> None:
        """Put the full file aside, remove the oldest, and begin a new one."""
        os.fsync(self._descriptor)
        self._path.rename(
            self._path.with_name(f"{self._path.name}.{self._link.number:012}")
        )
        full = full_files(self._path)
        for oldest in full[: max(0, len(full) - self._kept)]:
            oldest.unlink(missing_ok=True)
        self._open()
        self._size = 0

    def __del__(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)


def full_files(path: Path) -> list[Path]:
    """Return the full files of the log *path*, the oldest first."""
    prefix = f"{path.name}."
    try:
        names = [found.name for found in path.parent.iterdir()]
    except FileNotFoundError:
        return []
    return [
        path.with_name(name)
        for name in sorted(names)
        if name.startswith(prefix) and name.removeprefix(prefix).isdecimal()
    ]


def _tail(path: Path, descriptor: int, size: int) -> tuple[bytes, bytes]:
    """Return the last whole line, without its end, and what stands behind it.

    Raises:
        AuditFailure: if it is longer than any record.
    """
    data = b""
    while True:
        # Each time twice as much: a long record is not put together piece by piece.
        start = max(0, size - 2 * len(data) - _CHUNK)
        data = os.pread(descriptor, size - len(data) - start, start) + data
        end = data.rfind(b"\n")
        begin = data.rfind(b"\n", 0, end) if end > 0 else -1
        if begin >= 0 or start == 0:
            return data[begin + 1 : max(end, 0)], data[end + 1 :]
        if len(data) > _LONGEST:
            raise AuditFailure(
                f"{path}: the audit log does not end with a record (its last line is "
                "longer than any): see what happened to it, and move it away"
            )
