"""What is done when the app cannot be put behind authz: say why, once, and end."""

import sys
from typing import IO, Final, NoReturn

#: gunicorn's code for a worker that cannot boot: it gives up and does not try again.
_CANNOT_BOOT: Final = 3
_last: "list[IO[bytes]]" = []


def leave_reasons_in(file: IO[bytes]) -> None:
    """Keep the reason in *file* too, for whoever started this process."""
    _last[:] = [file]


def fail(reason: Exception) -> NoReturn:
    """Say *reason* without a traceback, which would tell an operator nothing.

    Raises:
        SystemExit: always.
    """
    text = " ".join(f"{line}." for line in str(reason).splitlines() if line)
    sys.stderr.write(f"authz did not start: {text}\n")
    sys.stderr.flush()
    for file in _last:
        file.seek(0)
        file.truncate()
        file.write(text.encode())
        file.flush()
    raise SystemExit(_CANNOT_BOOT)
