"""Rules that change nothing, because of other rules."""

from collections import defaultdict
from collections.abc import Iterator

from authz.decision import AUTHENTICATED, EVERYONE, Effect, Rule
from authz.policy.compiled import RuleIndex
from authz.policy.csv_rows import spell_rule
from authz.policy.lint.findings import Code, Finding
from authz.policy.regions import covers, fresh_sample, overlaps, paths_in
from authz.policy.rules import Policy, closure, grants_by_member


def overlap_findings(policy: Policy) -> Iterator[Finding]:
    """Yield the rules of *policy* that could be taken away without a difference."""
    covering = _Covering(policy)
    allows = _ByHead(r for r in policy.rules if r.effect is Effect.ALLOW)
    for rule in policy.rules:
        finding = covering.finding(rule)
        if finding:
            yield finding
        elif rule.effect is Effect.DENY and not allows.any_overlaps(rule):
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
        self._grants = grants_by_member(policy.grants)
        self._sample = fresh_sample(rule.path for rule in policy.rules)
        self._order = {id(rule): n for n, rule in enumerate(policy.rules)}
        self._held: dict[str, frozenset[str]] = {}

    def finding(self, rule: Rule) -> Finding | None:
        held = self._names_with(rule.subject)
        # Whatever covers a rule speaks of any of its paths, so also of these.
        *_, path = paths_in(rule.path, depth=0, sample=self._sample)
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
        if (other.subject, other.path, other.methods) == (
            rule.subject,
            rule.path,
            rule.methods,
        ):
            return True
        mutual = covers(rule, other) and rule.subject in self._names_with(other.subject)
        return mutual and self._order[id(other)] > self._order[id(rule)]

    def _names_with(self, name: str) -> frozenset[str]:
        """Return the names that everybody has who has *name*."""
        names = self._held.get(name)
        if names is None:
            always = {name, EVERYONE}
            # A role may be held without signing in (AUTHZ_ANONYMOUS_ROLE).
            if name.startswith(("user:", "group:", "token:")):
                always.add(AUTHENTICATED)
            names = frozenset(closure(always, self._grants))
            self._held[name] = names
        return names


class _ByHead:
    """Rules by the first segment of their path, to find those that overlap one."""

    def __init__(self, rules: Iterator[Rule]) -> None:
        self._rules: defaultdict[str, list[Rule]] = defaultdict(list)
        for rule in rules:
            self._rules[_head(rule)].append(rule)

    def any_overlaps(self, rule: Rule) -> bool:
        head = _head(rule)
        near = [self._rules[head], self._rules[""]] if head else [*self._rules.values()]
        return any(overlaps(rule, other) for rules in near for other in rules)


def _head(rule: Rule) -> str:
    first = rule.path.split("/")[1]
    return "" if first == "*" or first.startswith(":") else first


def _line(rule: Rule) -> str:
    return f"line {rule.origin.line}" if rule.origin.line else str(rule.origin)


def _finding(code: Code, rule: Rule, message: str, hint: str) -> Finding:
    return Finding(
        code=code, where=rule.origin, message=message, hint=hint, text=spell_rule(rule)
    )
