"""A scope is one plain `kind:id`; sets of scopes are what patterns match."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.decision import AccessRequest, signed_in
from authz.errors import InvalidValue, PolicyError
from authz.policy.build import build_policy
from authz.scope import (
    Scope,
    Scopes,
    ScopeSet,
    asked_scope,
    common,
    pattern_problem,
    scope_match,
)
from tests.unit.policy.test_model import SCOPED

PATTERNS = ("*", "a:*", "b:*", "a:1", "a:2", "b:1", "b:1:2", "b:\u00e9")
SCOPES = ("a:1", "a:2", "a:new", "b:1", "b:1:2", "b:\u00e9", "b:new", "new:new")
SETS = st.frozensets(st.sampled_from(PATTERNS))


def matched(patterns: frozenset[str]) -> set[str]:
    """Return which of `SCOPES` one of *patterns* matches."""
    return {s for s in SCOPES if any(scope_match(s, p) for p in patterns)}


@pytest.mark.parametrize(
    "text",
    ["library:kids", "library:a b", "host:grafana.home", "library:\u00e9/b",
     "library:a:b", "server:a*b", "library:100%"],
)  # fmt: skip
def test_an_id_may_hold_what_an_id_in_a_path_may_hold(text: str):
    """Blanks, slashes, any alphabet; the text is kept as it is."""
    scope = Scope(text)

    assert f"{scope.kind}:{scope.id}" == str(scope) == text


@pytest.mark.parametrize(
    "text",
    ["", "*", "kids", "library:", ":kids", "library:*", "Library:kids", "library: a",
     "library:a ", "library:a\nb", "library:a\x00", "library:..", "library:a/../b",
     "library:a//b", "library:/a", "library:a\\b", "library:a%2fb",
     "library:\ufffd", "library:" + chr(0xD800), "library:" + "a" * 300, "li brary:a"],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_no_scope(text: str):
    """Neither a pattern nor anything that an app might read otherwise."""
    with pytest.raises(InvalidValue):
        Scope(text)


def test_about_each_of_no_scopes_is_no_question():
    """It would be allowed whatever the policy says."""
    with pytest.raises(InvalidValue):
        Scopes(())
    assert asked_scope([]) is None
    assert asked_scope(["a:1", "a:1"]) == Scope("a:1")


@pytest.mark.parametrize("text", ["a:1*", "*:1", "a:*:1", "**", "a*", "a:**"])
def test_a_star_stands_for_a_whole_id_or_for_every_scope(text: str):
    """No other pattern is read as text, or as more than it says."""
    assert pattern_problem(text)


@given(some=SETS, others=SETS)
def test_sets_of_patterns_are_sets_of_scopes(some: frozenset[str], others: frozenset):
    """What two sets have in common, and one without the other, is what they match."""
    assert matched(common(some, others)) == matched(some) & matched(others)
    found = ScopeSet.where(some, others)
    left = matched(some) - matched(others)
    assert {text for text in SCOPES if Scope(text) in found} == left
    assert bool(found) is bool(left)
    for kind in ("a", "b", "new"):
        ids = {text.partition(":")[2] for text in left if text.startswith(f"{kind}:")}
        known = [text.partition(":")[2] for text in SCOPES if text.startswith(kind)]
        assert set(found.ids(kind).among(known)) == ids


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("p, role:user, /map, GET", "a rule has 4 or 5 fields"),
        ("p, role:user, kids, /map, GET", "what kind of scope"),
        ("p, role:user, library:k*, /map, GET", "wrong place"),
        ("p, role:user, , /map, GET", "a scope is empty"),
        ("p, role:user, library:a%2fb, /map, GET", "encoded twice"),
        ("g, user:bob, role:user", "a grant has 3 fields"),
        ("g, user:bob, role:user, kids", "what kind of scope"),
    ],
)
def test_a_row_of_a_scoped_policy_is_read_strictly(line: str, message: str):
    """A scope that is missing or cannot be used is told of with its line."""
    with pytest.raises(PolicyError, match=message) as caught:
        build_policy(SCOPED, f"p, role:user, *, /, GET\n{line}\n".encode())

    assert "policy.csv:2" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p, role:admin, *, /*, *\ng, user:ann, role:admin, a:1\n", "in every scope"),
        ("p, role:admin, a:*, /*, *\ng, user:ann, role:admin, *\n", "in every scope"),
    ],
)
def test_an_administrator_of_one_scope_is_not_one_of_the_whole(text: str, message: str):
    """Somebody has to administer what lies outside of every scope that is known."""
    (warned,) = build_policy(SCOPED, text.encode()).warnings

    assert message in warned.message


def test_somebody_may_hold_a_role_in_ten_thousand_scopes():
    """Which they are is found in one go; one more question is about each of them."""
    lines = [f"g, user:ann, role:user, library:n{i}" for i in range(10_000)]
    text = "\n".join(["p, role:user, *, /map, GET", *lines])
    policy = build_policy(SCOPED, text.encode()).policy
    ann = signed_in("user:ann", source="local", display_name="ann")

    assert len(policy.scopes(ann, "/map", "GET").ids("library").ids) == 10_000
    asked = AccessRequest(subject=ann, path="/map", method="GET")
    assert policy.decide(replace(asked, scope=Scope("library:n7")))
    assert not policy.decide(replace(asked, scope=Scope("library:n10000")))
