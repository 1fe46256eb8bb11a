"""Another WSGI app that somebody else mounts beside the guarded one.

A mounted app answers before Flask does, so the hook never sees its requests. What is
mounted around `app.wsgi_app` is guarded anyway; see `wsgi_stack`.
"""

from collections.abc import Callable
from typing import Any, Final

from flask import Flask

from authz.policy.patterns import USUAL_METHODS
from authz.policy.route_tables import RoutePattern, sample_path

#: Where an app keeps the prefixes of its guarded mounts, in `app.extensions`.
MOUNTS: Final = "authz_mounts"


def mounted_routes(app: Flask) -> tuple[RoutePattern, ...]:
    """Return what the apps behind `Authz.guard_mount` may serve: all below a prefix."""
    return tuple(
        RoutePattern(method=method, route=route, path=sample_path(route), endpoint="")
        for prefix in sorted(app.extensions.get(MOUNTS, ()))
        for route in (prefix, f"{prefix}/", f"{prefix}/<path:mounted>")
        for method in USUAL_METHODS
    )


class GuardedMount:
    """A mounted WSGI app behind the policy of the app it is mounted beside."""

    def __init__(
        self,
        prefix: str,
        mounted: Callable[..., Any],
        refuse: Callable[[dict[str, Any], str], Callable[..., Any] | None],
    ) -> None:
        self._prefix = prefix.rstrip("/")
        self._mounted = mounted
        self._refuse = refuse

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer one request: the mounted app's, or a refusal."""
        answer = self._refuse(environ, self._prefix)
        return (answer or self._mounted)(environ, start_response)
