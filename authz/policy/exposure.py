"""What a policy opens to somebody that is more than looking."""

from authz.decision import SAFE_METHODS, Effect, PolicyInForce, Rule, Subject


def unsafe_exposure(policy: PolicyInForce, subject: Subject) -> tuple[Rule, ...]:
    """Return the rules that allow *subject* a method that may change something.

    Wherever they hold, in a policy with scopes. One in another language than the
    shipped ones is not looked through.
    """
    if policy.written is None:
        return ()
    names = policy.written.reached_from(subject.names)
    return tuple(
        rule
        for rule in policy.written.rules
        if rule.subject in names
        and rule.effect is Effect.ALLOW
        and not (rule.methods and rule.methods <= SAFE_METHODS)
    )
