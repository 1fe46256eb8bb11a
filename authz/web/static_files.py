"""The style sheets, scripts and images of authz's own pages, and their addresses.

An address names the content too, so a browser may keep a file for good and still gets
the new one after an upgrade.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from flask import current_app, request, send_from_directory, url_for
from werkzeug.wrappers import Response

from authz.web.guarded_views import public

FOLDER: Final = Path(__file__).with_name("static")
_HOUR: Final = 3600
_YEAR: Final = 365 * 24 * _HOUR


@public
def static_file(filename: str) -> Response:
    """Return one of the files. They are there for strangers too."""
    kept = _YEAR if request.args.get("v") == _version(filename) else _HOUR
    return send_from_directory(FOLDER, filename, max_age=kept)


def static_url(filename: str) -> str:
    """Return the address of *filename* as it is now; `authz_static` in templates."""
    app = current_app
    ours = app.blueprints.get("authz")
    if ours is None or app.url_map.host_matching or app.subdomain_matching:
        return url_for("authz.static", filename=filename, v=_version(filename))
    # A refusal has two of them, and building one takes a tenth of making the page.
    path = f"{ours.url_prefix}/static/{filename}"
    return f"{request.script_root}{path}?v={_version(filename)}"


def _version(filename: str) -> str:
    return _versions().get(filename, "")


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    return {
        path.relative_to(FOLDER).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()[:12]
        for path in FOLDER.rglob("*")
        if path.is_file()
    }
