"""Roles: who holds them, what comes with them, and what they may."""

from collections.abc import Sequence

from flask import url_for
from werkzeug.wrappers import Response

from authz.admin.context import AdminContext
from authz.admin.latest_cache import LatestCache
from authz.admin.roles import GIVEN, Role, list_roles
from authz.decision import Effect
from authz.errors import NotFound
from authz.scope import ScopeSet
from authz.web.pages.base import AdminPages, Crumb
from authz.web.pages.pagination import asked, listing


class RoleBook:
    """The roles of one app; they are put together once for each state of the store."""

    def __init__(self, context: AdminContext) -> None:
        """Look at the store of *context*."""
        self._context = context
        self._cache: LatestCache[dict[str, Role]] = LatestCache()

    def every(self) -> tuple[Role, ...]:
        """Return every role, by name. Raises `StoreError` and `PolicyError`."""
        return tuple(self._by_name().values())

    def within(self, reach: ScopeSet) -> tuple[Role, ...]:
        """Return the roles of which some line speaks that holds in *reach*."""
        return tuple(
            role
            for role in self.every()
            if any(reach.meets(line.scope) for line in role.rules)
            or any(reach.meets(line.scope) for line in role.members)
        )

    def to_give(self, reach: ScopeSet | None = None) -> list[str]:
        """Return the names of those that somebody can be given, within *reach*."""
        roles = self.every() if reach is None else self.within(reach)
        return [role.name for role in roles if not role.given]

    def find(self, name: str) -> Role:
        """Return the role *name*. Raises `NotFound`."""
        role = self._by_name().get(name)
        if role is None:
            raise NotFound(
                f"no rule and no grant names the role `{name[:80]}`",
                "look at the list of roles",
            )
        return role

    def _by_name(self) -> dict[str, Role]:
        etag = self._context.records.snapshot().etag
        return self._cache.get(
            etag, lambda: {role.name: role for role in list_roles(self._context)[0]}
        )


class Roles:
    """The pages about roles."""

    def __init__(self, pages: AdminPages, book: RoleBook) -> None:
        """Add the pages to *pages*."""
        self._pages = pages
        self._book = book
        pages.add("/admin/roles", "roles", self.show)
        pages.add("/admin/roles/role", "role", self.role)

    def show(self) -> Response:
        """Show every role."""
        search = asked("search").casefold()
        roles = self._book.every()
        found = [role for role in roles if search in role.name.casefold()]
        return self._pages.page(
            "authz/admin/roles.html", listing=listing(found), search=asked("search")
        )

    def role(self) -> Response:
        """Show one role."""
        pages = self._pages
        role = self._book.find(asked("name"))
        return pages.page(
            "authz/admin/role.html",
            crumbs=[Crumb(label="Roles", url=url_for("authz_admin.roles"))],
            role=role,
            rules=[
                (entry, entry.as_rule(entry.entry.row.origin)) for entry in role.rules
            ],
            members=listing(role.members),
            allows=_methods_and_paths(role, Effect.ALLOW),
            denies=_methods_and_paths(role, Effect.DENY),
            can_hold=[n for n in self._book.to_give() if n != role.name],
            offered=pages.names(without=GIVEN),
        )


def _methods_and_paths(role: Role, effect: Effect) -> Sequence[tuple[str, str]]:
    """Return what the rules of *role* with *effect* speak of."""
    return [
        (rule.method_field, rule.path)
        for rule in role.rules
        if rule.effect == effect and not rule.entry.disabled
    ]
