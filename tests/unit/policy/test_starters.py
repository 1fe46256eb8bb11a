"""The policies to begin with are in order, and keep what they promise."""

import pytest

from authz.policy.analysis.tests_file import read_tests
from authz.policy.analysis.tests_run import covered, run_tests
from authz.policy.format import formatted
from authz.policy.lint import lint
from authz.policy.starters import Starter, starter_files
from tests.policies import compiled


@pytest.mark.parametrize("starter", Starter)
def test_a_starter_is_in_order(starter: Starter):
    """Nothing odd, spelled canonically, every rule tested, every test passes."""
    files = starter_files(starter)
    data = files["policy.csv"].encode()
    policy = compiled(data)
    decided = set()
    results = []
    for result, rules in run_tests(
        read_tests(files["policy_test.yaml"].encode()), policy
    ):
        results.append(result)
        decided |= rules

    assert lint(data) == ()
    assert formatted(data) == data
    assert [result.test.name for result in results if not result.passed] == []
    assert covered(policy, decided).uncovered == ()
