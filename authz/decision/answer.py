"""What a policy answers, and why."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from authz.decision.rule import Effect, Grant, Rule


class Reason(StrEnum):
    """Why a decision came out as it did. Stable words, listed in the reference."""

    #: At least one rule allows it and none denies it.
    ALLOWED_BY_RULE = "allowed-by-rule"
    #: The application declared the endpoint public and no rule denies it.
    DECLARED_PUBLIC = "declared-public"
    #: The shell opened the administration, and the policy was not asked.
    BREAK_GLASS = "break-glass"
    #: A rule denies it. A deny beats every allow.
    DENIED_BY_RULE = "denied-by-rule"
    #: No rule allows it, and what no rule allows is denied.
    NO_RULE = "no-rule"
    #: An unsafe method came from another site on the back of an ambient identity.
    CROSS_ORIGIN = "cross-origin"
    #: Somebody is viewing the app as another person, and may only look.
    VIEW_ONLY = "view-only"
    #: The policy raised an error for this request (only models in another language).
    EVALUATION_FAILED = "evaluation-failed"
    #: The person is disabled, and refused whatever the policy says.
    DISABLED = "disabled"
    #: It would be denied, but AUTHZ_MODE is `report`, so it was let through.
    REPORT_ONLY = "report-only"
    #: The path or the method is not in canonical form; the policy was not asked.
    MALFORMED = "malformed"
    #: A credential is present but does not hold; the policy was not asked.
    INVALID_CREDENTIALS = "invalid-credentials"
    #: The store cannot be reached, and what is known of it is too old to rely on.
    STORE_UNAVAILABLE = "store-unavailable"


class Decision(NamedTuple):
    """The policy's answer. True only when it allows.

    There is one for each rule, so it is of the kind that is made soonest.
    """

    effect: Effect
    reason: Reason
    #: Every rule that determined the answer; empty when no rule spoke.
    rules: tuple[Rule, ...]
    #: The revision of the policy that answered.
    revision: str

    def __bool__(self) -> bool:
        # Without this a decision would be true whatever it says: fail open.
        return self.effect is Effect.ALLOW


#: Makes a named tuple of its values; to call the class takes three times as long.
_made: Final = tuple.__new__
_ALLOWED: Final = Reason.ALLOWED_BY_RULE
_DENIED: Final = Reason.DENIED_BY_RULE


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePath:
    """A rule, and the chain of names that led from the subject to it."""

    rule: Rule
    #: The grants followed from one of the subject's own names; empty when the rule
    #: names the subject itself.
    grants: tuple[Grant, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names on the way: the subject's own first, the rule's last."""
        if not self.grants:
            return (self.rule.subject,)
        return (self.grants[0].member, *(grant.role for grant in self.grants))


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A decision with everything a person needs to agree or to object."""

    decision: Decision
    #: One entry for each determining rule.
    because: tuple[RulePath, ...]
    #: Rules that matched but did not decide (an allow that a deny overruled).
    overruled: tuple[RulePath, ...]
    #: For a refusal: the rules that would have come closest to allowing it.
    nearest: tuple[Rule, ...]


def no_rule(revision: str) -> Decision:
    """Return the refusal that silence gives."""
    return Decision(
        effect=Effect.DENY, reason=Reason.NO_RULE, rules=(), revision=revision
    )


def outcome(decision: Decision, *, declared_public: bool) -> Decision:
    """Return what becomes of a request that the policy answers with *decision*.

    What the app declared public is allowed where no rule speaks of it.
    """
    if not declared_public or decision.reason is not Reason.NO_RULE:
        return decision
    return Decision(
        effect=Effect.ALLOW,
        reason=Reason.DECLARED_PUBLIC,
        rules=(),
        revision=decision.revision,
    )


def alone(rule: Rule, revision: str) -> Decision:
    """Return the decision when *rule* is the only one that matches."""
    effect = rule.effect
    reason = _DENIED if effect is Effect.DENY else _ALLOWED
    return _made(Decision, (effect, reason, (rule,), revision))


def combine(matched: tuple[Rule, ...], revision: str) -> Decision:
    """Return the decision for all rules that *matched*.

    Deny beats allow, silence denies, order and repetition do not matter
    (Casbin: `some(where (p.eft == allow)) && !some(where (p.eft == deny))`).
    """
    denies = tuple(rule for rule in matched if rule.effect is Effect.DENY)
    if denies:
        return Decision(
            effect=Effect.DENY,
            reason=Reason.DENIED_BY_RULE,
            rules=denies,
            revision=revision,
        )
    if matched:
        return Decision(
            effect=Effect.ALLOW,
            reason=Reason.ALLOWED_BY_RULE,
            rules=matched,
            revision=revision,
        )
    return no_rule(revision)
