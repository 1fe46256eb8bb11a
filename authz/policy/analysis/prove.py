"""Promises about a policy, answered for every request there can be.

Exactly: a policy tells finitely many kinds of paths, methods, scopes and people apart
(docs/explanation/proofs.md says why these are all). For each kind of path and method
one operation on bits answers for everybody in every scope. What is found is the
smallest request; what is not found does not exist.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from authz.decision import SCOPED_COLUMNS, Effect, Policy, PolicyInForce, Rule
from authz.policy.analysis.cases import Broken, Case, Opening, Said, Saying
from authz.policy.analysis.changed_rules import touched_rules
from authz.policy.analysis.holders import (
    BASE,
    Names,
    People,
    ScopeKinds,
    everybody,
    groups_of,
    holding,
)
from authz.policy.analysis.pattern_tree import PatternTree
from authz.policy.analysis.promises import (
    EVERY_METHOD,
    UNWATCHED,
    Answer,
    Counterexample,
    Party,
    Promise,
    Question,
    Verdict,
    Watch,
    check_known,
)
from authz.policy.patterns import Methods, PathPattern, pattern_of
from authz.scope import ANY_SCOPE

_OTHER_LANGUAGE: Final = (
    "the model is not one of the shipped ones, and other Casbin models cannot be "
    "looked through"
)


def prove(policy: PolicyInForce, promise: Promise, watch: Watch = UNWATCHED) -> Answer:
    """Return whether *promise* holds of *policy*, for every request there can be.

    Raises:
        InvalidValue: if the promise is about what the policy does not know.
    """
    if policy.written is None:
        return Answer(promise=promise, verdict=Verdict.NOT_PROVEN, why=_OTHER_LANGUAGE)
    return prove_of(policy.written, promise, watch)


def prove_of(policy: Policy, promise: Promise, watch: Watch = UNWATCHED) -> Answer:
    """Return whether *promise* holds of *policy*; see `prove`."""
    check_known(promise, policy)
    if promise.question is Question.SEPARATE:
        return _separate(policy, promise)
    if promise.question is Question.REACHABLE:
        return _reachable(policy, promise, watch)
    if promise.question in {Question.NEVER, Question.ALWAYS}:
        return _one_party(policy, promise, watch)
    return _two_parties(policy, promise, watch)


def compare(
    before: PolicyInForce,
    after: PolicyInForce,
    question: Question = Question.TAKES_AWAY,
    watch: Watch = UNWATCHED,
) -> Answer:
    """Return whether a change does only what *question* says, to anybody.

    `takes-away`: nobody gains anything; `gives`: nobody loses anything; `same`: both.
    Anybody is any combination of names that somebody can have, whoever gives them.
    """
    promise = Promise(question=question, text=f"the change: {question}")
    if before.written is None or after.written is None:
        return Answer(promise=promise, verdict=Verdict.NOT_PROVEN, why=_OTHER_LANGUAGE)
    return compare_of(before.written, after.written, promise, watch)


def compare_of(
    before: Policy, after: Policy, promise: Promise, watch: Watch = UNWATCHED
) -> Answer:
    """Return whether the change from *before* to *after* keeps *promise*."""
    if before.scoped is not after.scoped:
        before, after = (_everywhere(each) for each in (before, after))
    steps = {
        Question.TAKES_AWAY: ((before, after),),
        Question.GIVES: ((after, before),),
    }.get(promise.question, ((before, after), (after, before)))
    answers = []
    for less, more in steps:
        answer = _gains(less, more, promise, watch)
        if not answer:
            return answer
        answers.append(answer)
    return answers[-1]


def superfluous(policy: Policy, rule: Rule, watch: Watch = UNWATCHED) -> Answer:
    """Return whether no answer would change without *rule*, whoever asks."""
    promise = Promise(
        question=Question.SAME,
        region=PathPattern.of(rule.path),
        methods=tuple(m for m in EVERY_METHOD if Methods(rule.methods).matches(m)),
    )
    others = [each for each in _about(policy, promise) if each is not rule]
    names = {rule.subject, *(each.subject for each in others)}
    people = People(everybody(names), ScopeKinds([policy]))
    held = people.held(policy)
    denies = rule.effect is Effect.DENY

    def breaks(said: Sequence[Said]) -> Broken | None:
        (allowed, denied), (gives, takes) = said
        if not denies:
            needed = gives & ~allowed & ~denied
            return people.first(needed) if needed else None
        may = allowed & ~denied
        if may & takes:
            return people.first(may & takes)
        return _in_two(people, may, takes & ~denied)

    def opens(said: Saying) -> Opening | None:
        of_rule = [(about[2], whom) for about, whom in said.items() if about[0]]
        for methods, whom in of_rule:  # of a deny, whoever is somebody else beside
            return Opening(whom=people.everybody if denies else whom, methods=methods)
        return None

    case = Case(people, breaks=breaks, sides=2, meant=people.everybody, opens=opens)
    case.add(0, others, held)
    case.add(1, [rule], held)
    return case.answer(promise, watch)


def _gains(less: Policy, more: Policy, promise: Promise, watch: Watch) -> Answer:
    """Return whether whoever may something under *more* may it under *less*."""
    touched = PatternTree(
        frozenset(map(pattern_of, touched_rules(less, more, built_in=True)))
    )
    rules = [
        [rule for rule in each.deciding if touched.meeting(pattern_of(rule))]
        for each in (less, more)
    ]
    # Whoever gets or loses a role is told apart from whoever has it either way.
    regranted = {g.fields for g in less.grants} ^ {g.fields for g in more.grants}
    names = {rule.subject for each in rules for rule in each}
    names |= {member for member, *_ in regranted}
    people = People(everybody(names), ScopeKinds((less, more)))
    held = people.held(less)
    helds = held, held if more.grants == less.grants else people.held(more)

    def breaks(said: Sequence[Said]) -> Broken | None:
        (had, was_denied), (has, denied) = said
        gained = has & ~denied & (~had | was_denied)
        if gained:
            return people.first(gained)
        return _in_two(people, has & ~denied, was_denied & ~denied)

    def opens(said: Saying) -> Opening | None:
        given = taken = methods = 0
        for (side, denies, each), whom in said.items():
            if denies is bool(side):
                continue  # nobody gains by more denies, or by what was allowed
            new = whom & ~said.get((1 - side, denies, each), 0)
            methods |= each if new else 0
            given, taken = (given, taken | new) if denies else (given | new, taken)
        if taken:  # somebody else beside may be allowed now
            return Opening(whom=people.everybody, methods=methods)
        return Opening(whom=given, methods=methods, more=(1, False)) if given else None

    case = Case(people, breaks=breaks, sides=2, meant=people.everybody, opens=opens)
    for side in range(2):
        case.add(side, rules[side], helds[side])
    return case.answer(promise, watch)


def _about(policy: Policy, promise: Promise) -> list[Rule]:
    """Return the rules of *policy* that speak of what *promise* is about."""
    region, methods = promise.region, set(promise.methods)
    return [
        rule
        for rule in policy.deciding
        if (not rule.methods or any(map(Methods(rule.methods).matches, methods)))
        and pattern_of(rule).overlap(region)
    ]


def _allows(*sides: int) -> Callable[[Saying], Opening | None]:
    """Return what opens a promise where a rule allows, on one of *sides*."""
    more = (sides[0], False) if len(sides) == 1 else None

    def opens(said: Saying) -> Opening | None:
        whom = methods = 0
        for (side, denies, each), some in said.items():
            if side in sides and not denies:
                whom, methods = whom | some, methods | each
        return Opening(whom=whom, methods=methods, more=more) if whom else None

    return opens


def _in_two(people: People, ones: int, others: int) -> Broken | None:
    """Return somebody who is one of *ones* and one of *others*, in one scope."""
    if not ones or not others:
        return None
    theirs = dict(people.blocks(others))
    for scope, block in people.blocks(ones):
        names = people.both(block, theirs.get(scope, 0))
        if names is not None:
            return names, people.scopes.texts[scope]
    return None


def _one_party(policy: Policy, promise: Promise, watch: Watch) -> Answer:
    scopes = ScopeKinds([policy], [promise.scope])
    (party,) = promise.parties
    rules = _about(policy, promise)
    if party.names is None:
        whoever = everybody({*promise.but, *(rule.subject for rule in rules)})
    else:
        whoever = _with_groups(policy, party, promise)
    people = People(whoever, scopes)
    held = people.held(policy)
    meant = people.within(promise.scope) & ~holding(held, promise.but)
    must = promise.question is Question.ALWAYS

    def breaks(said: Sequence[Said]) -> Broken | None:
        ((allowed, denied),) = said
        may = allowed & ~denied
        broken = meant & (~may if must else may)
        return people.first(broken) if broken else None

    opens = None if must else _allows(0)
    case = Case(people, breaks=breaks, sides=1, meant=meant, opens=opens)
    case.add(0, rules, held)
    return case.answer(promise, watch)


def _two_parties(policy: Policy, promise: Promise, watch: Watch) -> Answer:
    scopes = ScopeKinds([policy], [promise.scope])
    stranger = Party(text="", names=BASE)
    sides = [
        People(_with_groups(policy, party, promise), scopes)
        for party in (*promise.parties, stranger)
    ]
    people = sides[0]
    held = [each.held(policy) for each in sides]
    meant = people.within(promise.scope)
    for each in held[:2]:
        meant &= ~holding(each, promise.but)
    question = promise.question

    def breaks(said: Sequence[Said]) -> Broken | None:
        one, other, anyone = (allowed & ~denied for allowed, denied in said)
        if question is Question.DISJOINT:
            broken = one & other & ~anyone
        elif question is Question.IMPLIES:
            broken = one & ~other
        else:
            broken = one ^ other
        broken &= meant
        return people.first(broken) if broken else None

    opens = _allows(0, 1) if question is Question.EQUIVALENT else _allows(0)
    case = Case(people, breaks=breaks, sides=3, meant=meant, opens=opens)
    rules = _about(policy, promise)
    for side, each in enumerate(held):
        case.add(side, rules, each)
    answer = case.answer(promise, watch)
    example = answer.example
    if example is None:
        return answer
    number = people.people.index(example.names)
    return replace(answer, example=replace(example, other=sides[1].people[number]))


def _reachable(policy: Policy, promise: Promise, watch: Watch) -> Answer:
    """Return whether some request has another answer because of the rule."""
    rule = promise.rule
    assert rule is not None  # noqa: S101 - a promise of this kind has one
    narrowed = superfluous(policy, rule, watch)
    verdict = {
        Verdict.REFUTED: Verdict.PROVEN,
        Verdict.PROVEN: Verdict.REFUTED,
        Verdict.NOT_PROVEN: Verdict.NOT_PROVEN,
    }[narrowed.verdict]
    return replace(narrowed, promise=promise, verdict=verdict)


def _separate(policy: Policy, promise: Promise) -> Answer:
    """Return whether nobody can hold both names, with the grants there are."""
    one, other = (party.text for party in promise.parties)
    scopes = ScopeKinds([policy], [promise.scope])
    leading = policy.members_of(one, other, *promise.but)
    # A role alone is nobody: it is given by grants, which are followed.
    whoever = everybody(n for n in leading if not n.startswith("role:"))
    policy = replace(
        policy, grants=tuple(g for g in policy.grants if g.role in leading)
    )
    people = People(whoever, scopes)
    held = people.held(policy)
    meant = people.within(promise.scope) & ~holding(held, promise.but)
    both = [held.get(name, 0) & meant for name in (one, other)]
    broken: Broken | None = None
    if both[0] & both[1]:
        broken = people.first(both[0] & both[1])
    else:
        # Whoever has the one may sign in in the way that gives the other.
        ways = people.everybody if promise.any_groups else people.ways_in
        broken = _in_two(people, both[0] & ways, both[1]) or _in_two(
            people, both[1] & ways, both[0]
        )
    if broken is None:
        return Answer(promise=promise, verdict=Verdict.PROVEN)
    return Answer(
        promise=promise,
        verdict=Verdict.REFUTED,
        example=Counterexample(names=broken[0], scope=broken[1]),
    )


def _with_groups(policy: Policy, party: Party, promise: Promise) -> list[Names]:
    """Return *party*, and with each group that may be delivered beside, if any may.

    Two groups do not do together what one of them does not: one is enough to be
    allowed, and one is enough to be denied.
    """
    names = party.names or BASE
    groups = groups_of(policy) if promise.any_groups else []
    if not names >= BASE:
        beside = [names] * len(groups)  # a stranger has none
    else:
        beside = [names | {group} for group in groups]
    return [names, *beside]


def _everywhere(policy: Policy) -> Policy:
    """Return *policy* as one with scopes, whose lines hold in every scope."""
    if policy.scoped:
        return policy
    rules, built_in = (
        tuple(replace(rule, scope=ANY_SCOPE) for rule in each)
        for each in (policy.rules, policy.built_in)
    )
    grants = tuple(replace(grant, scope=ANY_SCOPE) for grant in policy.grants)
    return replace(
        policy, rules=rules, built_in=built_in, grants=grants, columns=SCOPED_COLUMNS
    )
