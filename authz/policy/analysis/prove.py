"""Promises about a policy, answered for every request there can be.

Exactly: a policy tells finitely many kinds of paths, methods, scopes and people apart
(docs/explanation/proofs.md says why these are all). For each kind of path and method
one operation on bits answers for everybody in every scope. What is found is the
smallest request; what is not found does not exist.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from authz.decision import Effect, Policy, PolicyInForce, Rule
from authz.policy.analysis.holders import (
    BASE,
    Names,
    People,
    ScopeKinds,
    everybody,
    groups_of,
    holding,
)
from authz.policy.analysis.path_classes import PathClasses
from authz.policy.analysis.promises import (
    EVERY_METHOD,
    STRIDE,
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

#: Whom the rules of one side speak of, at one method and path: (allowed, denied).
_Said = tuple[int, int]
#: What breaks the promise: who, and in which scope.
_Broken = tuple[Names, str]
#: For no more patterns than this it is asked, for each rule, whether it overlaps one.
_FEW: Final = 20
_TOO_LONG: Final = "the time was up before everything was looked at"
_OTHER_LANGUAGE: Final = (
    "the model is not one of the shipped ones, and other Casbin models cannot be "
    "looked through"
)


#: What rules speak of beside people and paths: on which side, whether they deny, and
#: the methods as bits.
_About = tuple[int, bool, int]
#: What the rules with one pattern say, of whom.
_Saying = dict[_About, int]


class _Case:
    """A promise made ready: sides to compare, and what breaks it."""

    def __init__(
        self,
        people: People,
        *,
        broken: Callable[[Sequence[_Said]], _Broken | None],
        sides: int,
        meant: int,
        wanted: Callable[[_Saying], bool] | None,
    ) -> None:
        """Compare *sides*, as far as *meant* people go.

        It can be broken only where a pattern matches that is *wanted*; with None also
        where no rule speaks.
        """
        self.people = people
        self.broken = broken
        self.sides = sides
        self.meant = meant
        self._wanted = wanted
        self._patterns: dict[PathPattern, _Saying] = {}

    def add(
        self, side: int, policy_rules: Iterable[Rule], held: dict[str, int]
    ) -> None:
        """Let *policy_rules* speak on *side*, of those who hold what names *held*."""
        for rule in policy_rules:
            held_by = held.get(rule.subject, 0)
            whom = held_by and held_by & self.people.within(rule.scope) & self.meant
            if whom:
                said = self._patterns.setdefault(PathPattern.of(rule.path), {})
                about = side, rule.effect is Effect.DENY, method_bits(rule.methods)
                said[about] = said.get(about, 0) | whom

    def answer(self, promise: Promise, watch: Watch) -> Answer:
        """Walk through every kind of path and method of *promise*."""
        patterns = list(self._patterns)
        entries = [list(said.items()) for said in self._patterns.values()]
        classes = PathClasses(patterns, wanted=self._where_it_may_break())
        asked = sum(1 << EVERY_METHOD.index(method) for method in promise.methods)
        met: set[int] = set()
        looked_at = 0
        if watch.stop():
            return Answer(promise=promise, verdict=Verdict.NOT_PROVEN, why=_TOO_LONG)
        found: tuple[tuple[int, int, str, int], Counterexample] | None = None
        for each in classes.within(promise.region):
            depth = each.path.count("/")
            if found is not None and depth > found[0][0]:
                break  # all that are as small have been looked at
            looked_at += 1
            met |= each.matched
            if not looked_at % STRIDE:
                watch.tell(len(met), len(patterns))
                if watch.stop():
                    return Answer(
                        promise=promise,
                        verdict=Verdict.NOT_PROVEN,
                        why=_TOO_LONG,
                        paths=looked_at,
                    )
            if found is not None and (len(each.path), each.path) > found[0][1:3]:
                continue  # it could only break it with a longer path
            for method, said in self._said(
                [entry for number in each.matched for entry in entries[number]], asked
            ):
                broken = self.broken(said)
                if broken is None:
                    continue
                size = (depth, len(each.path), each.path, method)
                if found is None or size < found[0]:
                    example = Counterexample(
                        names=broken[0],
                        scope=broken[1],
                        method=EVERY_METHOD[method],
                        path=each.path,
                    )
                    found = size, example
        watch.tell(len(patterns), len(patterns))
        return Answer(
            promise=promise,
            verdict=Verdict.PROVEN if found is None else Verdict.REFUTED,
            example=found and found[1],
            paths=looked_at,
        )

    def _where_it_may_break(self) -> list[int] | None:
        """Return the numbers of the patterns that are wanted; None is everywhere."""
        if self._wanted is None:
            return None
        saying = enumerate(self._patterns.values())
        return [number for number, said in saying if self._wanted(said)]

    def _said(
        self, entries: Sequence[tuple[_About, int]], asked: int
    ) -> Iterator[tuple[int, list[_Said]]]:
        """Yield each kind of method with what the rules say of it, side by side."""
        kinds = [asked]
        for methods in {methods for (_, _, methods), _ in entries}:
            kinds = [
                part
                for kind in kinds
                for part in (kind & methods, kind & ~methods)
                if part
            ]
        for kind in kinds:
            said = [[0, 0] for _ in range(self.sides)]
            for (side, denies, methods), whom in entries:
                if methods & kind:
                    said[side][denies] |= whom
            yield (kind & -kind).bit_length() - 1, [(a, d) for a, d in said]


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
    rules, built_in = (
        tuple(each for each in some if each is not rule)
        for some in (policy.rules, policy.built_in)
    )
    without = replace(policy, rules=rules, built_in=built_in)
    if rule.effect is Effect.DENY:
        return _gains(policy, without, promise, watch)
    return _gains(without, policy, promise, watch)


def _gains(less: Policy, more: Policy, promise: Promise, watch: Watch) -> Answer:
    """Return whether whoever may something under *more* may it under *less*."""
    touched = _touched(less, more)
    rules = [
        [rule for rule in _about(policy, promise) if _near(rule, touched)]
        for policy in (less, more)
    ]
    # Whoever gets or loses a role is told apart from whoever has it either way.
    regranted = {g.fields for g in less.grants} ^ {g.fields for g in more.grants}
    names = {rule.subject for each in rules for rule in each}
    names |= {member for member, *_ in regranted}
    people = People(everybody(names), ScopeKinds((less, more)))
    held = people.held(less)
    helds = held, held if more.grants == less.grants else people.held(more)

    def broken(said: Sequence[_Said]) -> _Broken | None:
        (had, was_denied), (has, denied) = said
        gained = has & ~denied & (~had | was_denied)
        if gained:
            return people.first(gained)
        return _in_two(people, has & ~denied, was_denied & ~denied)

    case = _Case(
        people,
        broken=broken,
        sides=2,
        meant=people.everybody,
        wanted=_differs,  # where both say the same of everybody, nobody gains
    )
    for side in range(2):
        case.add(side, rules[side], helds[side])
    return case.answer(promise, watch)


def _touched(less: Policy, more: Policy) -> frozenset[PathPattern]:
    """Return the patterns of rules that one of both has alone, or gives to others."""
    rules = [{rule.fields: rule for rule in each.deciding} for each in (less, more)]
    grants = [{g.fields: g.role for g in each.grants} for each in (less, more)]
    roles = [(grants[0] | grants[1])[key] for key in grants[0].keys() ^ grants[1]]
    reached = {name for each in (less, more) for name in each.reached_from(roles)}
    return frozenset(
        pattern_of(rule)
        for key, rule in (rules[0] | rules[1]).items()
        if rule.subject in reached or (key in rules[0]) is not (key in rules[1])
    )


def _near(rule: Rule, touched: frozenset[PathPattern]) -> bool:
    """Return whether *rule* may matter where one of *touched* patterns matches."""
    if len(touched) > _FEW:
        return True
    pattern = pattern_of(rule)
    return any(pattern.overlap(each) for each in touched)


def _about(policy: Policy, promise: Promise) -> list[Rule]:
    """Return the rules of *policy* that speak of what *promise* is about."""
    region, methods = promise.region, set(promise.methods)
    return [
        rule
        for rule in policy.deciding
        if (not rule.methods or any(map(Methods(rule.methods).matches, methods)))
        and pattern_of(rule).overlap(region)
    ]


def _differs(said: _Saying) -> bool:
    """Return whether one of two sides says of somebody what the other does not."""
    sides: list[dict[tuple[bool, int], int]] = [{}, {}]
    for (side, denies, methods), whom in said.items():
        sides[side][denies, methods] = whom
    return sides[0] != sides[1]


def _allows_of(*sides: int) -> Callable[[_Saying], bool]:
    """Return what finds the patterns with a rule that allows, on one of *sides*."""

    def wanted(said: _Saying) -> bool:
        return any(side in sides and not denies for side, denies, _ in said)

    return wanted


def _in_two(people: People, ones: int, others: int) -> _Broken | None:
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

    def broken(said: Sequence[_Said]) -> _Broken | None:
        ((allowed, denied),) = said
        may = allowed & ~denied
        breaks = meant & (~may if must else may)
        return people.first(breaks) if breaks else None

    wanted = None if must else _allows_of(0)
    case = _Case(people, broken=broken, sides=1, meant=meant, wanted=wanted)
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

    def broken(said: Sequence[_Said]) -> _Broken | None:
        one, other, anyone = (allowed & ~denied for allowed, denied in said)
        if question is Question.DISJOINT:
            breaks = one & other & ~anyone
        elif question is Question.IMPLIES:
            breaks = one & ~other
        else:
            breaks = one ^ other
        breaks &= meant
        return people.first(breaks) if breaks else None

    sides_that_may = (0, 1) if question is Question.EQUIVALENT else (0,)
    wanted = _allows_of(*sides_that_may)
    case = _Case(people, broken=broken, sides=3, meant=meant, wanted=wanted)
    rules = _about(policy, promise)
    for side, each in enumerate(held):
        case.add(side, rules, each)
    answer = case.answer(promise, watch)
    if answer.example is None:
        return answer
    return _with_other(answer, sides)


def _with_other(answer: Answer, sides: Sequence[People]) -> Answer:
    example = answer.example
    assert example is not None  # noqa: S101 - for the types; the caller looked
    number = sides[0].people.index(example.names)
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
    broken: _Broken | None = None
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
    return replace(policy, rules=rules, built_in=built_in, grants=grants, scoped=True)


def method_bits(methods: frozenset[str]) -> int:
    """Return which of `EVERY_METHOD` a rule for *methods* speaks of, as bits."""
    said = Methods(methods)
    return sum(1 << n for n, method in enumerate(EVERY_METHOD) if said.matches(method))
