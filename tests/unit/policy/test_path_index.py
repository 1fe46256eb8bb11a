"""The index of paths finds what matching rule by rule finds."""

from hypothesis import given

from authz.policy.path_index import RuleIndex
from authz.policy.patterns import speaks_of
from tests.strategies import SEEDS, world


@given(seed=SEEDS)
def test_it_finds_every_rule_that_speaks_of_a_path(seed: int):
    """Whoever asks: exactly the rules whose path and methods match, each once."""
    made = world(seed, 20)
    index = RuleIndex(made.policy.rules)
    for request in made.requests:
        found = index.speaking_of(request.method, request.path)
        wanted = [
            rule
            for rule in made.policy.rules
            if speaks_of(rule, request.method, request.path)
        ]

        assert sorted(found, key=lambda rule: rule.origin) == wanted
