"""What a policy opens to somebody that is more than looking."""

from authz.decision import SAFE_METHODS, Effect, PolicyInForce, Rule, Subject


def unsafe_exposure(policy: PolicyInForce, subject: Subject) -> tuple[Rule, ...]:
    """Return the rules that allow *subject* a method that may change something.

    A policy in another language than the shipped one is not looked through.
    """
    if policy.source is None:
        return ()
    names = policy.source.reached_from(subject.names)
    return tuple(
        rule
        for rule in policy.source.rules
        if rule.subject in names
        and rule.effect is Effect.ALLOW
        and not (rule.methods and rule.methods <= SAFE_METHODS)
    )
