"""Whether the WSGI server keeps `X_User` and `X-User` apart.

WSGI spells both `HTTP_X_USER`. A server that lets the first through lets a client put
its own value in the place of the proxy's, and the app cannot see it. Only servers that
are known to drop such headers are believed.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

#: How the servers that drop header names with `_` call themselves (gunicorn since 22).
_DROPS_UNDERSCORES: Final = re.compile(
    r"gunicorn/(?:2[2-9]|[3-9]\d|\d{3,})|gevent/|waitress\b|Werkzeug/"
)
#: Modules that are there when such a server runs the app.
_MERGING: Final = frozenset({"uwsgi", "granian", "hypercorn", "cheroot", "a2wsgi"})
_DANGEROUS: Final = re.compile(r"--header-map[\s=]+['\"]?dangerous")


def merges_names(environ: Mapping[str, Any]) -> bool:
    """Return whether the server of this request may merge `_` with `-` in names.

    uWSGI, cheroot, granian, hypercorn and uvicorn with a2wsgi do. A server that does
    not say its name is taken for one of them.
    """
    software = environ.get("SERVER_SOFTWARE")
    return not (isinstance(software, str) and _DROPS_UNDERSCORES.match(software))


def merging_server(modules: Iterable[str]) -> str | None:
    """Return which server that merges names has loaded this process, if one has."""
    return next(iter(sorted(_MERGING.intersection(modules))), None)


def is_told_to_merge(arguments: Iterable[str], environ: Mapping[str, str]) -> bool:
    """Return whether the command line, or its variable, makes gunicorn merge names."""
    given = " ".join([*arguments, environ.get("GUNICORN_CMD_ARGS", "")])
    return bool(_DANGEROUS.search(given))
