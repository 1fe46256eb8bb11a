"""The policy as a loop over all rules: slow, short and obviously right."""

from collections.abc import Iterable, Iterator

from authz.decision import (
    AccessRequest,
    Decision,
    Policy,
    Reason,
    Rule,
    combine,
    no_rule,
)
from authz.policy.patterns import concerns
from authz.scope import Scope, scope_match


def matching_rules(policy: Policy, request: AccessRequest) -> tuple[Rule, ...]:
    """Return every rule of *policy* that matches *request*, in order."""
    names = policy.reached_from(request.subject.names)
    return tuple(
        rule
        for rule in policy.deciding
        if rule.subject in names and concerns(rule, request)
    )


def decide(policy: Policy, request: AccessRequest) -> Decision:
    """Return the answer of *policy* to *request* by looking at every rule."""
    if not policy.scoped:
        return combine(matching_rules(policy, request), policy.revision)
    about = request.scope
    if isinstance(about, Scope):
        return _decide_in(policy, request, about.text)
    asked = telling_scopes(policy) if about is None else [s.text for s in about]
    answers = [_decide_in(policy, request, scope) for scope in asked]
    return joined(answers, policy.revision, any_will_do=about is None)


def telling_scopes(policy: Policy) -> Iterator[str]:
    """Yield scopes that stand for all: each that *policy* names, and unknown ones."""
    named = {rule.scope for rule in policy.deciding}
    named |= {grant.scope for grant in policy.grants}
    fresh = "unknown"
    while any(fresh in scope for scope in named):
        fresh += "-"
    yield f"{fresh}:{fresh}"
    for scope in sorted(named - {"*"}):
        yield scope.replace(":*", f":{fresh}")
        if not scope.endswith(":*"):
            yield f"{scope.partition(':')[0]}:{fresh}"


def joined(
    answers: Iterable[Decision], revision: str, *, any_will_do: bool
) -> Decision:
    """Return one decision of the *answers* for several scopes.

    Each must allow it, unless *any_will_do*: then it is denied by a rule only where one
    denies it in every scope.
    """
    given = tuple(answers)
    decisive = [each for each in given if bool(each) is any_will_do] or given
    if any_will_do and any(each.reason is Reason.NO_RULE for each in decisive):
        return no_rule(revision)
    rules = dict.fromkeys(rule for each in decisive for rule in each.rules)
    return combine(tuple(rules), revision)


def _decide_in(policy: Policy, request: AccessRequest, scope: str) -> Decision:
    """Return the answer in one *scope*; it names the rules as they are written."""
    names = policy.within(scope).reached_from(request.subject.names_in(scope))
    return combine(
        tuple(
            rule
            for rule in policy.deciding
            if scope_match(scope, rule.scope)
            and rule.subject in names
            and concerns(rule, request)
        ),
        policy.revision,
    )
