"""The policy as a loop over all rules: slow, short and obviously right."""

from authz.decision import AccessRequest, Decision, Policy, Rule, combine
from authz.policy.patterns import speaks_of


def matching_rules(policy: Policy, request: AccessRequest) -> tuple[Rule, ...]:
    """Return every rule of *policy* that matches *request*, in order."""
    names = policy.reached_from(request.subject.names)
    return tuple(
        rule
        for rule in policy.deciding
        if rule.subject in names and speaks_of(rule, request.method, request.path)
    )


def decide(policy: Policy, request: AccessRequest) -> Decision:
    """Return the answer of *policy* to *request* by looking at every rule."""
    return combine(matching_rules(policy, request), policy.revision)
