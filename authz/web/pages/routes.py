"""Who can open what: every route of the app, with what the policy says of it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from werkzeug.wrappers import Response

from authz.admin.latest_cache import LatestCache
from authz.admin.pagination import in_order
from authz.policy.analysis.coverage import Route, coverage
from authz.policy.route_tables import RoutePattern, is_ours, route_patterns
from authz.policy.rules import ADMIN
from authz.web.pages.base import AdminPages
from authz.web.pages.export import csv_file
from authz.web.pages.pagination import asked, listing
from authz.web.pages.sorting import asked_sorting

_FILTERS: Final[Mapping[str, tuple[str, Callable[[Route], bool]]]] = {
    "": ("All", lambda _: True),
    "uncovered": ("Nobody", lambda route: not route.is_covered),
    "open": ("Everyone", lambda route: route.is_open),
    "admin": ("Administrators only", lambda route: route.who == (ADMIN,)),
}

#: As many cards as one scrolls through on a phone.
_ROWS: Final = 20

#: The columns that the table can be sorted by.
_ORDERS: Final[Mapping[str, Callable[[Route], object]]] = {
    "route": lambda route: (route.route, route.method),
    "method": lambda route: (route.method, route.route),
    "who": lambda route: (not route.declared_public, route.who),
    "because": lambda route: route.origins or None,
}


class RouteTable:
    """The routes of one app, and who may use them under the policy in force."""

    def __init__(self, pages: AdminPages) -> None:
        """Look at the app of *pages*."""
        self._pages = pages
        self._known: LatestCache[list[Route]] = LatestCache()

    def patterns(self) -> list[RoutePattern]:
        """Return every route and method of the app."""
        pages = self._pages
        return route_patterns(pages.app.url_map.iter_rules(), pages.public_endpoints)

    def covered(self) -> list[Route]:
        """Return every route with who may use it, as the policy in force says."""
        policy = self._pages.runtime.policy
        patterns = self.patterns()
        return self._known.get(
            (policy.revision, len(patterns)),
            lambda: sorted(
                coverage(policy, patterns), key=lambda r: is_ours(r.endpoint)
            ),
        )


class Routes:
    """The pages about routes."""

    def __init__(self, pages: AdminPages, table: RouteTable) -> None:
        """Add the pages to *pages*."""
        self._pages = pages
        self._table = table
        pages.add("/admin/routes", "routes", self.show)
        pages.add("/admin/routes.csv", "routes_csv", self.export)

    def show(self) -> Response:
        """Show the table."""
        routes = self._table.covered()
        sorting = asked_sorting(_ORDERS)
        found: Iterable[Route] = self._asked_for()
        if sorting.column:
            key = _ORDERS[sorting.column]
            found = in_order(found, key, descending=sorting.descending)
        filters = [
            (key, label, sum(map(keeps, routes)))
            for key, (label, keeps) in _FILTERS.items()
        ]
        return self._pages.page(
            "authz/admin/routes.html",
            listing=listing(list(found), _ROWS),
            sorting=sorting,
            filters=filters,
            access=asked("access"),
            search=asked("search"),
            uncovered=sum(not route.is_covered for route in routes),
            rule_path=rule_path,
            readable=self._pages.runtime.policy.written is not None,
        )

    def export(self) -> Response:
        """Return the same table as a file."""
        return csv_file(
            "routes.csv",
            ("Method", "Route", "Endpoint", "Who", "Rules"),
            (
                (r.method, r.route, r.endpoint, r.access, ", ".join(r.origins))
                for r in self._asked_for()
            ),
        )

    def _asked_for(self) -> Iterator[Route]:
        _, keeps = _FILTERS.get(asked("access"), _FILTERS[""])
        search = asked("search").casefold()
        for route in self._table.covered():
            text = f"{route.method} {route.route} {route.endpoint}".casefold()
            if keeps(route) and search in text:
                yield route


def rule_path(route: str) -> str:
    """Return the path of a rule for all that the router's pattern *route* serves."""
    whole = re.sub(r"<path:[^<>]+>.*", "*", route)
    return re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r":\1", whole)
