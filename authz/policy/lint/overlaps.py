"""Rules that change nothing, because of other rules."""

from collections.abc import Iterator

from authz.decision import AUTHENTICATED, EVERYONE, Effect, Policy, Rule
from authz.policy.csv_rows import spell_rule
from authz.policy.lint.findings import Code, Finding
from authz.policy.path_index import RuleIndex
from authz.policy.patterns import (
    RulesByHead,
    covers,
    fresh_sample,
    overlaps,
    pattern_of,
)


def overlap_findings(policy: Policy) -> Iterator[Finding]:
    """Yield the rules of *policy* that could be taken away without a difference."""
    covering = _Covering(policy)
    allows = RulesByHead(r for r in policy.rules if r.effect is Effect.ALLOW)
    for rule in policy.rules:
        finding = covering.finding(rule)
        if finding:
            yield finding
        elif rule.effect is Effect.DENY and not any(
            overlaps(rule, other) for other in allows.near(pattern_of(rule))
        ):
            yield _finding(
                Code.DENY_WITHOUT_EFFECT,
                rule,
                "no rule allows what this one denies, so it is denied anyway",
                "check the path and the method, or keep it as a precaution",
            )


class _Covering:
    """Finds the rule that makes another one superfluous."""

    def __init__(self, policy: Policy) -> None:
        self._index = RuleIndex(policy.rules)
        self._policy = policy
        self._sample = fresh_sample(rule.path for rule in policy.rules)
        self._order = {id(rule): n for n, rule in enumerate(policy.rules)}
        self._held: dict[str, frozenset[str]] = {}
        #: What a role leads to may be held without signing in.
        self._of_roles = policy.reached_from(
            {g.member for g in policy.grants if g.member.startswith("role:")}
        )

    def finding(self, rule: Rule) -> Finding | None:
        held = self._names_with(rule.subject)
        # Whatever covers a rule speaks of any of its paths, so also of these.
        path = pattern_of(rule).sample(self._sample)
        method = min(rule.methods, default="*")
        for other in self._index.speaking_of(method, path):
            if other is rule or other.subject not in held or not covers(other, rule):
                continue
            if other.effect is rule.effect:
                if self._is_twin(other, rule):
                    continue
                return _finding(
                    Code.RULE_SHADOWED,
                    rule,
                    f"{_line(other)} says the same and more: {other}",
                    "remove one of them",
                )
            if other.effect is Effect.DENY:
                return _finding(
                    Code.RULE_OVERRULED,
                    rule,
                    f"{_line(other)} denies all of it: {other}",
                    "remove this rule, or make the other one narrower",
                )
        return None

    def _is_twin(self, other: Rule, rule: Rule) -> bool:
        """Whether both cover one another; then only the later is superfluous.

        Equal lines are reported as repeated.
        """
        if other.fields == rule.fields:
            return True
        mutual = covers(rule, other) and rule.subject in self._names_with(other.subject)
        return mutual and self._order[id(other)] > self._order[id(rule)]

    def _names_with(self, name: str) -> frozenset[str]:
        """Return the names that everybody has who has *name*."""
        names = self._held.get(name)
        if names is None:
            always = {name, EVERYONE}
            # A role may be held without signing in (AUTHZ_ANONYMOUS_ROLE).
            personal = name.startswith(("user:", "group:", "token:"))
            if personal and name not in self._of_roles:
                always.add(AUTHENTICATED)
            names = frozenset(self._policy.reached_from(always))
            self._held[name] = names
        return names


def _line(rule: Rule) -> str:
    return f"line {rule.origin.line}" if rule.origin.line else str(rule.origin)


def _finding(code: Code, rule: Rule, message: str, hint: str) -> Finding:
    return Finding(
        code=code, where=rule.origin, message=message, hint=hint, text=spell_rule(rule)
    )
