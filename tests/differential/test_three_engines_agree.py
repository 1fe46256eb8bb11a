"""The compiled policy, the plain scan and stock pycasbin give the same answers."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from authz.decision import SCOPED_COLUMNS, AccessRequest, Decision, Policy, outcome
from authz.policy import scan
from authz.policy.compiled import CompiledPolicy
from authz.policy.oracle import oracle
from authz.policy.scan import telling_scopes
from authz.policy.scoped import ScopedPolicy
from authz.scope import Scope
from tests.strategies import SEEDS, scoped_world, world

MODEL = (Path(__file__).parents[2] / "model.conf").read_text(encoding="utf-8")
SCOPED_MODEL = (Path(__file__).parents[2] / "model-scoped.conf").read_text("utf-8")
QUESTIONS = 60

#: 150 worlds of 60 questions for each other engine; `make fuzz` asks millions.
thorough = settings(
    max_examples={"ci": 150}.get(
        os.environ.get("HYPOTHESIS_PROFILE", ""), settings.default.max_examples
    )
)


def as_sets(decision: Decision) -> tuple[object, ...]:
    """Return what matters of a decision; the order of its rules does not."""
    return decision.effect, decision.reason, frozenset(decision.rules)


def difference(policy: Policy, request: AccessRequest, answers: object) -> str:
    """Return what a person needs to see that it went wrong."""
    rules = "\n".join(map(str, (*policy.rules, *policy.grants)))
    return f"{answers}\n{sorted(request.subject.names)} {request!r}\n{rules}"


@pytest.mark.parametrize(
    ("make", "engine"),
    [(world, CompiledPolicy), (scoped_world, ScopedPolicy)],
    ids=["plain", "scoped"],
)
@thorough
@given(seed=SEEDS)
def test_the_index_agrees_with_the_scan(make: Any, engine: Any, seed: int):
    """Effect, reason and every determining rule are the same, for any question.

    With scopes: about one, several or none in particular.
    """
    made = make(seed, QUESTIONS)
    compiled = engine(made.policy)
    for request in made.requests:
        answers = compiled.decide(request), scan.decide(made.policy, request)

        assert as_sets(answers[0]) == as_sets(answers[1]), difference(
            made.policy, request, answers
        )


@thorough
@given(seed=SEEDS)
def test_the_index_agrees_with_pycasbin(seed: int):
    """Stock pycasbin with our two functions allows what the index allows."""
    made = world(seed, QUESTIONS)
    compiled, ask = CompiledPolicy(made.policy), oracle(made.policy, MODEL)
    for request in made.requests:
        answers = bool(compiled.decide(request)), ask(request)

        assert answers[0] == answers[1], difference(made.policy, request, answers)


@settings(max_examples=25)
@given(seed=SEEDS)
def test_with_scopes_the_index_agrees_with_pycasbin(seed: int):
    """Stock pycasbin, `scopeMatch` its domain matching function, allows the same."""
    made = scoped_world(seed, QUESTIONS)
    compiled, ask = ScopedPolicy(made.policy), oracle(made.policy, SCOPED_MODEL)
    for request in made.requests:
        answers = bool(compiled.decide(request)), ask(request)

        assert answers[0] == answers[1], difference(made.policy, request, answers)


@given(seed=SEEDS)
def test_scopes_are_those_in_which_it_is_allowed(seed: int):
    """Narrowing by `scopes` is asking for each one; it is empty if none is allowed."""
    made = scoped_world(seed, QUESTIONS)
    compiled = ScopedPolicy(made.policy)
    known = [Scope(text) for text in telling_scopes(made.policy)]
    for asked in made.requests:
        found = compiled.scopes(asked.subject, asked.path, asked.method)
        allowed = {s for s in known if compiled.decide(replace(asked, scope=s))}

        assert {scope for scope in known if scope in found} == allowed
        assert {s for s in known if s.id in found.ids(s.kind)} == allowed
        assert bool(found) is bool(compiled.decide(replace(asked, scope=None)))
        assert found.is_all <= (allowed == set(known))

        public = compiled.scopes(asked.subject, asked.path, asked.method, public=True)
        decided = {s: compiled.decide(replace(asked, scope=s)) for s in known}
        passed = {s for s in known if outcome(decided[s], declared_public=True)}
        nowhere = compiled.decide(replace(asked, scope=None))

        assert {scope for scope in known if scope in public} == passed
        assert bool(public) is bool(outcome(nowhere, declared_public=True))


@given(seed=SEEDS)
def test_every_rule_of_an_answer_in_scopes_is_explained(seed: int):
    """Each rule that determined it has a chain, whose grants hold where it is asked."""
    made = scoped_world(seed, QUESTIONS)
    compiled = ScopedPolicy(made.policy)
    for asked in made.requests:
        told = compiled.explain(asked)

        assert {path.rule for path in told.because} == set(told.decision.rules)
        for path in (*told.because, *told.overruled):
            assert path.names[0] in asked.subject.names
            assert path.names[-1] == path.rule.subject


@given(seed=SEEDS)
def test_a_policy_scoped_everywhere_answers_as_before(seed: int):
    """With `*` in each row, every question about any scope has the unscoped answer."""
    made, about = world(seed, QUESTIONS), scoped_world(seed, QUESTIONS)
    before = CompiledPolicy(made.policy)
    everywhere = replace(
        made.policy,
        rules=tuple(replace(rule, scope="*") for rule in made.policy.rules),
        grants=tuple(replace(grant, scope="*") for grant in made.policy.grants),
        columns=SCOPED_COLUMNS,
    )
    after = ScopedPolicy(everywhere)
    for request in about.requests:
        old, new = before.decide(request), after.decide(request)

        assert (old.effect, old.reason) == (new.effect, new.reason)


@settings(max_examples=20)
@given(seed=SEEDS)
def test_what_was_asked_before_does_not_matter(seed: int):
    """The same question has the same answer, however often and after whatever."""
    made = world(seed, 10)
    compiled = CompiledPolicy(made.policy)
    first = [compiled.decide(request) for request in made.requests]
    again = [compiled.decide(request) for request in reversed(made.requests)]

    assert first == again[::-1]
