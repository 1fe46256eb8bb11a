"""What a policy opens to somebody that is more than looking."""

from authz.decision import Effect, PolicyInForce, Rule, Subject
from authz.policy.compiled import CompiledPolicy
from authz.policy.rules import closure, grants_by_member

#: Methods that only look.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def unsafe_exposure(policy: PolicyInForce, subject: Subject) -> tuple[Rule, ...]:
    """Return the rules that allow *subject* a method that may change something.

    A policy in another language than the shipped one is not looked through.
    """
    if not isinstance(policy, CompiledPolicy):
        return ()
    names = closure(subject.names, grants_by_member(policy.policy.grants))
    return tuple(
        rule
        for rule in policy.policy.rules
        if rule.subject in names
        and rule.effect is Effect.ALLOW
        and not (rule.methods and rule.methods <= SAFE)
    )
