"""The app's own page and addresses for its list of people, which opens nothing here.

Its first administrator stays in that list: without one the app would ask to be set up
again. Nobody else needs to be in it.
"""

from http import HTTPStatus
from typing import Final

from flask import redirect, request, url_for
from werkzeug.routing import BuildError
from werkzeug.wrappers import Response

from authz import Guarded, get_authz
from authz.integration.web import (
    Refusal,
    as_problem,
    current_state,
    new_request_id,
    protect_page,
)
from authz_audiomuse.host import Host

#: Method, path and endpoint of what adds, removes and changes people of the app.
EDITING: Final = (
    ("POST", "/api/users", "create_user_endpoint"),
    ("DELETE", "/api/users/<int:user_id>", "delete_user_endpoint"),
    ("PUT", "/api/users/<int:user_id>/password", "update_user_password_endpoint"),
)
PAGE: Final = "users_bp.users_page"
_ELSEWHERE: Final = (
    "Nobody signs in to AudioMuse-AI itself here, so its own list of people opens "
    "nothing. People are managed at {}."
)


def replace_users_page(host: Host) -> None:
    """Lead to where people are managed now, and refuse to edit the app's own list."""
    views = host.app.view_functions
    if PAGE in views:
        views[PAGE] = users_page
    for _method, _path, endpoint in EDITING:
        if endpoint in views:
            views[endpoint] = refuse_to_edit


def users_page() -> Response:
    """Lead administrators to the people, and others to their own account."""
    return protect_page(redirect(_where(get_authz())))


def refuse_to_edit(**_parts: object) -> Response:
    """Say where people are managed."""
    refusal = Refusal(
        status=HTTPStatus.FORBIDDEN,
        message=_ELSEWHERE.format(_where(get_authz())),
        reason="people-elsewhere",
        request_id=new_request_id(),
    )
    return as_problem(refusal, sign_in=False)


def _where(guarded: Guarded) -> str:
    subject = current_state().subject
    for endpoint in ("authz_admin.people", "authz_admin.account"):
        try:
            url = url_for(endpoint)
        except BuildError:
            continue  # the admin pages are switched off
        if guarded.hook.may(subject, "GET", url.removeprefix(request.script_root)):
            return url
    return request.script_root + "/"
