"""The witness of proofs that is somebody else's program: an SMT solver."""

import pytest
from hypothesis import given, settings

from tests.proofs import answer, case
from tests.strategies import SEEDS

pytestmark = pytest.mark.slow


@given(SEEDS)
@settings(max_examples=60)
def test_the_solver_finds_what_is_refuted_and_nothing_else(seed: int):
    """z3 is given the policy as regular expressions, and asked for a counterexample."""
    from tests.solver import Solver

    made = case(seed)
    found = Solver(made).finds()

    assert found is (answer(made).example is not None) or found is None, made


def test_the_solver_knows_nearly_always():
    """A witness that does not know is none: at most one time in fifty."""
    from tests.solver import Solver

    unknown = sum(Solver(case(seed)).finds() is None for seed in range(50))

    assert unknown <= 1
