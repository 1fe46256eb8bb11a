"""Roles: who holds them, what comes with them, and what they may."""

from collections.abc import Sequence

from flask import url_for
from werkzeug.wrappers import Response

from authz.admin.roles import GIVEN, Role, find_role, list_roles
from authz.decision import Effect
from authz.names import KINDS
from authz.web.pages.frame import AdminPages, Crumb
from authz.web.pages.listing import asked, listing
from authz.web.pages.menu import Group, MenuEntry
from authz.web.pages.sentences import rule_of
from authz.web.pages.tester import names_of

_OFFERED = 300


class Roles:
    """The pages about roles."""

    def __init__(self, pages: AdminPages) -> None:
        """Add the pages to *pages*."""
        self._pages = pages
        entry = MenuEntry(
            label="Roles", endpoint="authz_admin.roles", group=Group.WHO, icon="role"
        )
        pages.add("/admin/roles", "roles", self.show, entry=entry)
        pages.add("/admin/roles/role", "role", self.role)

    def show(self) -> Response:
        """Show every role."""
        search = asked("search").casefold()
        roles, _ = list_roles(self._pages.office)
        found = [role for role in roles if search in role.name.casefold()]
        return self._pages.page(
            "authz/admin/roles.html", listing=listing(found), search=asked("search")
        )

    def role(self) -> Response:
        """Show one role."""
        pages = self._pages
        role, _ = find_role(pages.office, asked("name"))
        roles, _ = list_roles(pages.office)
        names = names_of(pages.runtime.policy) - GIVEN
        return pages.page(
            "authz/admin/role.html",
            crumbs=[Crumb(label="Roles", url=url_for("authz_admin.roles"))],
            role=role,
            rules=[(entry, rule_of(entry.entry.row)) for entry in role.rules],
            members=listing(role.members),
            allows=_methods_and_paths(role, Effect.ALLOW),
            denies=_methods_and_paths(role, Effect.DENY),
            can_hold=[r.name for r in roles if r.name != role.name and not r.given],
            offered=sorted(n for n in names if n.partition(":")[0] in KINDS)[:_OFFERED],
        )


def _methods_and_paths(role: Role, effect: Effect) -> Sequence[tuple[str, str]]:
    """Return what the rules of *role* with *effect* speak of."""
    return [
        ("|".join(rule.methods), rule.path)
        for rule in role.rules
        if rule.effect == effect and not rule.entry.disabled
    ]
