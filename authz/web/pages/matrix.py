"""Rules as a table: what they speak of down the side, roles across, one button each."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flask import request
from werkzeug.wrappers import Response

from authz.admin.changes import Draft
from authz.admin.latest_cache import LatestCache
from authz.admin.rules import RuleEntry, rules_of
from authz.admin.scopes import known_scopes, sample_of
from authz.decision import (
    ANONYMOUS,
    AUTHENTICATED,
    EVERYONE,
    AccessRequest,
    Effect,
    PolicyInForce,
    Subject,
)
from authz.policy.parse_subject import parse_subject
from authz.policy.patterns import USUAL_METHODS, PathPattern
from authz.policy.records import Add, Remove, Replace, Switch
from authz.policy.route_tables import is_ours
from authz.policy.rules import ADMIN
from authz.policy.written_rule import WrittenRule
from authz.scope import ANY_SCOPE, Scope, pattern_problem, patterns_of
from authz.web.pages import wording
from authz.web.pages.base import AdminPages, Refused
from authz.web.pages.pagination import Listing, asked, asked_page
from authz.web.pages.previews import Previews
from authz.web.pages.routes import RouteTable, rule_path

#: As many roles as fit beside each other.
_COLUMNS: Final = 7
_ROWS: Final = 40
#: Asks for the routes that no rule names, too.
_ROUTES_TOO: Final = "routes"
#: More rules than this, and a draft is not put together for each look at the matrix.
_MANY: Final = 2000


class State(StrEnum):
    """What a cell says."""

    #: The very rule of this cell allows it.
    ALLOWED = "yes"
    #: Another rule or role allows it.
    ELSEWHERE = "elsewhere"
    #: Another rule or role allows some of it.
    PARTLY = "part"
    DENIED = "no"
    SILENT = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one role gets of what one row speaks of."""

    role: str
    state: State
    #: Whether the visitor's draft changes the rule of this very cell.
    drafted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """What some rules speak of."""

    path: str
    #: As a policy spells them: `GET|POST`, `*`.
    methods: str
    cells: tuple[Cell, ...]


_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What the matrix of one state of the store begins with."""

    rules: tuple[RuleEntry, ...]
    #: What allow rules say by themselves.
    there: frozenset[_Key]
    #: What they speak of, in the order of the rows.
    rows: tuple[tuple[str, str], ...]


class Matrix:
    """The page with the matrix."""

    def __init__(
        self, pages: AdminPages, previews: Previews, table: RouteTable
    ) -> None:
        """Add the page to *pages*; *table* knows the routes of the app."""
        self._pages = pages
        self._table = table
        self._previews = previews
        self._grounds: LatestCache[_Ground] = LatestCache()
        pages.add("/admin/rules/matrix", "rules_matrix", self.show)

    def usual_scope(self) -> str:
        """Return the scope that is shown first; empty in a policy without scopes."""
        return ANY_SCOPE if self._pages.context.scoped else ""

    def ground(self, scope: str) -> _Ground:
        """Return what does not depend on who looks, of rules that hold in *scope*.

        It is a pattern, or empty in a policy without scopes. Raises as stores do.
        """
        context = self._pages.context
        now = context.records.snapshot()

        def find() -> _Ground:
            wider = patterns_of(scope)
            rules = tuple(r for r in rules_of(context, now) if r.scope in wider)
            there = frozenset(_there(rules, None, scope))
            rows = {(r.path, r.method_field) for r in rules if _allows(r)}
            return _Ground(
                rules=rules, there=there, rows=tuple(sorted(rows, key=_order))
            )

        return self._grounds.get((now.etag, scope), find)

    def show(self) -> Response:
        """Show it, with the visitor's draft as if it were in force."""
        pages = self._pages
        draft = pages.draft
        scope = self.usual_scope()
        scope = scope and (pages.asked_scope() or scope)
        wrong = pattern_problem(scope) if scope else None
        if wrong is not None:
            raise Refused(wording.sentence(wrong))
        about = sample_of(scope, known_scopes(pages.context)) if scope else None
        ground = self.ground(scope)
        rules = ground.rules
        policy, problem = self._policy(draft, len(rules))
        drafted = _drafted(draft, rules, scope)
        there: AbstractSet[_Key] = ground.there
        rows_of: Iterable[tuple[str, str]] = ground.rows
        if drafted:
            there = _there(rules, draft, scope)
            more = {(path, methods) for _, path, methods in there | drafted}
            rows_of = sorted(more.union(ground.rows), key=_order)
        with_routes = asked("rows") == _ROUTES_TOO
        if with_routes:
            rows_of = sorted({*rows_of, *self._routes()}, key=_order)
        columns, others = self._columns(rules, policy)
        search = asked("search").casefold()
        keys = [key for key in rows_of if search in " ".join(key).casefold()]
        page = asked_page()
        shown = keys[(page - 1) * _ROWS : page * _ROWS]
        holders = {role: _holder(role) for role in columns}
        rows = [
            _row(policy, about, path, methods, holders, there, drafted)
            for path, methods in shown
        ]
        return pages.page(
            "authz/admin/rules_matrix.html",
            listing=Listing(rows=rows, total=len(keys), page=page, size=_ROWS),
            columns=columns,
            others=others,
            with_routes=with_routes,
            search=asked("search"),
            scope=scope,
            problem=problem,
        )

    def _routes(self) -> Iterator[tuple[str, str]]:
        """Yield each route of the app, as a rule for it alone would name it."""
        for route in self._table.patterns():
            if not is_ours(route.endpoint):
                yield rule_path(route.route), route.method

    def _policy(self, draft: Draft | None, rules: int) -> tuple[PolicyInForce, str]:
        """Return the policy that the cells show, and why it is not the draft's.

        With very many rules the draft is not put together for each look at it: its own
        cells show what it says, the others what is in force.
        """
        pages = self._pages
        if draft is None or rules > _MANY:
            return pages.context.policy, ""
        seen = self._previews.of(pages.actor, draft)
        if seen.after is not None:
            return seen.after, ""
        return pages.context.policy, "; ".join(p.message for p in seen.problems)

    def _columns(
        self, rules: Iterable[RuleEntry], policy: PolicyInForce
    ) -> tuple[list[str], list[str]]:
        """Return the roles to show, and those that could be shown instead."""
        count: dict[str, int] = {}
        for rule in rules:
            if rule.subject.startswith("role:"):
                count[rule.subject] = count.get(rule.subject, 0) + 1
        for grant in policy.written.grants if policy.written else ():
            count.setdefault(grant.role, 0)
        every = sorted(count, key=lambda role: -count[role])
        chosen = [role for role in request.args.getlist("role") if role in count]
        if not chosen:
            first = [role for role in (EVERYONE, AUTHENTICATED) if role in count]
            last = [ADMIN] if ADMIN in count else []
            rest = [role for role in every if role not in {*first, *last}]
            chosen = first + rest[: _COLUMNS - len(first) - len(last)] + last
        chosen = chosen[:_COLUMNS]
        return chosen, [role for role in every if role not in chosen][:300]


def _row(  # noqa: PLR0913, PLR0917 - what a row is made of
    policy: PolicyInForce,
    about: Scope | None,
    path: str,
    methods: str,
    holders: Mapping[str, Subject],
    there: Container[_Key],
    drafted: Container[_Key],
) -> MatrixRow:
    cells = []
    for role, holder in holders.items():
        key = (role, path, methods)
        state = _state(policy, about, holder, path, methods)
        if key in there and state in {State.ELSEWHERE, State.SILENT}:
            state = State.ALLOWED
        cells.append(Cell(role=role, state=state, drafted=key in drafted))
    return MatrixRow(path=path, methods=methods, cells=tuple(cells))


def _allows(rule: RuleEntry) -> bool:
    return rule.effect == Effect.ALLOW and not rule.entry.disabled


def _there(rules: Sequence[RuleEntry], draft: Draft | None, scope: str) -> set[_Key]:
    """Return what allow rules say by themselves in just *scope*.

    With *draft* as if in force.
    """
    changes = draft.changes if draft else ()
    changed = {c.id: c for c in changes if not isinstance(c, Add)}
    there: set[_Key] = set()
    for rule in rules:
        change = changed.get(rule.id)
        off = rule.entry.disabled
        if isinstance(change, Switch):
            off = change.disabled
        gone = isinstance(change, (Remove, Replace))
        if rule.allows_in(scope) and not off and not gone:
            there.add(_key_of(rule))
    for added in changes:
        if isinstance(added, (Add, Replace)) and added.row.kind == "p":
            written = WrittenRule.of_row(added.row)
            if written.allows_in(scope):
                there.add(_key_of(written))
    return there


def _key_of(rule: WrittenRule) -> _Key:
    return rule.subject, rule.path, rule.method_field


def _drafted(draft: Draft | None, rules: Sequence[RuleEntry], scope: str) -> set[_Key]:
    """Return the rules that *draft* adds, takes away or changes."""
    by_id = {rule.id: rule for rule in rules}
    drafted: set[_Key] = set()
    for change in draft.changes if draft else ():
        rules_of_it: list[WrittenRule] = []
        if isinstance(change, (Add, Replace)) and change.row.kind == "p":
            rules_of_it.append(WrittenRule.of_row(change.row))
        if not isinstance(change, Add) and change.id in by_id:
            rules_of_it.append(by_id[change.id])
        drafted |= {_key_of(rule) for rule in rules_of_it if rule.scope == scope}
    return drafted


def _state(
    policy: PolicyInForce,
    about: Scope | None,
    holder: Subject,
    path: str,
    methods: str,
) -> State:
    """Return what *holder* gets by whatever rule, *about* a scope if there are any."""
    asked_about = USUAL_METHODS if methods == "*" else methods.split("|")
    sample = PathPattern.of(path).sample()
    answers = [
        policy.decide(
            AccessRequest(subject=holder, path=sample, method=method, scope=about)
        )
        for method in asked_about
    ]
    allowed = sum(map(bool, answers))
    if allowed == len(answers):
        return State.ELSEWHERE
    if allowed:
        return State.PARTLY
    denied = any(answer.rules for answer in answers)
    return State.DENIED if denied else State.SILENT


def _holder(role: str) -> Subject:
    return ANONYMOUS if role == EVERYONE else parse_subject(role)


def _order(key: tuple[str, str]) -> tuple[str, str]:
    path, methods = key
    return path.rstrip("*"), methods
