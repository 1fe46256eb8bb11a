"""The rules as a list and as the lines of a policy file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from werkzeug.wrappers import Response

from authz.admin import rules as use_cases
from authz.admin.rules import RuleEntry
from authz.policy.csv_rows import spell
from authz.policy.patterns import PathPattern, method_match
from authz.policy.records import Remove, Replace, Switch
from authz.policy.route_tables import RoutePattern
from authz.web.pages.base import AdminPages
from authz.web.pages.export import lines_as_file
from authz.web.pages.menu import Group, MenuEntry
from authz.web.pages.pagination import SIZE, Listing, asked, asked_page, listing
from authz.web.pages.sorting import Sorting, asked_sorting

_AS_KEPT: Final = Sorting()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRule:
    """A rule, and what is worth knowing beside it."""

    rule: RuleEntry
    #: How many routes of the app it speaks of; None if the app has none.
    routes: int | None
    #: What the visitor's draft does with it: `removed`, `changed`, `disabled`,
    #: `enabled`, or nothing.
    drafted: str
    #: A question for the tester.
    method: str
    path: str


class Rules:
    """The pages that list rules."""

    def __init__(self, pages: AdminPages) -> None:
        """Add the pages to *pages*."""
        self._pages = pages
        entry = MenuEntry(
            label="Rules", endpoint="authz_admin.rules", group=Group.WHAT, icon="rules"
        )
        pages.add("/admin/rules", "rules", self.show, entry=entry)
        pages.add("/admin/rules/lines", "rules_lines", self.lines)
        pages.add("/admin/rules/policy.csv", "rules_csv", self.export)

    def show(self) -> Response:
        """Show the list."""
        sorting, reach = asked_sorting(use_cases.RULE_ORDERS), self._pages.reach
        found = self._asked_for(sorting)
        routes = self._pages.context.routes()
        drafted = self._drafted()
        return self._pages.page(
            "authz/admin/rules.html",
            listing=Listing(
                rows=[_shown(rule, routes, drafted) for rule in found.rows],
                total=found.total,
                page=found.page,
            ),
            sorting=sorting,
            search=asked("search"),
            subject=asked("subject"),
            effect=asked("effect"),
            offered=self._pages.names() if reach.is_all else [],
            limited=not reach.is_all,
        )

    def lines(self) -> Response:
        """Show rules and grants as lines of a policy file."""
        search = asked("search").casefold()
        lines = [line for line in self._lines() if search in line.casefold()]
        return self._pages.page(
            "authz/admin/rules_lines.html",
            listing=listing(lines),
            search=asked("search"),
        )

    def export(self) -> Response:
        """Return every rule and grant as a policy file."""
        return lines_as_file("policy.csv", self._lines(), "text/csv; charset=utf-8")

    def _lines(self) -> list[str]:
        return [
            ("# " if entry.disabled else "") + spell(entry.row.kind, *entry.row.fields)
            for entry in self._pages.context.records.snapshot().entries
        ]

    def _asked_for(self, sorting: Sorting = _AS_KEPT) -> Listing[RuleEntry]:
        page = asked_page()
        found = use_cases.list_rules(
            self._pages.context,
            search=asked("search"),
            subject=asked("subject"),
            effect=asked("effect"),
            reach=self._pages.reach,
            order=sorting.column,
            descending=sorting.descending,
            limit=SIZE,
            offset=(page - 1) * SIZE,
        )
        return Listing(rows=found.items, total=found.total, page=page)

    def _drafted(self) -> dict[str, str]:
        draft = self._pages.draft
        drafted: dict[str, str] = {}
        for change in draft.changes if draft else ():
            match change:
                case Remove():
                    drafted[change.id] = "removed"
                case Replace():
                    drafted[change.id] = "changed"
                case Switch():
                    drafted[change.id] = "disabled" if change.disabled else "enabled"
                case _:
                    pass
        return drafted


def _shown(
    rule: RuleEntry, routes: Sequence[RoutePattern], drafted: dict[str, str]
) -> ShownRule:
    field, pattern = "|".join(rule.methods), PathPattern.of(rule.path)
    matching = sum(
        method_match(route.method, field) and pattern.matches(route.path)
        for route in routes
    )
    return ShownRule(
        rule=rule,
        routes=matching if routes else None,
        drafted=drafted.get(rule.id, ""),
        method="GET" if rule.methods == ("*",) else rule.methods[0],
        path=pattern.sample(),
    )
