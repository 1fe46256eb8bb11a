"""Light, dark, or as the visitor's system has it: kept in a cookie."""

from http import HTTPStatus
from typing import Final

from flask import has_request_context, redirect, request
from werkzeug.wrappers import Response

from authz.web.next_page import safe_next
from authz.web.rendering import protect_page
from authz.web.views import public

COOKIE: Final = "authz-theme"
_YEAR: Final = 365 * 24 * 3600


def theme() -> str:
    """Return `light` or `dark` if the visitor chose one, else the empty string."""
    chosen = request.cookies.get(COOKIE, "") if has_request_context() else ""
    return chosen if chosen in {"light", "dark"} else ""


@public
def choose_theme() -> Response:
    """Keep what the visitor chose, and go back to where they were."""
    request.max_content_length = 4096
    back = safe_next(request.form.get("next")) or request.script_root + "/"
    response = redirect(back, HTTPStatus.SEE_OTHER)
    chosen = request.form.get("theme", "")
    if chosen in {"light", "dark"}:
        response.set_cookie(
            COOKIE,
            chosen,
            max_age=_YEAR,
            path="/",
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    else:
        response.delete_cookie(COOKIE, path="/")
    return protect_page(response)
