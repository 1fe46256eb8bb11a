"""How long one promise takes: 10 000 rules, 1 000 roles, 100 scopes.

`python -m benchmarks.proofs` prints seconds of processor time for each question.
"""

import random
import time
from collections.abc import Callable
from dataclasses import replace

from authz.decision import SCOPED_COLUMNS, Effect, Grant, Origin, Policy, Rule
from authz.policy.analysis.promises import (
    Answer,
    Party,
    Promise,
    Question,
    parse_promised,
)
from authz.policy.analysis.prove import compare_of, prove_of

RULES, ROLES, SCOPES, PEOPLE = 10_000, 1_000, 100, 3_000


def policy(rng: random.Random) -> Policy:
    """Return a policy of that size, with chains of roles, denies and scopes."""
    every = [f"library:l{n}" for n in range(SCOPES)]
    wide = ["*", "library:*"]
    rules = [
        Rule(
            subject=f"role:r{n % ROLES}",
            path=rng.choice(
                (
                    f"/api/res{n // 3}/:id",
                    f"/api/res{n // 3}/*",
                    f"/app/{n % 100}/page{n}",
                    f"/api/:kind/act{n % 50}",
                    f"/x{n}/:a/:b/edit",
                )
            ),
            methods=rng.choice(
                (
                    frozenset(),
                    frozenset({"GET"}),
                    frozenset({"GET", "POST"}),
                    frozenset({"DELETE"}),
                )
            ),
            effect=Effect.DENY if rng.random() < 0.05 else Effect.ALLOW,
            origin=Origin("policy.csv", n + 1),
            scope=rng.choice((*wide, rng.choice(every))),
        )
        for n in range(RULES)
    ]
    rules.append(
        replace(
            rules[0], subject="role:admin", path="/*", methods=frozenset(), scope="*"
        )
    )
    pairs = [(f"user:u{n}", f"role:r{rng.randrange(ROLES)}") for n in range(PEOPLE)]
    pairs += [
        (f"role:r{n}", f"role:r{n + 1 + rng.randrange(90)}") for n in range(ROLES - 100)
    ]
    grants = [
        Grant(
            member=member,
            role=role,
            origin=Origin("policy.csv"),
            scope=rng.choice((*wide, rng.choice(every))),
        )
        for member, role in pairs
    ]
    return Policy(
        rules=tuple(rules),
        grants=tuple(grants),
        revision="0" * 12,
        columns=SCOPED_COLUMNS,
    )


def closed(policy: Policy) -> Policy:
    """Return *policy* with a rule that denies everybody all that it allows."""
    wide = replace(
        policy.rules[0],
        subject="role:authenticated",
        path="/*",
        methods=frozenset(),
        effect=Effect.DENY,
        scope="*",
    )
    return replace(policy, rules=(*policy.rules, wide))


def promise(question: str, *who: str, on: str = "* /**", but: str = "") -> Promise:
    """Return the promise that *question* holds of *who*."""
    methods, region = parse_promised(on)
    return Promise(
        question=Question(question),
        parties=tuple(Party.of(each) for each in who),
        methods=methods,
        region=region,
        but=(but,) if but else (),
    )


def main() -> None:
    """Ask each question once, and print how long it took."""
    before = policy(random.Random(1))
    allows = [rule for rule in before.rules if rule.effect is Effect.ALLOW]
    after = replace(
        before, rules=tuple(rule for rule in before.rules if rule is not allows[100])
    )
    reached = Promise(question=Question.REACHABLE, rule=before.rules[77])
    secret = promise("never", "anyone", on="* /secret/**", but="role:admin")
    everywhere = promise("never", "anyone", but="role:admin")
    kept = closed(before)
    asked: dict[str, Callable[[], Answer]] = {
        "never, on one branch": lambda: prove_of(before, secret),
        "never, everywhere": lambda: prove_of(before, everywhere),
        "never, and it holds": lambda: prove_of(kept, everywhere),
        "always": lambda: prove_of(before, promise("always", "role:admin")),
        "implies": lambda: prove_of(
            before, promise("implies", "role:r5", "role:admin")
        ),
        "disjoint": lambda: prove_of(before, promise("disjoint", "role:r5", "role:r6")),
        "separate": lambda: prove_of(
            before, promise("separate", "role:r5", "role:r999")
        ),
        "reachable": lambda: prove_of(before, reached),
        "takes away": lambda: compare_of(
            before, after, Promise(question=Question.TAKES_AWAY)
        ),
    }
    for name, ask in asked.items():
        began = time.process_time()
        answer = ask()
        seconds = time.process_time() - began
        print(
            f"{name:22}{seconds:6.2f} s  {answer.verdict}  {answer.paths} paths",
            flush=True,
        )


if __name__ == "__main__":
    main()
