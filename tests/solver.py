"""A witness against proofs: an SMT solver that is handed the same policy.

Paths are strings and patterns regular expressions, names are truth values that follow
from one another as grants say. z3 looks for a request that breaks the promise; nothing
here knows of kinds of paths, of bits, or of which names stand for all.

`python -m tests.solver --cases 5000 --seed 1` asks it that often.
"""

import argparse
import random
import sys
from functools import cache

import z3

from authz.decision import (
    ANONYMOUS_METHOD,
    AUTHENTICATED,
    EVERYONE,
    Effect,
    Policy,
    Rule,
)
from authz.policy.analysis.promises import Promise, Question
from authz.policy.patterns import PathPattern
from tests.proofs import BASE, NAMES, SCOPES, Case, answer, case, without


@cache
def _expression(pattern: str) -> z3.ReRef:
    slash = z3.Re("/")
    parts = PathPattern.of(pattern)
    pieces: list[z3.ReRef] = []
    for part in parts.literals[1:]:
        pieces.append(slash)
        pieces.append(_segment() if part is None else z3.Re(part))
    if parts.tail:
        pieces += [slash, z3.Star(_character_or_slash())]
    return pieces[0] if len(pieces) == 1 else z3.Concat(*pieces)


def _character() -> z3.ReRef:
    return z3.Union(z3.Range("a", "z"), z3.Range("A", "Z"), z3.Range("0", "9"))


def _character_or_slash() -> z3.ReRef:
    return z3.Union(_character(), z3.Re("/"))


def _segment() -> z3.ReRef:
    return z3.Plus(_character())


def _every_path() -> z3.ReRef:
    inner = z3.Star(z3.Concat(_segment(), z3.Re("/")))
    return z3.Concat(z3.Re("/"), inner, z3.Option(_segment()))


class Solver:
    """Looks for a request that breaks a promise: any names, any text of a path."""

    def __init__(self, made: Case, *, steps: int = 10_000_000) -> None:
        self._made = made
        self._path = z3.String("path")
        self._method = z3.String("method")
        self._scope = z3.String("scope")
        self._has = {n: z3.Bool(n) for n in (*NAMES, "auth:local", ANONYMOUS_METHOD)}
        self._solver = z3.Solver()
        # Its own steps, not time: on a busy machine it knows as much as on an idle one.
        self._solver.set("rlimit", steps)

    def finds(self) -> bool | None:
        """Return whether there is one; None if the solver does not know."""
        made, promise, add = self._made, self._made.promise, self._solver.add
        add(z3.InRe(self._path, _every_path()))
        add(z3.InRe(self._path, _expression(str(promise.region))))
        add(z3.Or(*[self._method == m for m in promise.methods]))
        add(
            z3.Or(*[self._scope == s for s in SCOPES])
            if made.policy.scoped
            else (self._scope == "")
        )
        if promise.scope:
            add(self._in_scope(promise.scope))
        result = str(self._ask(promise))
        return {"sat": True, "unsat": False}.get(result)

    def _ask(self, promise: Promise) -> z3.CheckSatResult:
        question, policy = promise.question, self._made.policy
        two = {Question.IMPLIES, Question.EQUIVALENT, Question.DISJOINT}
        if question in two:
            answers = []
            more = self._delivered(promise)
            for names in (*(p.names for p in promise.parties), BASE):
                given = more if AUTHENTICATED in names else {}
                held = self._holding({**given, **_all_true(names)}, policy)
                answers.append(self._allowed(held, policy))
                self._leave_out(held, promise)
            one, other, anybody = answers
            broken = {
                Question.IMPLIES: z3.And(one, z3.Not(other)),
                Question.EQUIVALENT: one != other,
                Question.DISJOINT: z3.And(one, other, z3.Not(anybody)),
            }[question]
            self._solver.add(broken)
            return self._solver.check()
        if question is Question.SEPARATE:
            held = self._holding(self._as_granted(promise), policy)
            self._solver.add(*[held[party.text] for party in promise.parties])
            return self._solver.check()
        party = promise.parties[0] if promise.parties else None
        if party is None or party.names is None:
            own = self._anybody()
        else:
            groups = self._delivered(promise) if AUTHENTICATED in party.names else {}
            own = {**groups, **_all_true(party.names)}
        held = self._holding(own, policy)
        self._leave_out(held, promise)
        before = self._allowed(held, policy)
        if question is Question.NEVER:
            self._solver.add(before)
        elif question is Question.ALWAYS:
            self._solver.add(z3.Not(before))
        else:
            other = self._made.after or without(self._made)
            after = self._allowed(self._holding(own, other), other)
            self._solver.add(
                {
                    Question.TAKES_AWAY: z3.And(after, z3.Not(before)),
                    Question.GIVES: z3.And(before, z3.Not(after)),
                }.get(question, before != after)
            )
        return self._solver.check()

    def _anybody(self) -> dict[str, z3.BoolRef]:
        """Return somebody with any names that one person can have."""
        has, add = self._has, self._solver.add
        ways = has["auth:m"], has["auth:local"]
        add(z3.Not(z3.And(has["user:a"], has["token:t"])), z3.Not(z3.And(*ways)))
        signed_in = z3.Bool("signed-in")
        others = [has[name] for name in has if name != ANONYMOUS_METHOD]
        add(z3.Implies(z3.Not(signed_in), z3.Not(z3.Or(*others))))
        add(has[ANONYMOUS_METHOD] == z3.Not(signed_in))
        return {**has, AUTHENTICATED: signed_in, EVERYONE: z3.BoolVal(True)}

    def _as_granted(self, promise: Promise) -> dict[str, z3.BoolRef]:
        own = self._anybody()
        self._solver.add(z3.Not(own["role:r"]), z3.Not(own["role:s"]))
        if not promise.any_groups:
            one = ("user:a", "token:t", "group:g", "group:h")
            self._solver.add(z3.AtMost(*[own[name] for name in one], 1))
        return own

    def _delivered(self, promise: Promise) -> dict[str, z3.BoolRef]:
        if not promise.any_groups:
            return {}
        return {name: self._has[name] for name in ("group:g", "group:h")}

    def _holding(
        self, own: dict[str, z3.BoolRef], policy: Policy
    ) -> dict[str, z3.BoolRef]:
        """Return, for each name, when somebody with *own* goes by it."""
        every = {*own, *NAMES, EVERYONE, AUTHENTICATED, ANONYMOUS_METHOD, "role:none"}
        held = {name: own.get(name, z3.BoolVal(False)) for name in every}
        for _ in range(len(every)):  # as long as any chain of roles
            before = dict(held)
            for role in {grant.role for grant in policy.grants}:
                ways = [
                    z3.And(before.get(g.member, False), self._in_scope(g.scope))
                    for g in policy.grants
                    if g.role == role
                ]
                held[role] = z3.Or(own.get(role, z3.BoolVal(False)), *ways)
            if _ == 3:
                break  # role:r, role:s and role:none: no chain is longer
        return held

    def _allowed(self, held: dict[str, z3.BoolRef], policy: Policy) -> z3.BoolRef:
        allows = [z3.BoolVal(False)]
        denies = [z3.BoolVal(False)]
        for rule in policy.deciding:
            met = z3.And(
                held.get(rule.subject, z3.BoolVal(False)),
                self._in_scope(rule.scope),
                self._in_methods(rule),
                z3.InRe(self._path, _expression(rule.path)),
            )
            (denies if rule.effect is Effect.DENY else allows).append(met)
        return z3.And(z3.Or(*allows), z3.Not(z3.Or(*denies)))

    def _in_methods(self, rule: Rule) -> z3.BoolRef:
        if not rule.methods:
            return z3.BoolVal(True)
        named = rule.methods | ({"HEAD"} if "GET" in rule.methods else set())
        return z3.Or(*[self._method == method for method in sorted(named)])

    def _in_scope(self, pattern: str) -> z3.BoolRef:
        if pattern in {"", "*"}:
            return z3.BoolVal(True)
        if pattern.endswith(":*"):
            return z3.PrefixOf(z3.StringVal(pattern[:-1]), self._scope)
        return self._scope == pattern

    def _leave_out(self, held: dict[str, z3.BoolRef], promise: Promise) -> None:
        for name in promise.but:
            self._solver.add(z3.Not(held[name]))


def _all_true(names: frozenset[str]) -> dict[str, z3.BoolRef]:
    return {name: z3.BoolVal(True) for name in names}


def main() -> int:
    """Ask the solver about random promises, and return 0 if it always agreed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5_000)
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().getrandbits(32)
    )
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}", flush=True)  # noqa: T201
    unknown = 0
    for number in range(wanted.cases):
        made = case((wanted.seed << 32) + number)
        found = Solver(made).finds()
        unknown += found is None
        if found is not None and found is not (answer(made).example is not None):
            print(f"case {(wanted.seed << 32) + number}: {made}")  # noqa: T201
            return 1
        if not (number + 1) % 500:
            print(f"{number + 1} cases, {unknown} unknown", flush=True)  # noqa: T201
    print(f"{wanted.cases} cases, no difference, {unknown} unknown")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
