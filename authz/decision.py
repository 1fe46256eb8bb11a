"""The vocabulary that policy and identity share.

Is this **subject** allowed to perform this **method** on this **path**?
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Final, NamedTuple, Protocol

from authz.errors import Problem
from authz.scope import WHOLE, AskedScope, Scope, Scopes, ScopeSet, patterns_of

#: Every subject has this name, signed in or not.
EVERYONE = "role:everyone"
#: Every signed-in subject has this name.
AUTHENTICATED = "role:authenticated"
#: The subject of a request that carries no credential has this name.
ANONYMOUS_METHOD = "auth:anonymous"
#: Methods that only look (RFC 9110, 9.2.1).
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Effect(StrEnum):
    """What a rule does, and what a decision says."""

    ALLOW = "allow"
    DENY = "deny"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedGroup:
    """A group that a provider named and no policy can name."""

    #: As it was delivered, shortened.
    text: str
    #: Why: "it holds a character that cannot be seen".
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """The groups that a provider named for somebody, and what came of them."""

    #: Where they were: "the header `Remote-Groups`", "the claim `groups`".
    place: str = ""
    #: What the text there was cut at; None if it was a list, or is one group.
    separator: str | None = None
    #: As they were delivered, in order.
    delivered: tuple[str, ...] = ()
    #: What the policy knows them by, `group:...`.
    names: frozenset[str] = frozenset()
    dropped: tuple[DroppedGroup, ...] = ()


#: Nobody named any.
NO_GROUPS = Groups()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who is asking, with every name the policy may know them by.

    A decision is over all names at once, so a deny for any of them wins.
    """

    #: The one name that identifies the subject: `user:alice`, `token:backup`.
    name: str
    #: Every name, the identifying one included.
    names: frozenset[str]
    #: The identity source that vouched for the subject: `local`, `anonymous`.
    source: str
    #: What to call the subject on a page.
    display_name: str
    #: How its groups were delivered. No part of the value: the names are.
    groups: Groups = field(default=NO_GROUPS, compare=False, repr=False)
    #: Further names, with the patterns of the scopes in which each is theirs. A policy
    #: without scopes knows them by `names` alone.
    scoped: tuple[tuple[str, frozenset[str]], ...] = ()
    #: The grants, none of a policy, that gave it those. No part of the value.
    given: "tuple[Grant, ...]" = field(default=(), compare=False, repr=False)
    #: Where a policy may note what it found out about these names, so that it need
    #: not look again. No part of the value.
    memo: object = field(default=None, init=False, compare=False, repr=False)

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody signed in."""
        return AUTHENTICATED in self.names or any(
            name == AUTHENTICATED for name, _ in self.scoped
        )

    def names_in(self, scope: str) -> frozenset[str]:
        """Return the names that are theirs in *scope*, one scope or a pattern."""
        around = patterns_of(scope)
        return self.names | {
            name for name, where in self.scoped if not where.isdisjoint(around)
        }

    def within(self, scope: str) -> "Subject":
        """Return who they are in *scope*, for a policy that knows of no scopes."""
        return replace(self, names=self.names_in(scope), scoped=())

    def __str__(self) -> str:
        return self.name


def signed_in(
    name: str,
    *,
    source: str,
    display_name: str,
    groups: frozenset[str] | Groups = frozenset(),
) -> Subject:
    """Return the subject *name*, vouched for by *source*.

    Its names are *name*, its *groups* (`group:...`), how it signed in
    (`auth:<source>`), `role:everyone` and `role:authenticated`.
    """
    given = groups if isinstance(groups, Groups) else NO_GROUPS
    theirs = groups.names if isinstance(groups, Groups) else groups
    return Subject(
        name=name,
        names=theirs | {name, f"auth:{source}", EVERYONE, AUTHENTICATED},
        source=source,
        display_name=display_name,
        groups=given,
    )


#: The subject of a request without a credential. It holds no role but `role:everyone`.
ANONYMOUS = Subject(
    name=ANONYMOUS_METHOD,
    names=frozenset({ANONYMOUS_METHOD, EVERYONE}),
    source="anonymous",
    display_name="anonymous",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """One question to the policy."""

    subject: Subject
    #: The path the router used (`request.path`), decoded once; never the raw URI.
    path: str
    #: An upper-case HTTP method.
    method: str
    #: What it is about: one scope, several (it is allowed if it is for each), or None
    #: for none in particular (it is allowed if it is in some scope). A policy without
    #: scopes does not ask.
    scope: AskedScope = None


class Asked(Protocol):
    """What a policy reads of a question.

    An `AccessRequest`, or what the hook keeps about a request anyway: making a frozen
    value of it for each request would cost more than the decision.
    """

    @property
    def subject(self) -> Subject:
        """Who asks."""
        ...

    @property
    def path(self) -> str:
        """The path the router used."""
        ...

    @property
    def method(self) -> str:
        """An upper-case HTTP method."""
        ...

    @property
    def scope(self) -> AskedScope:
        """What it is about: one scope, several, or None for none in particular."""
        ...


class Origin(NamedTuple):
    """Where a rule or a grant was written."""

    #: A file name, or the name of a setting.
    source: str
    #: The line in that file, from 1; 0 where there are no lines.
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@lru_cache(maxsize=256)
def _method_field(methods: frozenset[str]) -> str:
    return "|".join(sorted(methods)) or "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """*subject* may, or may not, use *methods* on *path*."""

    subject: str
    path: str
    #: Upper-case method names; empty means every method (`*` in the file).
    methods: frozenset[str]
    effect: Effect
    origin: Origin
    #: The scope pattern in which it holds; empty in a policy without scopes.
    scope: str = ""

    @property
    def method_field(self) -> str:
        """The methods as the policy file spells them."""
        return _method_field(self.methods)

    @property
    def fields(self) -> tuple[str, ...]:
        """All that it says, as the policy file spells it; equal wherever it stands."""
        methods, effect = _method_field(self.methods), str(self.effect)
        if self.scope:
            return self.subject, self.scope, self.path, methods, effect
        return self.subject, self.path, methods, effect

    def __str__(self) -> str:
        where = f" in {self.scope}" if self.scope else ""
        return f"{self.effect} {self.subject} {self.method_field} {self.path}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """*member* has *role*."""

    member: str
    role: str
    origin: Origin
    #: The scope pattern in which it holds; empty in a policy without scopes.
    scope: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """All that it says, as the policy file spells it; equal wherever it stands."""
        if self.scope:
            return self.member, self.role, self.scope
        return self.member, self.role

    def __str__(self) -> str:
        where = f" in {self.scope}" if self.scope else ""
        return f"{self.member} has {self.role}{where}"


def grants_by_member(grants: Iterable[Grant]) -> dict[str, list[Grant]]:
    """Return the grants of each member, in order."""
    by_member: dict[str, list[Grant]] = {}
    for grant in grants:
        by_member.setdefault(grant.member, []).append(grant)
    return by_member


def closure(
    names: Iterable[str], by_member: Mapping[str, Sequence[Grant]]
) -> dict[str, tuple[Grant, ...]]:
    """Return every name reachable from *names* with a shortest chain of grants to it.

    Chains may be of any length; the walk keeps no stack.
    """
    reached: dict[str, tuple[Grant, ...]] = dict.fromkeys(names, ())
    queue = list(reached)
    for name in queue:
        for grant in by_member.get(name, ()):
            if grant.role not in reached:
                reached[grant.role] = (*reached[name], grant)
                queue.append(grant.role)
    return reached


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What is allowed: rules and grants. Immutable; a change makes a new one."""

    rules: tuple[Rule, ...]
    grants: tuple[Grant, ...]
    #: Twelve hexadecimal digits that change with the content.
    revision: str
    #: What is odd but does no harm, for the operator to see.
    warnings: tuple[Problem, ...] = ()
    #: Rules that hold in every policy. They decide like the others, but belong to no
    #: text, so nothing that counts, checks or compares a text knows of them.
    built_in: tuple[Rule, ...] = ()
    #: Whether its rules and grants hold in a scope each.
    scoped: bool = False

    def within(self, scope: str) -> "Policy":
        """Return what holds in *scope*, as a policy without scopes.

        Rules and grants keep their origin. `*` asks for what holds in every scope.
        """
        if not self.scoped:
            return self
        patterns = frozenset(patterns_of(scope))
        rules, built_in = (
            tuple(replace(rule, scope="") for rule in each if rule.scope in patterns)
            for each in (self.rules, self.built_in)
        )
        return Policy(
            rules=rules,
            built_in=built_in,
            grants=tuple(
                replace(grant, scope="")
                for grant in self.grants
                if grant.scope in patterns
            ),
            revision=self.revision,
        )

    @property
    def deciding(self) -> tuple[Rule, ...]:
        """Every rule that is asked."""
        return (*self.rules, *self.built_in)

    @cached_property
    def rules_by_subject(self) -> Mapping[str, tuple[Rule, ...]]:
        """The rules for each name that rules speak of."""
        by_subject: dict[str, list[Rule]] = {}
        for rule in self.rules:
            by_subject.setdefault(rule.subject, []).append(rule)
        return {name: tuple(rules) for name, rules in by_subject.items()}

    @cached_property
    def roles(self) -> frozenset[str]:
        """Every role that a grant gives, or gives something to."""
        return frozenset(
            name
            for grant in self.grants
            for name in (grant.role, grant.member)
            if name == grant.role or name.startswith("role:")
        )

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that a rule or a grant speaks of."""
        given = {name for grant in self.grants for name in (grant.member, grant.role)}
        return frozenset(self.rules_by_subject) | given

    def reached_from(self, names: Iterable[str]) -> dict[str, tuple[Grant, ...]]:
        """Return every name that *names* lead to, with the grants on the way."""
        return closure(names, self._by_member)

    def members_of(self, *roles: str) -> dict[str, None]:
        """Return *roles* and every name that leads to one of them, nearest first."""
        found = dict.fromkeys(roles)
        queue = list(found)
        for name in queue:
            for grant in self._by_role.get(name, ()):
                if grant.member not in found:
                    found[grant.member] = None
                    queue.append(grant.member)
        return found

    @cached_property
    def _by_member(self) -> Mapping[str, Sequence[Grant]]:
        return grants_by_member(self.grants)

    @cached_property
    def _by_role(self) -> Mapping[str, Sequence[Grant]]:
        by_role: dict[str, list[Grant]] = {}
        for grant in self.grants:
            by_role.setdefault(grant.role, []).append(grant)
        return by_role


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


class PolicyInForce(Protocol):
    """A policy that answers: compiled, or handed to pycasbin. Never changes."""

    @property
    def revision(self) -> str:
        """The revision of the policy, twelve hexadecimal digits."""
        ...

    @property
    def source(self) -> Policy | None:
        """The rules and grants that it answers from, to look through.

        None if they are written in another language than the shipped one, or hold in
        a scope each: who looks through them has to know of scopes, see `written`.
        """
        ...

    @property
    def written(self) -> Policy | None:
        """The rules and grants with their scopes; None in another language."""
        ...

    def decide(self, request: Asked) -> Decision:
        """Return the answer to *request*, without I/O."""
        ...

    def explain(self, request: AccessRequest) -> Explanation:
        """Return the answer to *request* with every rule and chain behind it."""
        ...

    def scopes(
        self, subject: Subject, path: str, method: str, *, public: bool = False
    ) -> ScopeSet:
        """Return the scopes in which *subject* may use *method* on *path*.

        One that knows no scopes gives all or none. The app declared *public* what is
        allowed where no rule speaks of it.
        """
        ...

    def roles_of(self, names: Iterable[str]) -> frozenset[str]:
        """Return every role that somebody with *names* holds, however indirectly."""
        ...

    def roles_within(self, subject: Subject, scope: str) -> frozenset[str]:
        """Return every role that *subject* holds in *scope*, or everywhere."""
        ...

    def held_by(self, subject: Subject) -> Mapping[str, frozenset[str]]:
        """Return every name of *subject*, with the patterns of where it is theirs."""
        ...


class PolicyHolder(Protocol):
    """Whatever knows the policy in force."""

    @property
    def current(self) -> PolicyInForce:
        """The policy in force at this moment."""
        ...


def whole_of(policy: PolicyInForce, own: Scope | None = None) -> AskedScope:
    """Return what a question about the whole of *policy* is about.

    Who administers some scopes only is not one who administers the whole. Where authz
    has a scope of its *own*, its administration is about that too.
    """
    written = policy.written
    if written is None or not written.scoped:
        return own
    return WHOLE if own is None else Scopes((own, WHOLE))


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
