"""Other WSGI apps that are mounted beside the guarded one.

A mounted app answers before Flask does, so the hook never sees its requests.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from authz.policy.patterns import USUAL_METHODS
from authz.policy.route_tables import RoutePattern, sample_path

#: Where an app keeps the prefixes of its guarded mounts, in `app.extensions`.
MOUNTS: Final = "authz_mounts"

#: How many wrappers around the app are looked through.
_DEPTH = 32


def undeclared_mounts(wsgi_app: Any, declared: Iterable[str]) -> list[str]:
    """Return the prefixes mounted around *wsgi_app* that nobody declared.

    An app wrapped by `Authz.guard_mount` counts as declared.
    """
    known = {prefix.rstrip("/") for prefix in declared}
    return [
        prefix
        for prefix, mounted in _mounts(wsgi_app)
        if prefix.rstrip("/") not in known and not isinstance(mounted, GuardedMount)
    ]


def _mounts(wsgi_app: Any) -> Iterator[tuple[str, Any]]:
    for _ in range(_DEPTH):
        if isinstance(wsgi_app, DispatcherMiddleware):
            yield from wsgi_app.mounts.items()
        # `app` is what Werkzeug's own wrappers call what they wrap.
        inner = getattr(wsgi_app, "app", None) or getattr(wsgi_app, "wsgi_app", None)
        if inner is None or not callable(inner):
            return
        wsgi_app = inner


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
