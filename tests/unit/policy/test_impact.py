"""What changes for whom when one policy takes the place of another."""

import random
from dataclasses import replace

from hypothesis import given

from authz.decision import AccessRequest
from authz.policy.analysis.coverage import RoutePattern
from authz.policy.analysis.impact import Comparison, compare, people_of
from authz.policy.analysis.probes import (
    USUAL,
    changed_places,
    methods_in_words,
    places,
)
from authz.policy.compiled import CompiledPolicy
from authz.policy.csv_rows import read_rows
from authz.policy.rules import Policy, policy_from_rows
from tests.strategies import SEEDS, world

ROUTES = (
    RoutePattern(method="GET", route="/map", path="/map", endpoint="map"),
    RoutePattern(
        method="GET", route="/files/<path:n>", path="/files/~s/~s", endpoint="files"
    ),
    RoutePattern(
        method="GET", route="/about", path="/about", endpoint="about", public=True
    ),
)


def compiled(text: str) -> CompiledPolicy:
    """Return the policy of *text*."""
    rows = read_rows(text.encode()).rows
    return CompiledPolicy(policy_from_rows(rows, partial=True))


def effect(
    before: str, after: str, routes: tuple[RoutePattern, ...] = ()
) -> Comparison:
    """Return what it means that *after* takes the place of *before*."""
    old, new = compiled(before), compiled(after)
    return compare(
        old,
        new,
        people=people_of(old, new),
        places=changed_places(old.policy, new.policy, routes),
    )


@given(SEEDS)
def test_no_difference_is_missed(seed: int):
    """If any question has two answers, the comparison lists a difference.

    Whether all places are looked at, or those that the change touches.
    """
    made = world(seed, 120)
    old = CompiledPolicy(made.policy)
    new = CompiledPolicy(changed(made.policy, seed))
    people = people_of(old, new)
    rules = (*old.policy.rules, *new.policy.rules)
    for where in (places(rules), changed_places(old.policy, new.policy)):
        found = compare(old, new, people=people, places=where)
        listed = {(d.who.name, d.opens) for d in found.differences}
        for request in made.requests:
            if request.method not in USUAL:
                continue
            for subject in people.values():
                asked = AccessRequest(
                    subject=subject, path=request.path, method=request.method
                )
                before, after = bool(old.decide(asked)), bool(new.decide(asked))
                if before is not after:
                    assert (subject.name, after) in listed, asked


@given(SEEDS)
def test_what_is_not_touched_need_not_be_looked_at(seed: int):
    """Fewer places tell of the same people the same kinds of differences."""
    policy = world(seed, 1).policy
    old, new = CompiledPolicy(policy), CompiledPolicy(changed(policy, seed))
    people = people_of(old, new)
    all_places = places((*old.policy.rules, *new.policy.rules))
    some_places = changed_places(old.policy, new.policy)
    whole, part = (
        compare(old, new, people=people, places=where)
        for where in (all_places, some_places)
    )

    assert {(d.who.name, d.opens) for d in whole.differences} == {
        (d.who.name, d.opens) for d in part.differences
    }


def changed(policy: Policy, seed: int) -> Policy:
    """Return *policy* after a few changes of rules and grants."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    other = world(seed ^ 1, 1).policy
    rules, grants = list(policy.rules), list(policy.grants)
    for _ in range(rng.randint(1, 3)):
        kind = rng.random()
        if kind < 0.35 and len(rules) > 1:
            rules.pop(rng.randrange(len(rules)))
        elif kind < 0.7:
            rules.insert(rng.randrange(len(rules) + 1), rng.choice(other.rules))
        elif kind < 0.85 and grants:
            grants.pop(rng.randrange(len(grants)))
        elif other.grants:
            grants.append(rng.choice(other.grants))
    return replace(policy, rules=tuple(rules), grants=tuple(grants), revision="1" * 12)


@given(SEEDS)
def test_every_difference_is_one(seed: int):
    """Each listed place has the two answers that are listed."""
    made = world(seed, 1)
    old = CompiledPolicy(made.policy)
    rules = made.policy.rules[1:]
    new = CompiledPolicy(replace(made.policy, rules=rules, revision="1" * 12))
    found = compare(
        old, new, people=people_of(old, new), places=places(made.policy.rules)
    )

    for each in found.differences:
        asked = AccessRequest(
            subject=each.who, path=each.place.path, method=each.place.method
        )
        assert bool(new.decide(asked)) is each.opens
        assert bool(old.decide(asked)) is not each.opens


def test_the_same_policy_changes_nothing():
    """Order and comments are no difference."""
    before = "p, role:user, /a, GET\np, role:user, /b, GET\n"
    after = "p, role:user, /b, GET\n# why\np, role:user, /a, GET\n"

    assert effect(before, after).differences == ()


def test_a_hole_in_a_pattern_is_seen():
    """A deny that goes opens just what it denied."""
    rules = "p, role:user, /files/*, GET\n"
    found = effect(rules + "p, role:user, /files/secret, GET, deny\n", rules)

    assert {(d.place.path, d.opens) for d in found.differences} == {
        ("/files/secret", True)
    }


def test_what_opens_to_everyone_is_marked():
    """A rule for everyone opens to people who have not signed in."""
    found = effect("p, role:user, /a, GET\n", "p, role:everyone, /a, GET\n")

    assert [d.who.name for d in found.public] == ["auth:anonymous"]
    assert found.closed == ()


def test_with_routes_only_what_they_serve_counts():
    """A rule for a path that no route serves changes nothing for anybody."""
    before = "p, role:user, /map, GET\n"

    assert effect(before, before + "p, role:user, /gone, GET\n", ROUTES).places == 3
    found = effect(before, before + "p, role:user, /files/a, GET\n", ROUTES)
    assert [str(d.place) for d in found.differences] == ["GET /files/a"]


def test_what_the_app_declared_public_needs_no_rule():
    """Only a rule that denies changes it."""
    before = "p, role:user, /map, GET\n"

    assert effect(before, before + "p, role:user, /about, GET\n", ROUTES).opened == ()
    closed = effect(before, before + "p, role:everyone, /about, *, deny\n", ROUTES)
    assert {d.place.path for d in closed.closed} == {"/about"}


def test_people_who_are_alike_are_all_named():
    """Everybody who holds the role is listed."""
    grants = "".join(f"g, user:u{n}, role:user\n" for n in range(3))
    found = effect(
        f"p, role:user, /a, GET\n{grants}", f"p, role:user, /b, GET\n{grants}"
    )

    assert found.people == 5
    assert len({d.who.name for d in found.opened}) == 4


def test_methods_are_spelled_as_people_expect():
    """GET first; all that are usual are a star."""
    assert methods_in_words({"POST", "GET", "OPTIONS"}) == "GET|POST|OPTIONS"
    assert methods_in_words(USUAL) == "*"


def test_where_patterns_cross_is_seen():
    """A deny that crosses an allow at one path only, named by neither."""
    rules = "p, role:user, /:page/edit, GET\n"
    found = effect(rules + "p, role:user, /wiki/:word, GET, deny\n", rules)

    assert {d.place.path for d in found.differences} == {"/wiki/edit"}
