"""The admin context of a Flask app: its routes, who administers by a request."""

from collections.abc import Callable, Mapping
from functools import partial

from flask import Flask, request
from werkzeug.exceptions import HTTPException

from authz.admin.context import Actor, AdminContext
from authz.decision import Subject
from authz.identity.source import RequestFacts
from authz.policy.route_tables import RoutePattern, route_patterns
from authz.runtime import Runtime
from authz.web.guarded_views import GuardedViews
from authz.web.mounts import mounted_routes
from authz.web.state import current_state


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


def current_actor(
    runtime: Runtime, subject: Subject | None = None, *, request_id: str = ""
) -> Actor:
    """Return who administers by the current request; *subject*, if that is known."""
    facts = RequestFacts(request.environ)
    return Actor(
        subject=subject or current_state().subject,
        peer=facts.peer,
        client=str(runtime.client(facts)),
        request_id=request_id,
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
