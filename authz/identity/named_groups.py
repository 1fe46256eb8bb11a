"""The groups that a policy names, in its rules and grants."""

from collections.abc import Iterator, Mapping
from typing import Final

from authz.decision import Effect, Origin, PolicyHolder, PolicyInForce, Subject
from authz.errors import Problem
from authz.identity.groups import (
    ANOTHER_WAY,
    NearMiss,
    near_misses,
    undeliverable,
)

_KIND: Final = "group:"


class NamedGroups:
    """The groups of the policy in force, found once for each policy."""

    def __init__(self, live: PolicyHolder) -> None:
        """Ask *live* what policy is in force."""
        self._live = live
        self._found: tuple[PolicyInForce, frozenset[str], bool] | None = None

    @property
    def names(self) -> frozenset[str]:
        """The groups that it names; none if it cannot be looked through."""
        return self._of(self._live.current)[1]

    @property
    def are_denied(self) -> bool:
        """Whether it denies anything to a group, or to a role that a group has.

        A policy that cannot be looked through may.
        """
        return self._of(self._live.current)[2]

    def near_misses(self, subject: Subject) -> tuple[NearMiss, ...]:
        """Return which groups of *subject* are nearly one that the policy names."""
        delivered = subject.groups.delivered or sorted(
            name.removeprefix(_KIND) for name in subject.names if _is_group(name)
        )
        return near_misses(delivered, self.names)

    def _of(self, policy: PolicyInForce) -> tuple[PolicyInForce, frozenset[str], bool]:
        found = self._found
        if found is None or found[0] is not policy:
            named = _named_in(policy)
            self._found = found = policy, frozenset(named), _denies(policy, named)
        return found


def unreachable_groups(
    policy: PolicyInForce, separators: Mapping[str, str | None]
) -> Iterator[Problem]:
    """Yield a problem for each group of *policy* that no provider can ever deliver.

    *separators* are the places where groups are delivered, and what each is cut at;
    None where nothing is cut.
    """
    named = _named_in(policy)
    for name, why in undeliverable(named, separators):
        yield Problem(
            where=str(named[name]),
            message=f"nobody can ever be in `{name}`: {why}",
            hint=ANOTHER_WAY,
        )


def _named_in(policy: PolicyInForce) -> dict[str, Origin]:
    """Return the groups that *policy* names, and where first."""
    found: dict[str, Origin] = {}
    written = policy.written
    if written is None:
        return found
    for grant in written.grants:
        if _is_group(grant.member):
            found.setdefault(grant.member, grant.origin)
    for rule in written.rules:
        if _is_group(rule.subject):
            found.setdefault(rule.subject, rule.origin)
    return found


def _denies(policy: PolicyInForce, named: Mapping[str, Origin]) -> bool:
    if policy.source is None:
        return True
    denied = {r.subject for r in policy.source.rules if r.effect is Effect.DENY}
    return any(map(_is_group, denied)) or not denied.isdisjoint(policy.roles_of(named))


def _is_group(name: str) -> bool:
    return name.startswith(_KIND)
