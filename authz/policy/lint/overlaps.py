"""Rules that change nothing, because of other rules."""

from collections.abc import Iterator, Sequence
from typing import Final

from authz.decision import Effect, Policy, Rule
from authz.policy.analysis.redundancy import TOTAL, Redundant, redundancies
from authz.policy.lint.findings import Code, Finding

#: How many lines are named.
_NAMED: Final = 5


def overlap_findings(policy: Policy, *, total: int = TOTAL) -> Iterator[Finding]:
    """Yield the rules of *policy* that could be taken away without a difference.

    All of them at once; and of how many it was not found out, for it would have taken
    more than *total* steps.
    """
    result = redundancies(policy, total=total)
    for each in result.found:
        yield _finding(each)
    if result.not_looked_at:
        first, *others = result.not_looked_at
        more = f", and of {len(others)} more" if others else ""
        yield Finding.on(
            first,
            Code.NOT_LOOKED_AT,
            f"it was not found out whether this rule changes anything{more}: "
            "there are too many to compare",
            f"ask `authz prove reachable {first.origin.line}`",
        )


def _finding(found: Redundant) -> Finding:
    rule, by = found.rule, found.by
    code = Code.RULE_SHADOWED
    if not by:
        code = Code.DENY_WITHOUT_EFFECT
        message = "no rule allows what this one denies, so it is denied anyway"
        hint = "check the path and the method, or keep it as a precaution"
    elif rule.effect is Effect.ALLOW and any(r.effect is Effect.DENY for r in by):
        code = Code.RULE_OVERRULED
        message = f"{_lines(by)} {_verb('denies all of it', 'leave nothing of it', by)}"
        hint = "remove this rule, or make the other one narrower"
    else:
        says = _verb("says the same and more", "say the same together", by)
        message = f"{_lines(by)} {says}"
        hint = "remove one of them" if len(by) == 1 else "remove this rule"
    if len(by) == 1:
        message += f": {by[0]}"
    return Finding.on(rule, code, message, hint)


def _verb(one: str, several: str, rules: Sequence[Rule]) -> str:
    return one if len(rules) == 1 else several


def _lines(rules: Sequence[Rule]) -> str:
    if len(rules) == 1:
        where = rules[0].origin
        return f"line {where.line}" if where.line else str(where)
    named = [str(rule.origin.line or rule.origin) for rule in rules[:_NAMED]]
    if len(rules) > _NAMED:
        return f"lines {', '.join(named)} and {len(rules) - _NAMED} more"
    return f"lines {', '.join(named[:-1])} and {named[-1]}"
