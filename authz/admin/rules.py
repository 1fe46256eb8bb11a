"""Rules and grants, as lists to look through and entries to change."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from authz.admin.context import AdminContext
from authz.admin.pagination import DEFAULT_LIMIT, Page, in_order, paged
from authz.decision import PLAIN_COLUMNS, Grant, Origin, has_scope
from authz.errors import NotFound
from authz.policy.csv_rows import Row
from authz.policy.patterns import path_match
from authz.policy.records import Entry, Snapshot
from authz.policy.rules import sound_row, without_scope
from authz.policy.written_rule import WrittenRule
from authz.scope import ANY_SCOPE, EVERYWHERE, ScopeSet


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleEntry(WrittenRule):
    """A rule as an administrator sees it."""

    entry: Entry

    @property
    def id(self) -> str:
        """What names the entry at this state."""
        return self.entry.id


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantEntry:
    """A grant as an administrator sees it."""

    #: None for a grant that settings make; it cannot be changed here.
    entry: Entry | None
    member: str
    role: str
    #: The line or the setting it comes from.
    origin: Origin
    #: The scope pattern in which it holds; empty in a policy without scopes.
    scope: str = ""

    @property
    def id(self) -> str:
        """What names the entry at this state; empty if settings make it."""
        return self.entry.id if self.entry else ""

    @property
    def disabled(self) -> bool:
        """Whether it is kept and gives nothing."""
        return bool(self.entry and self.entry.disabled)


#: What rules can be sorted by; of equals the first in the store is the first.
RULE_ORDERS: Final[Mapping[str, Callable[[RuleEntry], str | None]]] = {
    "effect": lambda rule: rule.effect,
    "who": lambda rule: rule.subject.casefold(),
    "method": lambda rule: rule.method_field,
    "path": lambda rule: rule.path,
    "note": lambda rule: rule.entry.note.casefold() or None,
}


def list_rules(  # noqa: PLR0913 - what a list can be narrowed by
    context: AdminContext,
    *,
    search: str = "",
    subject: str = "",
    effect: str = "",
    path: str = "",
    scope: str = "",
    reach: ScopeSet = EVERYWHERE,
    order: str = "",
    descending: bool = False,
    limit: int = DEFAULT_LIMIT,
    offset: int = 0,
) -> Page[RuleEntry]:
    """Return rules in the order of the store, or by a column of `RULE_ORDERS`.

    Those whose subject, path or note holds *search*, that speak of *subject*, have
    *effect*, match the *path* of a request and hold somewhere in the pattern *scope*;
    each if it is given.
    """
    now = context.records.snapshot()
    where = ScopeSet.where((scope,)) if scope else EVERYWHERE
    found: Iterable[RuleEntry] = (
        rule
        for rule in rules_of(context, now)
        if (not subject or rule.subject == subject)
        and (not effect or rule.effect == effect)
        and (not path or path_match(path, rule.path))
        and reach.meets(rule.scope)
        and where.meets(rule.scope)
        and _holds(search, rule.subject, rule.path, rule.entry.note)
    )
    if order:
        found = in_order(found, RULE_ORDERS[order], descending=descending)
    return paged(found, limit=limit, offset=offset, etag=now.etag)


def find_rule(
    context: AdminContext,
    id: str,  # noqa: A002
    *,
    reach: ScopeSet = EVERYWHERE,
) -> tuple[RuleEntry, str]:
    """Return the rule *id* and the etag of the state.

    Raises `NotFound`, also if it holds in no scope of *reach*.
    """
    now = context.records.snapshot()
    for rule in all_rules(now):
        if rule.id == id and reach.meets(rule.scope):
            return rule, now.etag
    raise NotFound(f"there is no rule `{id[:80]}`")


def list_grants(  # noqa: PLR0913 - what a list can be narrowed by
    context: AdminContext,
    *,
    search: str = "",
    member: str = "",
    role: str = "",
    reach: ScopeSet = EVERYWHERE,
    limit: int = DEFAULT_LIMIT,
    offset: int = 0,
) -> Page[GrantEntry]:
    """Return grants, those that settings make first."""
    now = context.records.snapshot()
    found = (
        grant
        for grant in all_grants(context, now)
        if (not member or grant.member == member)
        and (not role or grant.role == role)
        and reach.meets(grant.scope)
        and _holds(
            search, grant.member, grant.role, grant.entry.note if grant.entry else ""
        )
    )
    return paged(found, limit=limit, offset=offset, etag=now.etag)


def find_grant(
    context: AdminContext,
    id: str,  # noqa: A002
    *,
    reach: ScopeSet = EVERYWHERE,
) -> tuple[GrantEntry, str]:
    """Return the grant *id* and the etag of the state.

    Raises `NotFound`, also if it holds in no scope of *reach*.
    """
    now = context.records.snapshot()
    for grant in all_grants(context, now):
        if id and grant.id == id and reach.meets(grant.scope):
            return grant, now.etag
    raise NotFound(f"there is no grant `{id[:80]}`")


def all_grants(context: AdminContext, now: Snapshot) -> Iterator[GrantEntry]:
    """Yield every grant, those that settings make first."""
    everywhere = ANY_SCOPE if context.settings.grants and context.scoped else ""
    for fixed in context.settings.grants:
        yield _fixed(fixed, everywhere)
    for entry in now.entries:
        if entry.row.kind == "g":
            yield as_grant(entry)


def grant_row(
    *, member: str, role: str, scope: str = "", columns: Sequence[str] = PLAIN_COLUMNS
) -> Row:
    """Return the row of a grant; *columns* and what it raises are as in `sound_row`."""
    where = (scope,) if has_scope(columns) else ()
    row = Row("g", (member, role, *where), Origin("the grant"))
    return sound_row(row, columns, scope=scope)


def rules_of(context: AdminContext, now: Snapshot) -> tuple[RuleEntry, ...]:
    """Return every rule of *now*, the newest state, which is remembered."""
    return context.rules.get(now.etag, lambda: tuple(all_rules(now)))


def all_rules(now: Snapshot) -> Iterator[RuleEntry]:
    """Yield every rule, disabled ones included."""
    for entry in now.entries:
        if entry.row.kind == "p":
            yield as_rule(entry)


def as_rule(entry: Entry) -> RuleEntry:
    """Return *entry*, whose row is a rule, as an administrator sees it."""
    return RuleEntry.of_row(entry.row, entry=entry)


def as_grant(entry: Entry) -> GrantEntry:
    """Return *entry*, whose row is a grant, as an administrator sees it."""
    fields, scope = without_scope(entry.row)
    member, role, *_ = (*fields, "", "")
    return GrantEntry(
        entry=entry, member=member, role=role, origin=entry.row.origin, scope=scope
    )


def _fixed(grant: Grant, everywhere: str) -> GrantEntry:
    return GrantEntry(
        entry=None,
        member=grant.member,
        role=grant.role,
        origin=grant.origin,
        scope=grant.scope or everywhere,
    )


def _holds(search: str, *texts: str) -> bool:
    wanted = search.casefold()
    return not wanted or any(wanted in text.casefold() for text in texts)
