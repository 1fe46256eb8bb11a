"""The policy as a loop over all rules: slow, short and obviously right."""

from authz.decision import AccessRequest, Decision, Rule, combine
from authz.policy.matching import method_match, path_match
from authz.policy.rules import Policy, closure, grants_by_member


def matching_rules(policy: Policy, request: AccessRequest) -> tuple[Rule, ...]:
    """Return every rule of *policy* that matches *request*, in order."""
    names = closure(request.subject.names, grants_by_member(policy.grants))
    return tuple(
        rule
        for rule in policy.rules
        if rule.subject in names and covers(rule, request.path, request.method)
    )


def covers(rule: Rule, path: str, method: str) -> bool:
    """Return whether *rule* speaks of *method* on *path*, whoever asks."""
    return method_match(method, rule.method_field) and path_match(path, rule.path)


def decide(policy: Policy, request: AccessRequest) -> Decision:
    """Return the answer of *policy* to *request* by looking at every rule."""
    return combine(matching_rules(policy, request), policy.revision)
