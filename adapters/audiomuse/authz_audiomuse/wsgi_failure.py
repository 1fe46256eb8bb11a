"""What is done when the app cannot be put behind authz: say why, once, and end."""

import sys
from typing import IO, Final, NoReturn

#: gunicorn's codes for a worker that cannot boot and for an app that cannot be loaded.
#: It ends with the same code; whoever watches it tries again after the first alone.
_TRY_AGAIN: Final = 3
_IN_VAIN: Final = 4
_last: "list[IO[bytes]]" = []


def leave_reasons_in(file: IO[bytes]) -> None:
    """Keep the reason in *file* too, for whoever started this process."""
    _last[:] = [file]


def fail(reason: Exception, *, try_again: bool) -> NoReturn:
    """Say *reason* without a traceback, which would tell an operator nothing.

    Args:
        reason: What is wrong.
        try_again: Whether it may pass, so that whoever watches this starts it again.

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
    raise SystemExit(_TRY_AGAIN if try_again else _IN_VAIN)
