"""What a visitor chose about the pages: their colours, and keys. Kept in cookies."""

from http import HTTPStatus
from typing import Final

from flask import has_request_context, redirect, request
from werkzeug.wrappers import Response

from authz.web.guarded_views import public
from authz.web.next_page import safe_next
from authz.web.rendering import protect_page

COOKIE: Final = "authz-theme"
KEYS_COOKIE: Final = "authz-keys"
_YEAR: Final = 365 * 24 * 3600


def theme() -> str:
    """Return `light` or `dark` if the visitor chose one, else the empty string."""
    # Few have it, and reading all cookies takes longer than to see that.
    if not has_request_context() or COOKIE not in request.environ.get(
        "HTTP_COOKIE", ""
    ):
        return ""
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in {"light", "dark"} else ""


def has_keys() -> bool:
    """Return whether single keys are shortcuts; WCAG 2.1.4 wants a way to say no."""
    return request.cookies.get(KEYS_COOKIE) != "off"


@public
def choose_theme() -> Response:
    """Keep what the visitor chose, and go back to where they were."""
    request.max_content_length = 4096
    back = safe_next(request.form.get("next")) or request.script_root + "/"
    response = redirect(back, HTTPStatus.SEE_OTHER)
    for field, cookie, words in (
        ("theme", COOKIE, {"light", "dark"}),
        ("keys", KEYS_COOKIE, {"off"}),
    ):
        chosen = request.form.get(field)
        if chosen in words:
            response.set_cookie(
                cookie,
                chosen,
                max_age=_YEAR,
                path="/",
                secure=request.is_secure,
                httponly=True,
                samesite="Lax",
            )
        elif chosen is not None:
            response.delete_cookie(cookie, path="/")
    return protect_page(response)
