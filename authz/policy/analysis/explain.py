"""Why a decision came out as it did, and what would have come closest."""

from collections.abc import Iterable, Iterator, Mapping

from authz.decision import (
    AccessRequest,
    Decision,
    Effect,
    Explanation,
    Grant,
    Policy,
    Reason,
    Rule,
    RulePath,
    Subject,
)
from authz.policy.patterns import concerns, pattern_of
from authz.policy.scan import matching_rules
from authz.scope import ANY_SCOPE, common, patterns_of, texts_of

#: More rules than this would not be read.
_NEAREST = 3


def explain(policy: Policy, request: AccessRequest, decision: Decision) -> Explanation:
    """Return *decision* on *request* with the rules and chains of names behind it."""
    names = policy.reached_from(request.subject.names)
    decisive = Effect.DENY if decision.reason is Reason.DENIED_BY_RULE else Effect.ALLOW
    because: list[RulePath] = []
    overruled: list[RulePath] = []
    for rule in matching_rules(policy, request):
        found = RulePath(rule=rule, grants=names[rule.subject])
        (because if rule.effect is decisive else overruled).append(found)
    return _explanation(policy, request, decision, because, overruled)


def explain_within(
    policy: Policy,
    request: AccessRequest,
    decision: Decision,
    held: Mapping[str, frozenset[str]],
) -> Explanation:
    """Return *decision* of a scoped *policy* with the rules and chains behind it.

    *held* are the names of the subject, with the patterns of the scopes of each. A
    chain is told as it holds in one of the scopes that are asked about.
    """
    asked = frozenset(texts_of(request.scope) or (ANY_SCOPE,))
    because: list[RulePath] = []
    overruled: list[RulePath] = []
    for rule in policy.deciding:
        where = common(held.get(rule.subject, frozenset()), frozenset((rule.scope,)))
        where = common(where, asked)
        if where and concerns(rule, request):
            first = min(where)
            own = request.subject.names_in(first)
            names = policy.within(first).reached_from(own)
            chain = _given(request.subject, first, names[rule.subject], rule.subject)
            found = RulePath(rule=rule, grants=chain)
            (because if rule in decision.rules else overruled).append(found)
    return _explanation(policy, request, decision, because, overruled)


def _given(
    subject: Subject, scope: str, chain: tuple[Grant, ...], name: str
) -> tuple[Grant, ...]:
    """Return *chain* to *name*, with the grant before it that is none of the policy."""
    first = chain[0].member if chain else name
    if first in subject.names:
        return chain
    around = patterns_of(scope)
    before = [g for g in subject.given if g.role == first and g.scope in around]
    return (*before[:1], *chain)


def _explanation(
    policy: Policy,
    request: AccessRequest,
    decision: Decision,
    because: Iterable[RulePath],
    overruled: Iterable[RulePath],
) -> Explanation:
    """Return what was found, with the rules that came closest if none spoke."""
    nearest: tuple[Rule, ...] = ()
    if decision.reason is Reason.NO_RULE:
        nearest = tuple(dict.fromkeys(_nearest(policy, request)))[:_NEAREST]
    return Explanation(
        decision=decision,
        because=tuple(because),
        overruled=tuple(overruled),
        nearest=nearest,
    )


def _nearest(policy: Policy, request: AccessRequest) -> Iterator[Rule]:
    """Yield allow rules for somebody else first, then for another method."""
    allows = [rule for rule in policy.rules if rule.effect is Effect.ALLOW]
    for rule in allows:
        if concerns(rule, request):
            yield rule
    for rule in allows:
        if pattern_of(rule).matches(request.path):
            yield rule
