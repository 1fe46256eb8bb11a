"""The admin context of a Flask app: its routes, and which one serves a path."""

from collections.abc import Callable, Mapping
from functools import partial

from flask import Flask
from werkzeug.exceptions import HTTPException

from authz.admin.context import AdminContext
from authz.policy.route_tables import RoutePattern, route_patterns
from authz.runtime import Runtime
from authz.web.guarded_views import GuardedViews
from authz.web.mounts import mounted_routes


def context_of(
    app: Flask,
    runtime: Runtime,
    views: GuardedViews,
    *,
    named_scopes: Callable[[], Mapping[str, str]],
) -> AdminContext:
    """Return where *app*, which names its scopes by *named_scopes*, is administered."""
    return AdminContext(
        runtime=runtime,
        routes=partial(_routes, app, views),
        mounts=partial(mounted_routes, app),
        find_route=partial(_find_route, app, views),
        named_scopes=named_scopes,
    )


def _routes(app: Flask, views: GuardedViews) -> tuple[RoutePattern, ...]:
    """Return the routes of *app* at this moment; some may be added late."""
    return tuple(route_patterns(app.url_map.iter_rules(), views.public_endpoints))


def _find_route(
    app: Flask, views: GuardedViews, method: str, path: str
) -> RoutePattern | None:
    try:
        rule, _ = app.url_map.bind("").match(path, method, return_rule=True)
    except HTTPException:
        return None
    return RoutePattern(
        method=method,
        route=rule.rule,
        path=path,
        endpoint=rule.endpoint,
        public=rule.endpoint in views.public_endpoints,
    )
