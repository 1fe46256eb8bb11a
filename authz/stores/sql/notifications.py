"""What SQLite tells of changes: its file is another one."""

from pathlib import Path
from typing import Final

from authz.stores.notifications import Sleep

#: Seconds between two looks at the file. A look costs microseconds.
_LOOKS: Final = 0.1


class FileHints:
    """Notices that somebody wrote into a SQLite database."""

    def __init__(self, path: Path) -> None:
        """Watch the database at *path*."""
        self._paths = (path, path.with_name(f"{path.name}-wal"))
        self._seen = self._look()

    def wait(self, seconds: float, sleep: Sleep) -> bool:
        """Look once, a little later; return whether there was a change."""
        sleep(min(seconds, _LOOKS))
        before, self._seen = self._seen, self._look()
        return self._seen != before

    def close(self) -> None:
        """Let go of nothing: nothing is open."""

    def _look(self) -> tuple[object, ...]:
        return tuple(map(_state, self._paths))


def _state(path: Path) -> object:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
