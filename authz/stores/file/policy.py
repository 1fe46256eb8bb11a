"""`policy.csv` on disk: read whole, written so that nobody ever sees half of it."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from authz.bounded_read import read_with_stat
from authz.errors import StoreError
from authz.policy.csv_rows import MAX_BYTES
from authz.stores.file.lock import locked

_NEW_FILE_MODE: Final = 0o600
#: How the name of a file ends that is still being written.
_UNFINISHED: Final = ".tmp"
#: What to do where who may write is not what is wrong.
_HINTS: Final = {
    errno.ENOSPC: "the disk is full; make room",
    errno.EDQUOT: "the quota is used up; make room",
    errno.EROFS: "mount it to be written",
    errno.EIO: "check the disk",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells one state of the file from another.

    `stat` alone would miss a change within one tick of the clock and some network
    file systems; the content alone would miss nothing, so both together err only
    towards reading once more.
    """

    device: int
    inode: int
    modified: int
    size: int
    digest: str


class CsvFile:
    """A policy file. Never takes a failure for an empty policy."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes:
        """Return the whole file. Raises `StoreError`."""
        return self._read()[0]

    def changed(self, since: Hashable) -> tuple[Mark, bytes] | None:
        """Return what the file is now, and its bytes; None if it still is *since*.

        Two equal marks are the same content. Follows links at each call, so a folder
        that is swapped by its link (as Kubernetes does with a ConfigMap) is noticed.
        Raises `StoreError`.
        """
        data, stat = self._read()
        mark = Mark(
            stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size, digest(data)
        )
        return None if mark == since else (mark, data)

    @contextlib.contextmanager
    def writing(self) -> Iterator["Writing"]:
        """Give what replaces the file, while no other writer can come between.

        Raises:
            StoreError: if the file cannot be read or written; it is then as it was.
        """
        # A link stays a link: what it leads to is replaced.
        target = led_to(self.path)
        try:
            with locked(target):
                yield Writing(target, self.read() if os.path.lexists(target) else None)
        except OSError as error:
            raise self._unwritable(error) from error

    def previous(self) -> bytes | None:
        """Return the file as it was before it was last written here, if it is kept.

        Raises `StoreError`.
        """
        target = led_to(self.path)
        kept = CsvFile(target.with_name(f"{target.name}.prev"))
        return kept.read() if kept.path.exists() else None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from writing the file through authz.

        Raises:
            StoreError: if there cannot be a lock beside the file.
        """
        target = led_to(self.path)
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(locked(target))
            except OSError as error:
                raise self._unwritable(error) from error
            yield

    def _unwritable(self, error: OSError) -> StoreError:
        hint = hint_to_write(error, led_to(self.path).parent)
        return StoreError(
            f"{self.path}: the file cannot be written ({error.strerror}): {hint}"
        )

    def _read(self) -> tuple[bytes, os.stat_result]:
        try:
            return read_with_stat(self.path, most=MAX_BYTES)
        except OSError as error:
            hint = "check AUTHZ_POLICY and who may read the file"
            if isinstance(error, FileNotFoundError):
                hint = (
                    "write it, or let `authz init --template family` write one to "
                    "begin with; if it is elsewhere, set AUTHZ_POLICY"
                )
            raise StoreError(
                f"{self.path}: the policy cannot be read ({error.strerror}): {hint}"
            ) from error


class Writing:
    """A policy file that one writer holds."""

    def __init__(self, target: Path, before: bytes | None) -> None:
        self._target = target
        #: What is in the file; None if it is not there.
        self.before = before

    def replace(self, data: bytes, *, last: Callable[[], None] = lambda: None) -> None:
        """Put *data* in its place, which becomes visible whole or not at all.

        *last* is called when everything is ready; what it raises refuses the change.
        The file before is kept beside it as `.prev`.

        Raises:
            OSError: if it cannot be written; the file is then as it was.
            StoreError: if the disk does not give back what was written.
        """
        target = self._target
        _remove_leftovers(target)
        there = self.before is not None
        mode = target.stat().st_mode & 0o777 if there else _NEW_FILE_MODE
        with _prepared(target, data, mode) as temporary:
            if temporary.read_bytes() != data:
                raise StoreError(
                    f"{temporary}: what was written is not what is read back"
                )
            last()
            if there:
                _keep_previous(target)
            temporary.replace(target)
        sync_folder(target.parent)


def hint_to_write(error: OSError, folder: Path) -> str:
    """Return what to do about *error*, of something written in *folder*."""
    return _HINTS.get(error.errno or 0, f"check who may write in {folder}")


def digest(data: bytes) -> str:
    """Return the fingerprint of *data*: the etag of a policy file."""
    return hashlib.sha256(data).hexdigest()


def led_to(path: Path) -> Path:
    """Return what *path* leads to: a link stays a link, and what it means is written.

    One that leads back to itself is returned; to open it tells what is wrong.
    """
    return Path(os.path.realpath(path))


def write_whole(target: Path, data: bytes, *, mode: int = _NEW_FILE_MODE) -> None:
    """Make *target* hold *data*, whole or not at all. Raises `OSError`."""
    with _prepared(target, data, mode) as temporary:
        temporary.replace(target)
    sync_folder(target.parent)


@contextlib.contextmanager
def _prepared(target: Path, data: bytes, mode: int) -> Iterator[Path]:
    """Write *data* beside *target*; what is not used is taken away again."""
    import tempfile  # the commands that read do without

    descriptor, name = tempfile.mkstemp(
        prefix=f".{target.name}.", suffix=_UNFINISHED, dir=target.parent
    )
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _remove_leftovers(target: Path) -> None:
    """Remove what writers that were killed left behind; nobody else holds the lock."""
    import glob

    for left in target.parent.glob(f".{glob.escape(target.name)}.*{_UNFINISHED}"):
        left.unlink(missing_ok=True)


def _keep_previous(target: Path) -> None:
    """Keep the file under its second name, without a moment without either."""
    previous = target.with_name(f"{target.name}.prev")
    spare = target.with_name(f".{target.name}.prev")
    spare.unlink(missing_ok=True)
    os.link(target, spare)
    spare.replace(previous)
    # If both are the same file, because a writer was killed behind this, that did
    # nothing (POSIX, rename).
    spare.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have the disk keep what was renamed in *folder*. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
