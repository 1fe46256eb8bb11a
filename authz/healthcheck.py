"""Asks a running app whether it is well: `python -m authz.healthcheck [URL]`.

For the health check of a container, which then needs no curl. Exit code 0: it answered
with 2xx; 1: it did not, or not in time.
"""

import http.client
import os
import sys
from typing import Final
from urllib.parse import urlsplit

_SECONDS: Final = 3.0
_PORT: Final = "8000"


def default_url() -> str:
    """Return where the app of this container answers, by `PORT` and the settings."""
    prefix = os.environ.get("AUTHZ_URL_PREFIX") or "/authz"
    return f"http://127.0.0.1:{os.environ.get('PORT') or _PORT}{prefix}/healthz"


def problem_at(url: str, *, seconds: float = _SECONDS) -> str | None:
    """Return why the app at *url* is not well, or None if it is.

    Redirects are not followed: a page to sign in is no sign of health.
    """
    parts = urlsplit(url)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    kind = kinds.get(parts.scheme)
    try:
        port = parts.port
    except ValueError:
        kind = None
    if kind is None or not parts.hostname:
        return f"`{url}` is not an address: write for example `{default_url()}`"
    connection = kind(parts.hostname, port, timeout=seconds)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", target, headers={"Accept": "application/json"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{url}: {str(error) or type(error).__name__}"
    finally:
        connection.close()
    if not 200 <= status < 300:  # noqa: PLR2004 - RFC 9110, 15.3
        return f"{url}: answered {status}"
    return None


def main(arguments: list[str]) -> int:
    """Check the address in *arguments*, or the default one; return the exit code."""
    if len(arguments) > 1 or any(a.startswith("-") for a in arguments):
        sys.stderr.write("usage: python -m authz.healthcheck [URL]\n")
        return 1
    problem = problem_at(arguments[0] if arguments else default_url())
    if problem:
        sys.stderr.write(f"{problem}\n")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
