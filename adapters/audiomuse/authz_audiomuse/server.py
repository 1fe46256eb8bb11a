"""Settings for gunicorn: `gunicorn -c python:authz_audiomuse.server`.

If the app does not start, the last line of the log says why. gunicorn's own last line
is that a worker failed to boot. So the worker leaves the reason in a file without a
name that it shares with the process that started it, which repeats it at the end.
"""

import atexit
import sys
import tempfile
from typing import Any, Final

from authz_audiomuse.wsgi_failure import leave_reasons_in

wsgi_app: Final = "authz_audiomuse.wsgi:app"
#: One process: without AUTHZ_STORE, sessions are kept in it.
workers: Final = 1
threads: Final = 8
#: Tokens of people in very many groups are long.
limit_request_field_size: Final = 16384

_reasons: Final = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as it runs
leave_reasons_in(_reasons)
atexit.register(_reasons.close)


def on_exit(server: Any) -> None:
    """Say last why the app did not start, if that is why the server ends."""
    del server
    _reasons.seek(0)
    said = _reasons.read().decode(errors="replace").strip()
    if said:
        sys.stderr.write(f"authz did not start: {said}\n")
        sys.stderr.flush()
