"""Two addresses for whoever watches the app: does it run, and may it answer.

Open to everybody and so without anything worth knowing; a rule that denies them wins.
"""

import json
from http import HTTPStatus
from typing import Final

from flask import Blueprint
from werkzeug.wrappers import Response

from authz.runtime import Runtime
from authz.web.guarded_views import public
from authz.web.rendering import protect_page

#: Answered even while the store has been out of reach for too long.
HEALTH: Final = frozenset({"authz.healthz", "authz.readyz"})


def add_health(blueprint: Blueprint, runtime: Runtime) -> None:
    """Add `/healthz` and `/readyz` to *blueprint*."""

    @public
    def healthz() -> Response:
        """Say that the process runs."""
        return _answer(HTTPStatus.OK, "ok")

    @public
    def readyz() -> Response:
        """Say whether requests can be decided."""
        if runtime.following.is_stale:
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable")
        if runtime.identity.lacks_keys:
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE, "keys-unavailable")
        return _answer(HTTPStatus.OK, "ok")

    blueprint.add_url_rule("/healthz", "healthz", healthz, methods=["GET"])
    blueprint.add_url_rule("/readyz", "readyz", readyz, methods=["GET"])


def _answer(status: HTTPStatus, word: str) -> Response:
    body = json.dumps({"status": word}) + "\n"
    return protect_page(Response(body, status, content_type="application/json"))
