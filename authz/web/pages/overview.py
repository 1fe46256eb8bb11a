"""The first page: what is in force, and what wants looking at."""

from werkzeug.wrappers import Response

from authz.web.pages.frame import AdminPages
from authz.web.pages.menu import Group, MenuEntry
from authz.web.pages.routes import RouteTable


class Overview:
    """The overview of one app."""

    def __init__(self, pages: AdminPages, table: RouteTable) -> None:
        """Add the page to *pages*."""
        self._pages = pages
        self._table = table
        entry = MenuEntry(
            label="Overview",
            endpoint="authz_admin.overview",
            group=Group.FIRST,
            icon="overview",
        )
        pages.add("/admin/", "overview", self.show, entry=entry)

    def show(self) -> Response:
        """Show it."""
        routes = self._table.covered()
        return self._pages.page(
            "authz/admin/overview.html",
            uncovered=[route for route in routes if not route.is_covered],
            open=[route for route in routes if route.is_open],
            routes=routes,
        )
