"""Reading a file that an operator named: a regular one, whole, within bounds.

What is no file (a pipe, a device, a folder) is refused without being opened, because to
open it may wait for ever. So may a file: on a network share that does not answer. Then
whoever asked goes on after some seconds without it, and until that read is over nobody
waits for the same file again.
"""

import errno
import os
import stat
import threading
from pathlib import Path
from typing import Final

from authz.per_process import PerProcess

#: Seconds until a read is given up.
SECONDS: Final = 3.0
#: The same for a pipe that somebody at a shell names: a program may be writing it.
_PIPE_SECONDS: Final = 60.0
_CHUNK: Final = 1024 * 1024
#: What else has a name, in words.
_KINDS: Final = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_file(path: str | os.PathLike[str], *, most: int, pipes: bool = False) -> bytes:
    """Return what is in the file *path*.

    Args:
        path: Its name; links are followed.
        most: How many bytes it may have.
        pipes: Whether it may be a pipe, as a shell makes them of `<(...)`.

    Raises:
        OSError: if it cannot be read, is no file, has more bytes, or did not come in
            time; `strerror` says which, in words.
    """
    return read_with_stat(path, most=most, pipes=pipes)[0]


def read_with_stat(
    path: str | os.PathLike[str], *, most: int, pipes: bool = False
) -> tuple[bytes, os.stat_result]:
    """Return what is in the file *path*, and what it was then; see `read_file`."""
    name = os.fspath(path)
    hanging = _hanging()
    earlier = hanging.get(name)
    if earlier is not None and earlier.is_alive():
        raise _late(name, SECONDS)
    hanging.pop(name, None)
    read = _Read(name, most, pipes=pipes)
    read.start()
    seconds = _PIPE_SECONDS if pipes else SECONDS
    read.join(seconds)
    if read.is_alive():
        hanging[name] = read
        raise _late(name, seconds)
    return read.result()


def open_regular(path: Path, flags: int, mode: int = 0o600) -> int:
    """Return a descriptor of the file *path*, which nothing but a file may be.

    Raises:
        OSError: if it cannot be opened, or is no file.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, mode)
    try:
        _refuse_others(os.fstat(descriptor), str(path), pipes=False)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


class _Read(threading.Thread):
    """One read, in a thread that nobody has to wait for."""

    def __init__(self, name: str, most: int, *, pipes: bool) -> None:
        super().__init__(name="authz-read", daemon=True)
        self._path = name
        self._most = most
        self._pipes = pipes
        self._found: tuple[bytes, os.stat_result] | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._found = self._read()
        except BaseException as error:  # noqa: BLE001 - raised where it is asked for
            self._error = error

    def result(self) -> tuple[bytes, os.stat_result]:
        """Return what was read, or raise what went wrong."""
        if self._found is None:
            raise self._error or _late(self._path, SECONDS)
        return self._found

    def _read(self) -> tuple[bytes, os.stat_result]:
        # Before it is opened: to open some devices does something.
        kind = Path(self._path).stat()
        _refuse_others(kind, self._path, pipes=self._pipes)
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY
        if stat.S_ISREG(kind.st_mode):
            flags |= os.O_NONBLOCK
        descriptor = os.open(self._path, flags)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            found = os.fstat(descriptor)
            _refuse_others(found, self._path, pipes=self._pipes)
            if found.st_size > self._most:
                raise self._too_big()
            data = bytearray()
            while piece := file.read(min(_CHUNK, self._most + 1 - len(data))):
                data += piece
                if len(data) > self._most:
                    raise self._too_big()
            # Afterwards: what was written meanwhile is seen as a change next time.
            return bytes(data), os.fstat(descriptor)

    def _too_big(self) -> OSError:
        return OSError(errno.EFBIG, f"more than {_size(self._most)}", self._path)


def _refuse_others(found: os.stat_result, path: str, *, pipes: bool) -> None:
    kind = stat.S_IFMT(found.st_mode)
    if kind == stat.S_IFREG or (pipes and kind == stat.S_IFIFO):
        return
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file", path)
    what = _KINDS.get(kind, "something else")
    raise OSError(errno.EINVAL, f"it is {what}, not a file", path)


def _late(path: str, seconds: float) -> TimeoutError:
    return TimeoutError(
        errno.ETIMEDOUT, f"no answer within {seconds:.0f} seconds", path
    )


def _size(count: int) -> str:
    mebibytes, rest = divmod(count, 1024 * 1024)
    return f"{count} bytes" if rest or not mebibytes else f"{mebibytes} MiB"


#: The reads that were given up, by the name of the file.
_hanging: Final = PerProcess[dict[str, _Read]](dict)
