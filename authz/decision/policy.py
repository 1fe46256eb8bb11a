"""Rules and grants together: what is allowed, to look through."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from authz.decision.rule import PLAIN_COLUMNS, Grant, Rule, has_scope
from authz.errors import Problem
from authz.scope import patterns_of


def grants_by_member(grants: Iterable[Grant]) -> dict[str, list[Grant]]:
    """Return the grants of each member, in order."""
    by_member: dict[str, list[Grant]] = {}
    for grant in grants:
        by_member.setdefault(grant.member, []).append(grant)
    return by_member


def closure(
    names: Iterable[str], by_member: Mapping[str, Sequence[Grant]]
) -> dict[str, tuple[Grant, ...]]:
    """Return every name reachable from *names* with a shortest chain of grants to it.

    Chains may be of any length; the walk keeps no stack.
    """
    reached: dict[str, tuple[Grant, ...]] = dict.fromkeys(names, ())
    queue = list(reached)
    for name in queue:
        for grant in by_member.get(name, ()):
            if grant.role not in reached:
                reached[grant.role] = (*reached[name], grant)
                queue.append(grant.role)
    return reached


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What is allowed: rules and grants. Immutable; a change makes a new one."""

    rules: tuple[Rule, ...]
    grants: tuple[Grant, ...]
    #: Twelve hexadecimal digits that change with the content.
    revision: str
    #: What is odd but does no harm, for the operator to see.
    warnings: tuple[Problem, ...] = ()
    #: Rules that hold in every policy. They decide like the others, but belong to no
    #: text, so nothing that counts, checks or compares a text knows of them.
    built_in: tuple[Rule, ...] = ()
    #: The columns of its rules but for their effect, as its model has them.
    columns: tuple[str, ...] = PLAIN_COLUMNS
    #: All that it says as a text; see `policy/said.py`.
    said: bytes = field(default=b"", compare=False, repr=False)

    @property
    def scoped(self) -> bool:
        """Whether its rules and grants hold in a scope each."""
        return has_scope(self.columns)

    def within(self, scope: str) -> "Policy":
        """Return what holds in *scope*, as a policy without scopes.

        Rules and grants keep their origin. `*` asks for what holds in every scope.
        """
        if not self.scoped:
            return self
        patterns = frozenset(patterns_of(scope))
        rules, built_in = (
            tuple(replace(rule, scope="") for rule in each if rule.scope in patterns)
            for each in (self.rules, self.built_in)
        )
        return Policy(
            rules=rules,
            built_in=built_in,
            grants=tuple(
                replace(grant, scope="")
                for grant in self.grants
                if grant.scope in patterns
            ),
            revision=self.revision,
        )

    @property
    def deciding(self) -> tuple[Rule, ...]:
        """Every rule that is asked."""
        return (*self.rules, *self.built_in)

    @cached_property
    def rules_by_subject(self) -> Mapping[str, tuple[Rule, ...]]:
        """The rules for each name that rules speak of."""
        by_subject: dict[str, list[Rule]] = {}
        for rule in self.rules:
            by_subject.setdefault(rule.subject, []).append(rule)
        return {name: tuple(rules) for name, rules in by_subject.items()}

    @cached_property
    def roles(self) -> frozenset[str]:
        """Every role that a grant gives, or gives something to."""
        return frozenset(
            name
            for grant in self.grants
            for name in (grant.role, grant.member)
            if name == grant.role or name.startswith("role:")
        )

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that a rule or a grant speaks of."""
        given = {name for grant in self.grants for name in (grant.member, grant.role)}
        return frozenset(self.rules_by_subject) | given

    def reached_from(self, names: Iterable[str]) -> dict[str, tuple[Grant, ...]]:
        """Return every name that *names* lead to, with the grants on the way."""
        return closure(names, self._by_member)

    def members_of(self, *roles: str) -> dict[str, None]:
        """Return *roles* and every name that leads to one of them, nearest first."""
        found = dict.fromkeys(roles)
        queue = list(found)
        for name in queue:
            for grant in self._by_role.get(name, ()):
                if grant.member not in found:
                    found[grant.member] = None
                    queue.append(grant.member)
        return found

    @cached_property
    def _by_member(self) -> Mapping[str, Sequence[Grant]]:
        return grants_by_member(self.grants)

    @cached_property
    def _by_role(self) -> Mapping[str, Sequence[Grant]]:
        by_role: dict[str, list[Grant]] = {}
        for grant in self.grants:
            by_role.setdefault(grant.role, []).append(grant)
        return by_role
