"""What a rule covers: containment, overlap, and the few paths that stand for all."""

import random
import re

import pytest
from hypothesis import given

from authz.policy.patterns import (
    Methods,
    PathPattern,
    covers,
    depth_of,
    fresh_sample,
    pattern_of,
    speaks_of,
)
from tests.strategies import SEEDS, world


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("/*", "/", True),
        ("/*", "/a/:b/*", True),
        ("/a/*", "/a/", True),
        ("/a/*", "/a", False),
        ("/a/*", "/*", False),
        ("/a/:id", "/a/7", True),
        ("/a/:id", "/a/:other", True),
        ("/a/:id", "/a/", False),
        ("/a/:id", "/a/*", False),
        ("/a/7", "/a/:id", False),
        ("/:x/*", "/a/*", True),
        ("/:x/*", "/*", False),
    ],
)
def test_containment(wide: str, narrow: str, expected: bool):
    """A pattern covers another one, or does not."""
    assert PathPattern.of(wide).covers(PathPattern.of(narrow)) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/a", "/a", "/a"),
        ("/a", "/b", None),
        ("/a/:id", "/a/7", "/a/7"),
        ("/:x/b", "/a/:y", "/a/b"),
        ("/:x", "/:y", "/:any"),
        ("/a/*", "/:x/b", "/a/b"),
        ("/a/*", "/a", None),
        ("/a/*", "/a/:id/*", "/a/:any/*"),
        ("/a/:id", "/a/", None),
        ("/*", "/", "/"),
        ("/a/*", "/*", "/a/*"),
    ],
)
def test_overlap(one: str, other: str, expected: str | None):
    """What two patterns have in common is a pattern, or nothing."""
    first, second = PathPattern.of(one), PathPattern.of(other)
    wanted = expected and PathPattern.of(expected)
    for common in (first.overlap(second), second.overlap(first)):
        assert (common and nameless(common)) == (wanted and nameless(wanted))


def nameless(pattern: PathPattern) -> str:
    """Return *pattern* without the names of its parameters."""
    return re.sub(r":\w+", ":", str(pattern))


@given(SEEDS)
def test_what_they_say_holds_for_every_path(seed: int):
    """Containment and overlap agree with the matching of real paths."""
    made = world(seed, 60)
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    for request in made.requests:
        one, other = rng.choice(made.policy.rules), rng.choice(made.policy.rules)
        in_one = speaks_of(one, request.method, request.path)
        in_other = speaks_of(other, request.method, request.path)
        if covers(one, other) and in_other:
            assert in_one
        first, second = pattern_of(one), pattern_of(other)
        common = first.overlap(second)
        both = first.matches(request.path) and second.matches(request.path)
        assert both is (common is not None and common.matches(request.path))
        if in_one and in_other:
            assert Methods(one.methods).overlap(Methods(other.methods))


@given(SEEDS)
def test_a_few_paths_stand_for_all(seed: int):
    """Each path of a pattern itself is matched by it, the made-up ones too."""
    rules = world(seed, 1).policy.rules
    patterns = [rule.path for rule in rules]
    sample, depth = fresh_sample(patterns), depth_of(patterns)
    for pattern in patterns:
        value = PathPattern.of(pattern)
        paths = list(value.samples(depth=depth, sample=sample))
        assert paths
        assert all(map(value.matches, paths))
        assert len({path.count("/") for path in paths}) >= (
            2 if pattern.endswith("*") else 1
        )


def test_the_sample_is_in_no_pattern():
    """A policy that names the sample itself gets another one."""
    assert fresh_sample(["/a/~sample", "/~sample~"]) == "~sample~~"
