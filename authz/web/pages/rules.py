"""The rules as a list and as the lines of a policy file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from werkzeug.wrappers import Response

from authz.admin import rules as use_cases
from authz.admin.decisions import within
from authz.admin.rules import RuleEntry
from authz.policy.analysis.coverage import coverage
from authz.policy.csv_rows import spell
from authz.policy.patterns import PathPattern, method_match
from authz.policy.records import Remove, Replace, Switch
from authz.policy.route_tables import RoutePattern
from authz.scope import Scope, ScopeSet, pattern_problem
from authz.web.pages.base import AdminPages
from authz.web.pages.export import lines_as_file
from authz.web.pages.pagination import SIZE, Listing, asked, asked_page, listing
from authz.web.pages.rule_form import address_of_same
from authz.web.pages.sorting import Sorting, asked_sorting

_AS_KEPT: Final = Sorting()
_FIRST_PAGE: Final = RoutePattern(method="GET", route="/", path="/", endpoint="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRule:
    """A rule, and what is worth knowing beside it."""

    rule: RuleEntry
    #: How many routes of the app it speaks of; None if the app has none.
    routes: int | None
    #: What the visitor's draft does with it: `removed`, `changed`, `disabled`,
    #: `enabled`, or nothing.
    drafted: str
    #: The address of the form for a new rule that says the same.
    duplicate: str
    #: A question for the tester.
    method: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPlace:
    """One scope whose rules are shown: a host, say."""

    scope: str
    #: What people call it.
    label: str
    #: The names of the policy that may open its first page; None if it has none.
    who: tuple[str, ...] | None


class Rules:
    """The pages that list rules."""

    def __init__(self, pages: AdminPages) -> None:
        """Add the pages to *pages*."""
        self._pages = pages
        pages.add("/admin/rules", "rules", self.show)
        pages.add("/admin/rules/lines", "rules_lines", self.lines)
        pages.add("/admin/rules/policy.csv", "rules_csv", self.export)

    def show(self) -> Response:
        """Show the list; that of one scope, and who may what there, if one is named."""
        sorting, reach = asked_sorting(use_cases.RULE_ORDERS), self._pages.reach
        found = self._asked_for(sorting)
        routes = self._pages.context.routes()
        drafted = self._drafted()
        return self._pages.page(
            "authz/admin/rules.html",
            listing=Listing(
                rows=[
                    _shown(rule, routes if self._is_of(rule) else (), drafted)
                    for rule in found.rows
                ],
                total=found.total,
                page=found.page,
            ),
            sorting=sorting,
            search=asked("search"),
            subject=asked("subject"),
            effect=asked("effect"),
            scope=self._scope(),
            place=self._place(),
            offered=self._pages.names() if reach.is_all else [],
            limited=not reach.is_all,
        )

    def _is_of(self, rule: RuleEntry) -> bool:
        """Whether *rule* speaks of this app, and not of others behind `authz serve`."""
        own = self._pages.context.settings.own_scope
        return own is None or ScopeSet.where((own.text,)).meets(rule.scope)

    def _scope(self) -> str:
        """Return the scope pattern that is asked for; empty if none can be."""
        scope = self._pages.asked_scope()
        possible = self._pages.context.scoped and not pattern_problem(scope)
        return scope if possible else ""

    def _place(self) -> "ShownPlace | None":
        """Return the one scope that is asked for, if it is one and theirs to see."""
        scope = self._scope()
        if not scope or scope.endswith("*") or not self._pages.reach.covers(scope):
            return None
        context = self._pages.context
        label = context.named_scopes().get(scope, "")
        who = None
        if context.settings.own_scope is not None:
            # Of another app, whose routes are not known. Names of the policy: a page
            # with each of ten thousand people would be slow, and nobody reads it.
            policy = within(context.policy, Scope(scope))
            (found,) = coverage(policy, [_FIRST_PAGE])
            who = tuple(sorted(found.who, key=lambda n: (not n.startswith("role:"), n)))
        label = label or scope.partition(":")[2]
        return ShownPlace(scope=scope, label=label, who=who)

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
            scope=self._scope(),
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
    field, pattern = rule.method_field, PathPattern.of(rule.path)
    matching = sum(
        method_match(route.method, field) and pattern.matches(route.path)
        for route in routes
    )
    return ShownRule(
        rule=rule,
        routes=matching if routes else None,
        drafted=drafted.get(rule.id, ""),
        duplicate=address_of_same(rule),
        method="GET" if rule.methods == ("*",) else rule.methods[0],
        path=pattern.sample(),
    )
