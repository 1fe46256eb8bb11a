"""What the app tells people who are no administrators, without what is not theirs.

Some of its answers hold more than the page needs that asks for them: every music
server, the name of the account that everybody shares, what its workers are doing. And
where its pages show why something was refused, they look for a word of their own.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from flask import Response, request

from authz import Subject
from authz.integration.web import current_request, state_of
from authz_audiomuse.roles import HostRole, HostRoles
from authz_audiomuse.servers import HostServers

_PROBLEM: Final = "application/problem+json"
#: Stands where the app would tell the name of the account that everybody shares. Its
#: page sends it back, and it is replaced there.
NOBODY: Final = "yours"
#: What the app's workers do is the administrators' to know.
_TELEMETRY: Final = ("workers", "queue_backlog", "recent_tasks", "cron")

Trim = Callable[[Subject, dict[str, Any]], dict[str, Any]]


class Answers:
    """Looks at the answers of one app."""

    def __init__(self, roles: HostRoles, servers: HostServers) -> None:
        """Leave to each subject what is theirs of the app's *servers*."""
        self._roles = roles
        self._servers = servers
        self._trims: dict[str, Trim] = {
            "/api/servers": self._of_servers,
            "/api/config/defaults": self._of_defaults,
            "/api/dashboard/summary": self._of_dashboard,
        }

    def after(self, response: Response) -> Response:
        """Trim *response*, if there is something to trim."""
        if response.mimetype == _PROBLEM:
            return _in_the_apps_word(response)
        trim = self._trims.get(request.path)
        if trim is None or request.method != "GET" or not response.is_json:
            return response
        state = state_of(current_request())
        if state is not None and self._roles.of(state.subject) is HostRole.ADMIN:
            return response
        told = response.get_json(silent=True)
        if state is None or not isinstance(told, dict):
            return response
        response.set_data(json.dumps(trim(state.subject, told)) + "\n")
        return response

    def _of_servers(self, subject: Subject, told: dict[str, Any]) -> dict[str, Any]:
        return {**self._servers.told(subject, told), "sweep_task": None}

    def _of_dashboard(self, subject: Subject, told: dict[str, Any]) -> dict[str, Any]:
        told = {**told, **{name: [] for name in _TELEMETRY if name in told}}
        content = told.get("content")
        if isinstance(content, dict) and isinstance(content.get("music_servers"), list):
            theirs = self._servers.theirs(subject, content["music_servers"])
            told["content"] = {**content, "music_servers": theirs}
        return told

    @staticmethod
    def _of_defaults(_subject: Subject, told: dict[str, Any]) -> dict[str, Any]:
        return {
            name: NOBODY if name in {"default_user", "default_user_id"} else value
            for name, value in told.items()
        }


def _in_the_apps_word(response: Response) -> Response:
    """Say a refusal in the member that the app's pages show, too."""
    told = response.get_json(silent=True)
    if isinstance(told, dict) and "error" not in told and told.get("detail"):
        response.set_data(json.dumps({**told, "error": told["detail"]}) + "\n")
    return response
