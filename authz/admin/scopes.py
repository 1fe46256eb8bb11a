"""Scopes for an administrator: which there are, and where somebody has a role."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from authz.admin.changes import Draft
from authz.admin.context import AdminContext
from authz.admin.rules import grant_row
from authz.decision import SCOPED_COLUMNS
from authz.policy.csv_rows import Row
from authz.policy.records import Add, Change, Entry, Remove, Replace, Snapshot, Switch
from authz.policy.rules import without_scope
from authz.scope import ANY_SCOPE, Scope, pattern_problem, patterns_of


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownScope:
    """One scope, every one of a kind, or every scope."""

    #: As a line of the policy has it: `library:kids`, `library:*`, `*`.
    pattern: str
    #: What the app calls it; empty if it does not say.
    name: str = ""

    @property
    def kind(self) -> str:
        """What kind of thing it is; empty for every scope."""
        return "" if self.pattern == ANY_SCOPE else self.pattern.partition(":")[0]

    @property
    def label(self) -> str:
        """What to call it where its kind is known."""
        if self.pattern == ANY_SCOPE:
            return "everywhere"
        if self.pattern == f"{self.kind}:*":
            return f"every {self.kind}, also later ones"
        return self.name or self.pattern.partition(":")[2]


def known_scopes(
    context: AdminContext, also: Iterable[str] = ()
) -> tuple[KnownScope, ...]:
    """Return every scope that the app names or a line of the policy holds in.

    And the patterns that are *also* meant. The widest first, then by kind and by what
    they are called.
    """
    now = context.readable_snapshot()
    named = {p: n for p, n in context.named_scopes().items() if not pattern_problem(p)}
    written = now and context.scopes.get(now.etag, lambda: _scopes_in(now))
    patterns = {*named, ANY_SCOPE, *(written or ()), *also}
    patterns |= {patterns_of(pattern)[1] for pattern in patterns - {ANY_SCOPE}}
    known = [KnownScope(pattern=p, name=named.get(p, "")) for p in patterns]
    return tuple(sorted(known, key=_order))


def sample_of(pattern: str, known: Iterable[KnownScope]) -> Scope:
    """Return a scope that *pattern* matches, and no narrower one that is *known*."""
    known = tuple(known)
    taken = {one.pattern for one in known} | {one.kind for one in known}
    if pattern == ANY_SCOPE:
        return Scope(f"{_unlike('other', taken)}:other")
    kind, _, own = pattern.partition(":")
    if own != "*":
        return Scope(pattern)
    return Scope(_unlike(f"{kind}:other", taken))


def _unlike(text: str, taken: AbstractSet[str]) -> str:
    while text in taken:
        text += "-"
    return text


def given(
    now: Snapshot, draft: Draft | None, *, member: str, role: str
) -> Mapping[str, bool]:
    """Return the patterns for which grants give *member* a *role*, with *draft*.

    Each says whether the grant counts, or is only kept.
    """
    found = {scope: not entry.disabled for scope, entry in _grants(now, member, role)}
    by_id = {entry.id: scope for scope, entry in _grants(now, member, role)}
    for change in draft.changes if draft else ():
        if not isinstance(change, Add) and change.id in by_id:
            if isinstance(change, Switch):
                found[by_id[change.id]] = not change.disabled
            else:
                found.pop(by_id[change.id], None)
        if isinstance(change, Add | Replace):
            scope = _scope_of(change.row, member, role)
            if scope:
                found[scope] = not (isinstance(change, Add) and change.disabled)
    return found


def ticked(  # noqa: PLR0913 - what a list of ticks says
    now: Snapshot,
    draft: Draft | None,
    *,
    member: str,
    role: str,
    had: AbstractSet[str],
    wanted: AbstractSet[str],
) -> tuple[Change, ...]:
    """Return the changes after which *member* has *role* where it is *wanted*.

    Only what was ticked or unticked counts: *had* is what the author has seen ticked.
    What is so already, by somebody else's change or the *draft*, is left alone.

    Raises:
        PolicyError: if one of the patterns wanted is none, or a name is none.
    """
    here = given(now, draft, member=member, role=role)
    entries = list(_grants(now, member, role))
    removed = {c.id for c in (draft.changes if draft else ()) if isinstance(c, Remove)}
    changes: list[Change] = []
    for scope in sorted(wanted - had):
        # Made first: what is wrong with it is said, whatever is there.
        add = Add(
            row=grant_row(member=member, role=role, scope=scope, columns=SCOPED_COLUMNS)
        )
        if here.get(scope):
            continue
        kept = [entry for at, entry in entries if at == scope]
        if kept and scope in here:
            changes.append(Switch(id=kept[0].id, disabled=False))
        elif kept and kept[0].id in removed:
            changes.append(Remove(id=kept[0].id))  # takes the removal back
        else:
            changes.append(add)
    for scope in sorted(had - wanted):
        if not here.get(scope):
            continue
        kept = [entry for at, entry in entries if at == scope]
        if kept:
            changes += [Remove(id=entry.id) for entry in kept]
        else:
            row = grant_row(
                member=member, role=role, scope=scope, columns=SCOPED_COLUMNS
            )
            changes.append(Add(row=row))  # takes the addition back
    return tuple(changes)


def _grants(now: Snapshot, member: str, role: str) -> Iterable[tuple[str, Entry]]:
    for entry in now.entries:
        scope = _scope_of(entry.row, member, role)
        if scope:
            yield scope, entry


def _scope_of(row: Row, member: str, role: str) -> str:
    """Return where *row* gives *member* the *role*; empty if it does not."""
    if row.kind != "g":
        return ""
    fields, scope = without_scope(row)
    return scope if fields == (member, role) else ""


def _scopes_in(now: Snapshot) -> frozenset[str]:
    return frozenset(without_scope(entry.row)[1] for entry in now.entries) - {""}


def _order(scope: KnownScope) -> tuple[str, bool, str, str]:
    wide = scope.pattern.endswith("*")
    return scope.kind, not wide, scope.label.casefold(), scope.pattern
