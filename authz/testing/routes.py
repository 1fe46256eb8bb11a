"""That no route of an app is left to chance."""

from flask import Flask

from authz.extension import get_authz
from authz.policy.analysis.coverage import coverage
from authz.policy.route_tables import route_patterns


def assert_every_route_is_classified(app: Flask) -> None:
    """Fail if *app* has a route that no rule opens and that nobody declared public.

    Such a route is refused to all, so nothing is open; but somebody forgot a line of
    the policy, or a route.

    Raises:
        AssertionError: with each such route and its endpoint.
        RuntimeError: if authz does not guard *app*.
    """
    guarded = get_authz(app)
    routes = route_patterns(app.url_map.iter_rules(), guarded.views.public_endpoints)
    missing = [
        f"{route.method} {route.route} ({route.endpoint})"
        for route in coverage(guarded.runtime.policy, routes)
        if not route.is_covered
    ]
    if missing:
        count = "one route is" if len(missing) == 1 else f"{len(missing)} routes are"
        raise AssertionError(
            f"{count} open to nobody, because no line of the policy speaks of them: "
            + ", ".join(missing)
        )
