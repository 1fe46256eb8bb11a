"""Lines of authz in the app's menu, where it lists the pages of plugins."""

from typing import Any

from flask import request, url_for
from werkzeug.routing import BuildError

from authz.extension import Guarded
from authz.web.state import current_request, state_of

#: Label and endpoint of each page.
_PAGES = (
    ("Your account", "authz_admin.account"),
    ("Who may do what", "authz_admin.overview"),
)


def menu_lines(guarded: Guarded) -> list[dict[str, Any]]:
    """Return what the app's menu is to show to the current subject besides."""
    state = state_of(current_request())
    if state is None or not state.subject.is_authenticated:
        return []
    lines = []
    for label, endpoint in _PAGES:
        try:
            url = url_for(endpoint)
        except BuildError:
            continue  # the admin pages are switched off
        path = url.removeprefix(request.script_root)
        if guarded.hook.may(state.subject, "GET", path):
            lines.append(
                {"label": label, "url": url, "endpoint": endpoint, "admin_only": False}
            )
    return lines
