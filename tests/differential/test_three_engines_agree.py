"""The compiled policy, the plain scan and stock pycasbin give the same answers."""

from pathlib import Path

from hypothesis import given, settings

from authz.decision import AccessRequest, Decision, Policy
from authz.policy import scan
from authz.policy.compiled import CompiledPolicy
from authz.policy.oracle import oracle
from tests.strategies import SEEDS, world

MODEL = (Path(__file__).parents[2] / "model.conf").read_text(encoding="utf-8")
QUESTIONS = 60


def as_sets(decision: Decision) -> tuple[object, ...]:
    """Return what matters of a decision; the order of its rules does not."""
    return decision.effect, decision.reason, frozenset(decision.rules)


def difference(policy: Policy, request: AccessRequest, answers: object) -> str:
    """Return what a person needs to see that it went wrong."""
    rules = "\n".join(map(str, (*policy.rules, *policy.grants)))
    return f"{answers}\n{sorted(request.subject.names)} {request!r}\n{rules}"


@given(seed=SEEDS)
def test_the_index_agrees_with_the_scan(seed: int):
    """Effect, reason and every determining rule are the same, for any question."""
    made = world(seed, QUESTIONS)
    compiled = CompiledPolicy(made.policy)
    for request in made.requests:
        answers = compiled.decide(request), scan.decide(made.policy, request)

        assert as_sets(answers[0]) == as_sets(answers[1]), difference(
            made.policy, request, answers
        )


@given(seed=SEEDS)
def test_the_index_agrees_with_pycasbin(seed: int):
    """Stock pycasbin with our two functions allows what the index allows."""
    made = world(seed, QUESTIONS)
    compiled, ask = CompiledPolicy(made.policy), oracle(made.policy, MODEL)
    for request in made.requests:
        answers = bool(compiled.decide(request)), ask(request)

        assert answers[0] == answers[1], difference(made.policy, request, answers)


@settings(max_examples=20)
@given(seed=SEEDS)
def test_what_was_asked_before_does_not_matter(seed: int):
    """The same question has the same answer, however often and after whatever."""
    made = world(seed, 10)
    compiled = CompiledPolicy(made.policy)
    first = [compiled.decide(request) for request in made.requests]
    again = [compiled.decide(request) for request in reversed(made.requests)]

    assert first == again[::-1]
