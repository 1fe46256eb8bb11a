"""Roles: who holds them, what they inherit and what they may."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from authz.admin.context import AdminContext
from authz.admin.rules import GrantEntry, RuleEntry, all_grants, all_rules
from authz.decision import (
    AUTHENTICATED,
    EVERYONE,
    Grant,
    Policy,
    closure,
    grants_by_member,
)
from authz.errors import NotFound
from authz.identity.scoped_groups import grants_to
from authz.policy.records import Snapshot
from authz.scope import ANY_SCOPE, ScopeSet, common, patterns_of

#: What people have without a grant; nobody can be given it.
GIVEN = frozenset({EVERYONE, AUTHENTICATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role of the policy."""

    #: `role:editor`.
    name: str
    #: The grants that give it, disabled ones included.
    members: tuple[GrantEntry, ...]
    #: The grants by which it holds other roles.
    inherits: tuple[GrantEntry, ...]
    #: Every role that its holders hold with it, however indirectly.
    holds: tuple[str, ...]
    #: The rules that speak of it by name, disabled ones included.
    rules: tuple[RuleEntry, ...]
    #: Whether everybody, or everybody who signed in, has it without a grant.
    given: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRole:
    """A role that somebody holds, and where it came from."""

    role: str
    #: The grants on the way, from one of their own names to the role.
    grants: tuple[Grant, ...]
    #: The scope patterns in which they hold it, in one way or another, in order; empty
    #: in a policy without scopes.
    scopes: tuple[str, ...] = ()

    @property
    def is_direct(self) -> bool:
        """Whether a grant gives it to one of their own names."""
        return len(self.grants) == 1


def list_roles(context: AdminContext) -> tuple[tuple[Role, ...], str]:
    """Return every role that rules or grants speak of, and the etag of the state."""
    now = context.records.snapshot()
    rules = tuple(all_rules(now))
    grants = tuple(all_grants(context, now))
    names = {rule.subject for rule in rules if rule.subject.startswith("role:")}
    names |= {grant.role for grant in grants}
    names |= {grant.member for grant in grants if grant.member.startswith("role:")}
    everywhere = grants_by_member(
        grant
        for grant in chain.from_iterable(_grants_at(context, now).values())
        if grant.scope in {"", ANY_SCOPE}
    )
    members: defaultdict[str, list[GrantEntry]] = defaultdict(list)
    inherits: defaultdict[str, list[GrantEntry]] = defaultdict(list)
    spoken: defaultdict[str, list[RuleEntry]] = defaultdict(list)
    for grant in grants:
        members[grant.role].append(grant)
        inherits[grant.member].append(grant)
    for rule in rules:
        spoken[rule.subject].append(rule)
    return tuple(
        Role(
            name=name,
            members=tuple(members[name]),
            inherits=tuple(inherits[name]),
            holds=tuple(sorted(closure([name], everywhere).keys() - {name})),
            rules=tuple(spoken[name]),
            given=name in GIVEN,
        )
        for name in sorted(names)
    ), now.etag


def find_role(context: AdminContext, name: str) -> tuple[Role, str]:
    """Return the role *name* and the etag of the state. Raises `NotFound`."""
    roles, etag = list_roles(context)
    for role in roles:
        if role.name == name:
            return role, etag
    raise NotFound(f"no rule and no grant names the role `{name[:80]}`")


def held_roles(context: AdminContext, names: Iterable[str]) -> tuple[HeldRole, ...]:
    """Return every role that somebody with *names* holds, and where each came from.

    As the store and the settings say; the policy in force may be a moment behind.
    """
    return role_finder(context)(names)


def role_finder(
    context: AdminContext,
) -> Callable[[Iterable[str]], tuple[HeldRole, ...]]:
    """Return what does as `held_roles` does, for many people at one state."""
    by_member = grants_now(context)
    patterns = context.settings.proxy.scoped_groups if context.scoped else ()

    def find(names: Iterable[str]) -> tuple[HeldRole, ...]:
        own = frozenset(names)
        ways = _ways(own, by_member, grants_by_member(grants_to(own, patterns)))
        return tuple(
            HeldRole(
                role=name,
                grants=next(iter(found.values())),
                scopes=tuple(sorted(ScopeSet.where(found).patterns - {""})),
            )
            for name, found in sorted(ways.items())
            if name not in own
        )

    return find


def _ways(
    own: Iterable[str],
    by_member: Mapping[str, Sequence[Grant]],
    also: Mapping[str, Sequence[Grant]],
) -> dict[str, dict[str, tuple[Grant, ...]]]:
    """Return what *own* names lead to, and for each the ways to it by where they lead.

    By grants of the policy, *by_member*, and *also* by others.

    A way leads where all of its grants hold; in a policy without scopes to `""`.
    """
    ways: dict[str, dict[str, tuple[Grant, ...]]] = {
        name: {ANY_SCOPE: ()} for name in own
    }
    queue = [(name, ANY_SCOPE) for name in ways]
    for name, where in queue:
        for grant in (*by_member.get(name, ()), *also.get(name, ())):
            reach = common(frozenset((where,)), frozenset((grant.scope,)))
            known = ways.setdefault(grant.role, {}) if reach else {}
            for scope in reach:
                if known.keys().isdisjoint(patterns_of(scope)):
                    known[scope] = (*ways[name][where], grant)
                    queue.append((grant.role, scope))
    return ways


def grants_now(context: AdminContext) -> Mapping[str, Sequence[Grant]]:
    """Return the grants that are in force, as the store has them, by member.

    They are put together once for each state of the store.
    """
    now = context.readable_snapshot()
    if now is not None:
        return _grants_at(context, now)
    written = context.policy.written
    return grants_by_member(written.grants if written else ())


def _grants_at(context: AdminContext, now: Snapshot) -> Mapping[str, Sequence[Grant]]:
    return context.grants.get(
        now.etag, lambda: grants_by_member(_in_force(all_grants(context, now)))
    )


def names_that_lead_to(context: AdminContext, role: str) -> frozenset[str]:
    """Return every name to which grants give *role*, however indirectly."""
    grants = tuple(chain.from_iterable(grants_now(context).values()))
    found = Policy(rules=(), grants=grants, revision="").members_of(role)
    return frozenset(found) - {role}


def _in_force(grants: Iterable[GrantEntry]) -> list[Grant]:
    return [
        Grant(
            member=grant.member,
            role=grant.role,
            origin=grant.origin,
            scope=grant.scope,
        )
        for grant in grants
        if not grant.disabled
    ]
