"""Rules that change no answer, whoever asks: each with the others that make it so.

A rule that allows is needed if somebody who goes by its name alone meets, somewhere in
it, no other rule. A rule that denies is needed if somebody has its name and one that is
allowed there, and no other deny. Both ask whether some rules together leave anything of
a part of all requests, and a path that no pattern names is where they leave most.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from authz.decision import (
    ANONYMOUS,
    ANONYMOUS_METHOD,
    AUTHENTICATED,
    EVERYONE,
    Effect,
    Policy,
    Rule,
)
from authz.policy.analysis.cases import Steps, TimeIsUp, method_bits
from authz.policy.analysis.holders import BASE, Names, ScopeKinds, one_person
from authz.policy.analysis.pattern_tree import PatternTree
from authz.policy.analysis.promises import Watch, budget
from authz.policy.patterns import PathPattern, pattern_of

#: How much is looked at for one rule, and for all of them.
EACH: Final = 20_000
TOTAL: Final = 3_000_000
#: Of more rules than this it is not asked which of them would do.
_SEVERAL: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Redundant:
    """A rule that could be taken away without a difference."""

    rule: Rule
    #: What makes it so together; empty where nobody is allowed what the rule denies.
    by: tuple[Rule, ...]


@dataclass(slots=True, kw_only=True)
class Redundancies:
    """What was found; all of it can be taken away at once."""

    found: list[Redundant] = field(default_factory=list)
    #: Rules of which it was not found out.
    not_looked_at: list[Rule] = field(default_factory=list)


class _Rule(NamedTuple):
    """A rule as bits."""

    rule: Rule
    pattern: PathPattern
    denies: bool
    methods: int
    #: The scopes in which it holds.
    scopes: int


class _Area(NamedTuple):
    """Some requests of somebody."""

    pattern: PathPattern
    methods: int
    scopes: int
    who: Names


def redundancies(
    policy: Policy, *, each: int = EACH, total: int = TOTAL
) -> Redundancies:
    """Return the rules of *policy* that change nothing, the last of equals.

    Of a rule that takes more than *each* steps, or all when *total* are taken, it is
    said that they were not looked at.
    """
    search = _Search(policy)
    found = Redundancies()
    altogether = budget(total)
    for asked in reversed(search.rules):
        alone = budget(each)
        step = Steps(Watch(stop=lambda b=alone: b.stop() or altogether.stop()))  # type: ignore[misc]
        try:
            redundant = search.judge(asked, step)
        except TimeIsUp:
            found.not_looked_at.insert(0, asked.rule)
            continue
        if redundant is not None:
            found.found.insert(0, redundant)
    return found


class _Search:
    """Looks at one rule after the other, and leaves out what is redundant."""

    def __init__(self, policy: Policy) -> None:
        self._kinds = ScopeKinds([policy])
        #: Whoever has a name has these, in these scopes.
        self._leads: dict[str, dict[str, int]] = {}
        self._grants: dict[str, list[tuple[str, int]]] = {}
        for grant in policy.grants:
            given = self._grants.setdefault(grant.member, [])
            given.append((grant.role, self._kinds.bits(grant.scope)))
        # Of equal lines it is said elsewhere that they are repeated.
        first = {rule.fields: rule for rule in reversed(policy.deciding)}
        self.rules = [self._read(r) for r in policy.rules if first[r.fields] is r]
        built_in = [self._read(rule) for rule in policy.built_in]
        self._by_pattern: dict[PathPattern, list[_Rule]] = {}
        for each in (*self.rules, *built_in):
            self._by_pattern.setdefault(each.pattern, []).append(each)
        self._rules_of = list(self._by_pattern.values())
        self._tree = PatternTree(self._by_pattern)
        self._sample = self._tree.fresh()
        self._deepest = max((len(p.literals) for p in self._by_pattern), default=0)
        self._left_out: set[int] = set()

    def judge(self, asked: _Rule, step: Steps) -> Redundant | None:
        """Return *asked* with what makes it redundant; None if it is needed."""
        by = self._single(asked)
        if by is None:
            by = self._together(asked, step)
        if by is None:
            return None
        self._left_out.add(id(asked.rule))
        return Redundant(rule=asked.rule, by=tuple(each.rule for each in by))

    def _single(self, asked: _Rule) -> list[_Rule] | None:
        """Return the one rule that covers *asked*, rather one that denies, or None."""
        areas = self._areas(asked)
        covering = [
            each
            for number in sorted(self._tree.covering(asked.pattern))
            for each in self._rules_of[number]
            if self._counts(each, asked) and not asked.methods & ~each.methods
        ]
        for other in sorted(covering, key=lambda each: not each.denies):
            if not any(area.scopes & ~self._met(other, area.who) for area in areas):
                return [other]
        return None

    def _together(self, asked: _Rule, step: Steps) -> list[_Rule] | None:
        """Return the rules that leave nothing of *asked* together, or None.

        Of a deny, nothing for anybody who is allowed. What is allowed by a rule that is
        left out counts: it may be there because of the deny.
        """
        looked_at: list[tuple[_Area, list[_Rule]]] = []
        for area in self._areas_in(asked, step):
            for here in self._places(area, asked, step):
                if self._remains(area, here):
                    return None
                looked_at.append((area, here))
        together = {id(each.rule): each for _, here in looked_at for each in here}
        for key, each in list(together.items()) if len(together) <= _SEVERAL else ():
            del together[key]
            for area, here in looked_at:
                some = [other for other in here if id(other.rule) in together]
                if self._remains(area, some):
                    together[key] = each
                    break
        return sorted(together.values(), key=lambda each: each.rule.origin.line)

    def _areas_in(self, asked: _Rule, step: Steps) -> Iterator[_Area]:
        """Yield what *asked* may matter for; of a deny, each part that is allowed."""
        if not asked.denies:
            yield from self._areas(asked)
            return
        for number in self._tree.meeting(asked.pattern):
            for allow in self._rules_of[number]:
                step()
                if not allow.denies:
                    yield from self._areas(asked, allow)

    def _areas(self, *rules: _Rule) -> list[_Area]:
        """Return what all of *rules* speak of, for each who may have just their names.

        Whoever else meets them has these names too, and meets no fewer of the others.
        """
        pattern: PathPattern | None = rules[0].pattern
        methods, scopes = rules[0].methods, rules[0].scopes
        for each in rules[1:]:
            methods, scopes = methods & each.methods, scopes & each.scopes
            pattern = pattern and pattern.overlap(each.pattern)
        if pattern is None or not methods or not scopes:
            return []
        return [
            _Area(pattern, methods, scopes, who)
            for who in _people({each.rule.subject for each in rules})
        ]

    def _places(self, area: _Area, asked: _Rule, step: Steps) -> Iterator[list[_Rule]]:
        """Yield the other rules that may speak of *area*, at the loneliest paths of it.

        A pattern that matches a path of segments which no pattern names matches every
        path of that length. So whatever other path is looked at, no fewer rules match.
        """
        filled = [self._sample if p is None else p for p in area.pattern.literals]
        paths = [filled]
        if area.pattern.tail:
            longer = [
                [*filled, *[self._sample] * more] for more in range(self._deepest + 1)
            ]
            paths = [*longer[1:], *([*path, ""] for path in longer)]
        for path in paths:
            step()
            yield [
                each
                for number in self._tree.matching("/".join(path))
                for each in self._rules_of[number]
                if self._counts(each, asked) and each.methods & area.methods
            ]

    def _remains(self, area: _Area, here: Iterable[_Rule]) -> bool:
        """Return whether some method in some scope of *area* is in none of *here*."""
        kinds = [(area.methods, area.scopes)]
        for each in here:
            scopes = self._met(each, area.who)
            kinds = [
                (methods, where)
                for some, left in kinds
                for methods, where in (
                    (some & each.methods, left & ~scopes),
                    (some & ~each.methods, left),
                )
                if methods and where
            ]
            if not kinds:
                return False
        return True

    def _counts(self, other: _Rule, asked: _Rule) -> bool:
        """Return whether *other* can make *asked* redundant: a deny only denies do."""
        return (
            other.rule is not asked.rule
            and (other.denies or not asked.denies)
            and id(other.rule) not in self._left_out
        )

    def _met(self, each: _Rule, who: Names) -> int:
        """Return the scopes in which somebody who is *who* meets a rule."""
        subject = each.rule.subject
        held = 0
        for name in who:
            held |= self._leading(name).get(subject, 0)
        return held & each.scopes

    def _leading(self, name: str) -> dict[str, int]:
        """Return every name that *name* leads to, and in which scopes."""
        known = self._leads.get(name)
        if known is None:
            known = self._leads[name] = {name: self._kinds.bits("")}
            queue = [name]
            for each in queue:
                for role, where in self._grants.get(each, ()):
                    before = known.get(role, 0)
                    after = before | (known[each] & where)
                    if after != before:
                        known[role] = after
                        queue.append(role)
        return known

    def _read(self, rule: Rule) -> _Rule:
        return _Rule(
            rule=rule,
            pattern=pattern_of(rule),
            denies=rule.effect is Effect.DENY,
            methods=method_bits(rule.methods),
            scopes=self._kinds.bits(rule.scope),
        )


def _people(names: set[str]) -> Iterator[Names]:
    """Yield whoever may have just *names*: signed in, and as a stranger with a role.

    A stranger has one by AUTHZ_ANONYMOUS_ROLE.
    """
    own = names - {EVERYONE, AUTHENTICATED}
    if ANONYMOUS_METHOD not in own and one_person(own):
        yield BASE | own
    roles = all(name.startswith("role:") for name in names - {ANONYMOUS_METHOD})
    if roles and AUTHENTICATED not in names:
        yield ANONYMOUS.names | own
