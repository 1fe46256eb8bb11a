"""Small random policies and promises, and a witness that knows nothing of a proof.

`brute_force` asks every question of a small alphabet, by what the words of the
reference mean.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, combinations, product

from authz.decision import (
    ANONYMOUS,
    ANONYMOUS_METHOD,
    AUTHENTICATED,
    EVERYONE,
    PLAIN_COLUMNS,
    SCOPED_COLUMNS,
    Effect,
    Grant,
    Origin,
    Policy,
    Rule,
)
from authz.policy.analysis.promises import (
    ANYONE,
    EVERY_METHOD,
    Answer,
    Party,
    Promise,
    Question,
)
from authz.policy.analysis.prove import compare_of, prove_of
from authz.policy.parse_subject import parse_subject
from authz.policy.patterns import PathPattern, method_match, path_match
from authz.scope import scope_match

BASE = frozenset({EVERYONE, AUTHENTICATED})
NAMES = ("user:a", "token:t", "auth:m", "group:g", "group:h", "role:r", "role:s")
PATHS = (
    "/", "/*", "/a", "/b", "/:x", "/a/", "/a/*", "/b/*", "/:x/*", "/:x/", "/a/b",
    "/a/:x", "/:x/b", "/:x/:y", "/a/b/*", "/a/:x/*", "/:x/b/*", "/a/b/c", "/:x/b/:y",
    "/a/:x/c", "/:n", "/a/:n", "/:n/b", "/:n/*",
)  # fmt: skip
SEGMENTS = ("a", "b", "c", "other")
FIELDS = ("*", "GET", "HEAD", "POST", "GET|POST", "PUT|DELETE")
PATTERNS = ("*", "*", "l:*", "l:a", "l:b", "h:a")
SCOPES = ("l:a", "l:b", "l:other", "h:a", "h:other", "other:a")
#: Those that a rule can name, and two that it cannot.
ASKED = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Case:
    """A promise, of one policy or of the change between two."""

    policy: Policy
    promise: Promise
    after: Policy | None = None


def answer(made: Case) -> Answer:
    """Return what the analysis says of *made*."""
    if made.after is not None:
        return compare_of(made.policy, made.after, made.promise)
    return prove_of(made.policy, made.promise)


def case(seed: int) -> Case:
    """Return the case that *seed* stands for."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    scoped = rng.random() < 0.4
    policy = _policy(rng, scoped=scoped)
    question = rng.choice(tuple(Question))
    after = None
    parties: tuple[Party, ...] = ()
    rule = None
    region = PathPattern.of(rng.choice(PATHS) if rng.random() < 0.7 else "/*")
    methods = tuple(m for m in EVERY_METHOD if method_match(m, rng.choice(FIELDS)))
    but: tuple[str, ...] = ()
    scope = rng.choice(("", "l:*", "l:a", "*")) if scoped else ""
    if question in {Question.NEVER, Question.ALWAYS}:
        parties = (_party(rng, strangers=True),)
        but = tuple(rng.sample(NAMES, rng.choice((0, 0, 1))))
    elif question is Question.SEPARATE:
        parties = tuple(Party(text=name, names=BASE | {name}) for name in _two(rng))
    elif question in {Question.IMPLIES, Question.EQUIVALENT, Question.DISJOINT}:
        parties = (_party(rng), _party(rng))
    else:
        region, methods, scope = PathPattern.of("/*"), EVERY_METHOD, ""
        if question is Question.REACHABLE:
            rule = rng.choice(policy.rules)
        else:
            after = _changed(rng, policy)
    return Case(
        policy=policy,
        after=after,
        promise=Promise(
            question=question,
            parties=parties,
            region=region,
            methods=methods or ("GET",),
            but=but,
            scope=scope,
            any_groups=rng.random() < 0.5,
            rule=rule,
        ),
    )


def _two(rng: random.Random) -> list[str]:
    return rng.sample(("role:r", "role:s", "group:g", "user:a"), 2)


def _party(rng: random.Random, *, strangers: bool = False) -> Party:
    if strangers and rng.random() < 0.6:
        return Party(text=ANYONE, names=None)
    text = rng.choice((*NAMES, "anonymous", AUTHENTICATED))
    return Party(text=text, names=parse_subject(text).names)


def _policy(rng: random.Random, *, scoped: bool) -> Policy:
    rules = tuple(_rule(rng, n, scoped=scoped) for n in range(1, rng.randint(2, 7)))
    if rng.random() < 0.4:
        wide = rng.choice((EVERYONE, AUTHENTICATED, rules[0].subject))
        rules = (*rules, _widened(rules[0], wide))
    if scoped and rng.random() < 0.6:
        rules = (*rules, *_where_nothing_is_named(rules[0]))
    grants = tuple(_grants(rng, scoped=scoped))
    # Every name is known, so that any may be promised something of.
    known = tuple(
        Rule(
            subject=name,
            path="/c/c/c",
            methods=frozenset({"OPTIONS"}),
            effect=Effect.DENY,
            origin=Origin("known", n),
            scope=rng.choice(PATTERNS) if scoped else "",
        )
        for n, name in enumerate(NAMES)
    )
    scopes = [
        Grant(member="group:g", role="role:none", origin=Origin("known"), scope=pattern)
        for pattern in (("l:*", "l:a", "*") if scoped else ())
    ]
    return Policy(
        rules=rules,
        built_in=known,
        grants=(*grants, *scopes),
        columns=SCOPED_COLUMNS if scoped else PLAIN_COLUMNS,
        revision="0" * 12,
    )


def _rule(rng: random.Random, line: int, *, scoped: bool) -> Rule:
    field = rng.choice(FIELDS)
    return Rule(
        subject=rng.choice((*NAMES, *NAMES, EVERYONE, AUTHENTICATED, ANONYMOUS_METHOD)),
        path=rng.choice(PATHS),
        methods=frozenset(() if field == "*" else field.split("|")),
        effect=Effect.DENY if rng.random() < 0.35 else Effect.ALLOW,
        origin=Origin("policy.csv", line),
        scope=rng.choice(PATTERNS) if scoped else "",
    )


def _widened(rule: Rule, subject: str) -> Rule:
    """Return a rule that allows *subject* everything, in every scope."""
    return replace(
        rule,
        subject=subject,
        path="/*",
        methods=frozenset(),
        effect=Effect.ALLOW,
        origin=Origin("policy.csv", 40),
        scope=rule.scope and "*",
    )


def _where_nothing_is_named(rule: Rule) -> Iterator[Rule]:
    """Yield rules that allow what *rule* is about in scopes that no line names."""
    yield replace(
        rule, effect=Effect.ALLOW, scope="l:*", origin=Origin("policy.csv", 41)
    )
    for line, scope in enumerate(("l:a", "l:b"), 42):
        origin = Origin("policy.csv", line)
        yield replace(rule, effect=Effect.DENY, scope=scope, origin=origin)


def _grants(rng: random.Random, *, scoped: bool) -> Iterator[Grant]:
    for line in range(1, rng.randint(1, 5)):
        role = rng.choice(("role:r", "role:s"))
        members = (*NAMES[:5], EVERYONE, AUTHENTICATED, "auth:local")
        yield Grant(
            member=rng.choice((*members, "role:r") if role == "role:s" else members),
            role=role,
            origin=Origin("policy.csv", 100 + line),
            scope=rng.choice(PATTERNS) if scoped else "",
        )


def _changed(rng: random.Random, policy: Policy) -> Policy:
    rules, grants = list(policy.rules), list(policy.grants)
    for _ in range(rng.choice((1, 1, 2))):
        kind = rng.random()
        if kind < 0.4 and len(rules) > 1:
            rules.pop(rng.randrange(len(rules)))
        elif kind < 0.8:
            rules.append(_rule(rng, 50, scoped=policy.scoped))
        elif grants:
            grants.pop(rng.randrange(len(grants)))
    return Policy(
        rules=tuple(rules),
        built_in=policy.built_in,
        grants=tuple(grants),
        columns=policy.columns,
        revision="1" * 12,
    )


# What a promise means, in the words of the reference. Nothing here is shared with the
# analysis but the promise itself.


def people() -> list[frozenset[str]]:
    """Return every combination of names that somebody can have."""
    several = ("group:g", "group:h", "role:r", "role:s")
    sets = list(
        chain.from_iterable(combinations(several, n) for n in range(len(several) + 1))
    )
    return [ANONYMOUS.names] + [
        BASE | set(more) | (set(identity) | set(way))
        for identity in ((), ("user:a",), ("token:t",))
        for way in ((), ("auth:m",), ("auth:local",))
        for more in sets
    ]


def paths() -> list[str]:
    """Return every path of up to four segments of a small alphabet."""
    bare = [
        "/" + "/".join(parts)
        for length in range(1, 5)
        for parts in product(SEGMENTS, repeat=length)
    ]
    return ["/", *bare, *(f"{path}/" for path in bare)]


@cache
def _matches(pattern: str) -> frozenset[str]:
    return frozenset(path for path in paths() if path_match(path, pattern))


@cache
def _representatives(*patterns: str) -> tuple[str, ...]:
    """Return one path of the alphabet for each set of *patterns* that some match."""
    found: dict[tuple[bool, ...], str] = {}
    for path in paths():
        found.setdefault(tuple(path in _matches(p) for p in patterns), path)
    return tuple(found.values())


def _told_apart(methods: list[str], fields: list[str]) -> list[str]:
    """Return one of *methods* for each set of *fields* that some are in."""
    found: dict[tuple[bool, ...], str] = {}
    for method in methods:
        found.setdefault(tuple(method_match(method, f) for f in fields), method)
    return list(found.values())


class Reading:
    """A policy as the reference reads it: one rule after another."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._reached: dict[tuple[frozenset[str], str], frozenset[str]] = {}
        self._spoken: dict[tuple[str, str, str], tuple[set[str], set[str]]] = {}

    def reached(self, names: frozenset[str], scope: str) -> frozenset[str]:
        """Return every name that *names* lead to in *scope*."""
        key = names, scope
        if key not in self._reached:
            found, before = set(names), -1
            while len(found) != before:
                before = len(found)
                found |= {
                    g.role
                    for g in self.policy.grants
                    if g.member in found and _in(scope, g.scope)
                }
            self._reached[key] = frozenset(found)
        return self._reached[key]

    def allows(self, names: frozenset[str], scope: str, method: str, path: str) -> bool:
        """Return the answer to this very request."""
        key = scope, method, path
        if key not in self._spoken:
            said: tuple[set[str], set[str]] = set(), set()
            for rule in self.policy.deciding:
                if (
                    _in(scope, rule.scope)
                    and method_match(method, rule.method_field)
                    and path_match(path, rule.path)
                ):
                    said[rule.effect is Effect.DENY].add(rule.subject)
            self._spoken[key] = said
        allowed, denied = self._spoken[key]
        held = self.reached(names, scope)
        return not held.isdisjoint(allowed) and held.isdisjoint(denied)


def _in(scope: str, pattern: str) -> bool:
    return not pattern or scope_match(scope, pattern)


def breaks(made: Case, who: "Asker", scope: str, method: str, path: str) -> bool:
    """Return whether this very request breaks the promise of *made*."""
    promise = made.promise
    names, old = who.names, who.reading
    if promise.question is Question.SEPARATE:
        held = old.reached(names, scope)
        one, other = (party.text for party in promise.parties)
        return one in held and other in held
    if promise.question in {Question.NEVER, Question.ALWAYS}:
        allowed = old.allows(names, scope, method, path)
        return allowed is (promise.question is Question.NEVER)
    if promise.question in {Question.IMPLIES, Question.EQUIVALENT, Question.DISJOINT}:
        more = names - who.base
        one, other = (
            old.allows(party.names | _delivered(party, more), scope, method, path)
            for party in promise.parties
        )
        if promise.question is Question.IMPLIES:
            return one and not other
        if promise.question is Question.EQUIVALENT:
            return one is not other
        return one and other and not old.allows(BASE | more, scope, method, path)
    before = old.allows(names, scope, method, path)
    after = who.after.allows(names, scope, method, path)
    if promise.question is Question.TAKES_AWAY:
        return after and not before
    if promise.question is Question.GIVES:
        return before and not after
    return before is not after


def _delivered(party: Party, more: frozenset[str]) -> frozenset[str]:
    return more if AUTHENTICATED in party.names else frozenset()


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Somebody who asks, under the policies of a case."""

    names: frozenset[str]
    #: Their names without groups that are delivered beside.
    base: frozenset[str]
    reading: Reading
    after: Reading


def askers(made: Case) -> Iterator[Asker]:
    """Yield everybody whom the promise of *made* is about."""
    promise = made.promise
    first = Reading(made.policy)
    second = Reading(made.after or without(made))
    for names, base in _whom(promise):
        yield Asker(names=names, base=base, reading=first, after=second)


def _whom(promise: Promise) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    question = promise.question
    groups = [()]
    if promise.any_groups:
        groups += [("group:g",), ("group:h",), ("group:g", "group:h")]
    if question is Question.SEPARATE:
        yield from ((names, names) for names in people() if _granted(names, promise))
        return
    party = promise.parties[0] if promise.parties else None
    if party is None or party.names is None:
        for names in people():
            yield names, names
        return
    if question not in {Question.NEVER, Question.ALWAYS}:
        for more in groups:
            yield BASE | set(more), BASE
        return
    for more in groups if AUTHENTICATED in party.names else [()]:
        yield party.names | set(more), party.names


def _granted(names: frozenset[str], promise: Promise) -> bool:
    """Return whether somebody has *names* without being given a role beside."""
    if any(name.startswith("role:") for name in names - BASE):
        return False
    # As granted: one name, however its bearer signs in.
    own = [n for n in names if n.startswith(("user:", "token:", "group:"))]
    return promise.any_groups or len(own) <= 1


def without(made: Case) -> Policy:
    """Return the policy of *made* without the rule that the promise is about."""
    rules = tuple(r for r in made.policy.rules if r is not made.promise.rule)
    return Policy(
        rules=rules,
        built_in=made.policy.built_in,
        grants=made.policy.grants,
        columns=made.policy.columns,
        revision="2" * 12,
    )


def is_meant(made: Case, who: Asker, scope: str) -> bool:
    """Return whether the promise of *made* leaves nobody out who *who* is."""
    promise = made.promise
    if promise.scope and not _in(scope, promise.scope):
        return False
    parties = [who.names]
    if promise.question in {Question.IMPLIES, Question.EQUIVALENT, Question.DISJOINT}:
        parties = [p.names | _delivered(p, who.names - BASE) for p in promise.parties]
    return not any(
        set(promise.but) & who.reading.reached(names, scope) for names in parties
    )


def scopes_of(made: Case) -> tuple[str, ...]:
    """Return a scope of each kind."""
    return SCOPES if made.policy.scoped else ("",)


def brute_force(made: Case) -> tuple[frozenset[str], str, str, str] | None:
    """Return a request of the small alphabet that breaks the promise, or None."""
    promise = made.promise
    patterns = {rule.path for rule in made.policy.deciding} | {str(promise.region)}
    patterns |= {rule.path for rule in (made.after.rules if made.after else ())}
    asked = [
        path
        for path in _representatives(*sorted(patterns))
        if path in _matches(str(promise.region))
    ]
    rules = (*made.policy.deciding, *(made.after.deciding if made.after else ()))
    fields = sorted({rule.method_field for rule in rules})
    methods = _told_apart([m for m in ASKED if m in promise.methods], fields)
    if promise.question is Question.SEPARATE:
        asked, methods = ["/"], ["GET"]
    ruled = {rule.subject for rule in rules}
    met: set[object] = set()
    for who in askers(made):
        for scope in scopes_of(made):
            if not is_meant(made, who, scope):
                continue
            # Whom rules know by the same names there, they answer the same.
            known = [
                each.reached(who.names, scope) & ruled
                for each in (who.reading, who.after)
            ]
            key = (scope, who.names - who.base, *known)
            if promise.question is not Question.SEPARATE and key in met:
                continue
            met.add(key)
            for method, path in product(methods, asked):
                if breaks(made, who, scope, method, path):
                    return who.names, scope, method, path
    return None


def answers(policy: Policy, whole: Policy) -> frozenset[object]:
    """Return all that *policy*, rules of the *whole*, allows of the small alphabet.

    To anybody, and to strangers who have roles by a setting.
    """
    reading, rules = Reading(policy), whole.deciding
    asked = _representatives(*sorted({rule.path for rule in rules}))
    methods = _told_apart(list(ASKED), sorted({rule.method_field for rule in rules}))
    ruled = {rule.subject for rule in rules}
    roles = ("role:r",), ("role:s",), ("role:r", "role:s")
    strangers = [ANONYMOUS.names | set(more) for more in roles]
    allowed: set[object] = set()
    for scope in SCOPES if policy.scoped else ("",):
        known = {reading.reached(n, scope) & ruled for n in (*people(), *strangers)}
        allowed |= {
            (names, scope, method, path)
            for names in known
            for method, path in product(methods, asked)
            if reading.allows(names, scope, method, path)
        }
    return frozenset(allowed)
