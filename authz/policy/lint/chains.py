"""Chains of grants that other programs do not follow to their end."""

from collections.abc import Iterator
from typing import Final

from authz.decision import Grant, Origin, Policy, grants_by_member
from authz.policy.lint.findings import Code, Finding

#: So many grants Casbin follows, one after the other, unless a program tells it
#: otherwise (`max_hierarchy_level`, which counts the names on the way).
_FOLLOWED: Final = 9


def chain_findings(policy: Policy) -> Iterator[Finding]:
    """Yield the grants with which somebody's way to a role gets too long for Casbin."""
    by_member = grants_by_member(policy.grants)
    found: dict[Origin, tuple[Grant, str]] = {}
    for member in by_member:
        if member.startswith("role:"):
            continue  # nobody's way begins there
        seen, last = {member}, [member]
        for _ in range(_FOLLOWED + 1):
            steps = [g for name in last for g in by_member.get(name, ())]
            steps = [g for g in steps if g.role not in seen]
            last = list(dict.fromkeys(grant.role for grant in steps))
            seen.update(last)
        for grant in steps:
            found.setdefault(grant.origin, (grant, member))
    for grant, member in found.values():
        yield Finding.on(
            grant,
            Code.ROLE_CHAIN_LONG,
            f"`{member}` comes to `{grant.role}` by {_FOLLOWED + 1} grants: it "
            f"counts here, and Casbin itself follows {_FOLLOWED}",
            "give the role nearer to whom it is for, if other programs read this "
            "policy",
        )
