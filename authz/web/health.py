"""Two addresses for whoever watches the app: does it run, and may it answer.

Open to everybody and so without anything worth knowing; a rule that denies them wins.
"""

from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint
from werkzeug.wrappers import Response

from authz.runtime import Runtime
from authz.web.guarded_views import public
from authz.web.rendering import json_page

#: Answered even while the store has been out of reach for too long.
HEALTH: Final = frozenset({"authz.healthz", "authz.readyz"})


def add_health(blueprint: Blueprint, runtime: Runtime) -> None:
    """Add `/healthz` and `/readyz` to *blueprint*."""

    @public
    def healthz() -> Response:
        """Say that the process runs."""
        return json_page({"status": "ok"})

    @public
    def readyz() -> Response:
        """Say whether requests can be decided."""
        if runtime.following.is_stale:
            status, word = HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable"
        elif runtime.identity.lacks_keys:
            status, word = HTTPStatus.SERVICE_UNAVAILABLE, "keys-unavailable"
        else:
            status, word = HTTPStatus.OK, "ok"
        return json_page({"status": word, **_store(runtime)}, status)

    blueprint.add_url_rule("/healthz", "healthz", healthz, methods=["GET"])
    blueprint.add_url_rule("/readyz", "readyz", readyz, methods=["GET"])


def _store(runtime: Runtime) -> dict[str, Any]:
    """Return how fresh what is served is, where there is a database or a problem.

    A database that takes no changes is no reason not to serve: what it says is decided
    by, and all replicas would be taken away at once. It is said.
    """
    following = runtime.following
    if runtime.stores.database is None and not following.problems:
        return {}
    return {
        "age_seconds": {part: round(age, 1) for part, age in following.ages.items()},
        "failing": sorted(following.problems),
        "writable": runtime.write_problem is None,
        "restored": runtime.restored is not None,
    }
