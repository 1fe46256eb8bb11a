"""What changes for whom when one policy takes the place of another."""

import random
from dataclasses import replace

import pytest
from hypothesis import example, given

from authz.decision import AccessRequest, Policy
from authz.policy.analysis.impact import (
    MAX_SCOPES,
    Difference,
    Impact,
    impact,
    people_of,
)
from authz.policy.compiled import CompiledPolicy
from authz.policy.patterns import USUAL, PathPattern, methods_in_words
from authz.policy.route_tables import RoutePattern, sample_path
from authz.scope import Scope, ScopeSet
from tests.policies import compiled, in_scopes
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


def effect(before: str, after: str, routes: tuple[RoutePattern, ...] = ()) -> Impact:
    """Return what it means that *after* takes the place of *before*."""
    return impact(compiled(before), compiled(after), routes_in=lambda _: routes)


@given(SEEDS)
@example(3180013700)
def test_no_difference_is_missed_and_each_is_one(seed: int):
    """Whatever question has two answers lies in a listed place, and no other does.

    A place is the pattern that it is named by, without its exceptions.
    """
    made = world(seed, 60)
    old = CompiledPolicy(made.policy)
    new = CompiledPolicy(changed(made.policy, seed))
    found = impact(old, new).differences
    for request in made.requests:
        # An empty segment is refused before anything is decided.
        if request.method not in USUAL or "//" in request.path:
            continue
        for subject in people_of(old, new).values():
            asked = AccessRequest(
                subject=subject, path=request.path, method=request.method
            )
            before, after = bool(old.decide(asked)), bool(new.decide(asked))
            meant = {each.opens for each in found if holds(each, asked)}
            assert meant == ({after} if before is not after else set()), asked


def holds(difference: Difference, asked: AccessRequest) -> bool:
    """Return whether *difference* says that the answer to *asked* changes."""
    return (
        difference.who == asked.subject
        and difference.place.method == asked.method
        and PathPattern.of(difference.place.shown).matches(asked.path)
        and not any(
            PathPattern.of(part).matches(asked.path) for part in difference.exceptions
        )
    )


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
    assert [d.place.route for d in found.differences] == [ROUTES[1]]


def test_a_place_is_named_by_what_changes():
    """Not by its route, unless all of the route changes; once, and with its holes."""
    before = (
        "p, role:docs, /files/secret/*, GET\np, user:bob, /files/secret/key, *, deny\n"
    )
    for routes in (ROUTES, ()):
        found = effect(before, before + "g, user:bob, role:docs\n", routes)
        assert [(str(d.who), str(d.place), d.exceptions) for d in found.opened] == [
            ("user:bob", "GET /files/secret/*", ("/files/secret/key",))
        ]
    whole = effect(before, before + "p, user:bob, /*, GET\n", ROUTES)
    assert {(str(d.place), d.exceptions) for d in whole.opened} == {
        ("GET /map", ()),
        ("GET /files/<path:n>", ("/files/secret/key",)),
    }


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("/artist/:id/edit", ("GET /artist/:id/edit", "/artist/<int:id>/<word>")),
        ("/artist/7/:word", ("GET /artist/7/:word", "/artist/<int:id>/<word>")),
        ("/artist/:id/new", ("GET /artist/<int:id>/new", "/artist/<int:id>/new")),
        ("/:any/7/*", ("GET /artist/7/:any", "/artist/<int:id>/<word>")),
    ],
)
def test_a_route_that_wants_a_number(rule: str, expected: tuple[str, str]):
    """A part of it is looked at with a number, and belongs to the very route."""
    routes = tuple(
        RoutePattern(method="GET", route=r, path=sample_path(r), endpoint=r)
        for r in ("/artist/<int:id>/<word>", "/artist/<int:id>/new")
    )
    before = "p, role:user, /artist/*, GET\n"
    found = effect(before, f"{before}p, role:user, {rule}, GET, deny\n", routes)

    told = {(str(d.place), d.place.route and d.place.route.route) for d in found.closed}
    assert expected in told
    assert all(d.place.route in routes for d in found.closed)


def test_a_hole_that_was_open_already():
    """What was allowed already is no part of what opens."""
    before = "p, user:bob, /x/:id, GET\n"
    found = effect(before, before + "p, user:bob, /x/*, GET\n")

    assert [(str(d.place), d.exceptions) for d in found.differences] == [
        ("GET /x/*", ("/x/:id",))
    ]


def test_a_part_that_another_rule_lies_in_is_no_whole():
    """Where two rules overlap it opens, and where only the one speaks it was open."""
    rule = "p, user:bob, /x/a/*, GET\n"
    before = f"{rule}p, user:bob, /x/a/:id, GET, deny\n"
    found = effect(before, f"{rule}p, user:bob, /x/*, GET\n")

    assert {(str(d.place), d.exceptions) for d in found.differences} == {
        ("GET /x/*", ("/x/a/*",)),
        ("GET /x/a/:id", ()),
    }


def test_a_rule_that_no_route_is_served_by_is_said():
    """It changes nothing today, which is seldom meant."""
    before = "p, role:user, /map, GET\n"
    found = effect(before, before + "p, role:user, /gone, GET\n", ROUTES)

    assert [rule.path for rule in found.unserved] == ["/gone"]


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


@given(SEEDS)
def test_no_difference_inside_a_scope_is_missed(seed: int):
    """Whatever question about one scope has two answers lies in a listed place.

    And no other does; where none is listed, one about no scope has one answer too.
    """
    random_ = random.Random(seed)  # noqa: S311 - reproducible, not secret
    patterns = ("*", "library:*", "library:a", "library:b", "host:h")
    lines = [
        f"p, {who}, {scope}, {path}, GET{effect}"
        for who in ("user:u", "role:r", "role:everyone")
        for scope in patterns
        for path in ("/x", "/*")
        for effect in ("", ", deny")
    ] + [f"g, user:u, role:r, {scope}" for scope in patterns]
    chosen = random_.sample(lines, 6)
    first, *rest = chosen[1:] if random_.random() < 0.5 else chosen
    always = "p, user:v, *, /v, GET\n"
    old = in_scopes(always + "\n".join(rest))
    new = in_scopes(always + "\n".join([*rest[1:], first]))
    found = impact(old, new)
    asked_about = ("library:a", "library:b", "library:c", "host:h", "host:i", "new:n")
    for who in people_of(old, new).values():
        for path in ("/x", "/y"):
            differs = False
            for text in asked_about:
                asked = AccessRequest(
                    subject=who, path=path, method="GET", scope=Scope(text)
                )
                before, after = bool(old.decide(asked)), bool(new.decide(asked))
                meant = {
                    each.opens
                    for each in found.differences
                    if holds(each, asked)
                    and Scope(text) in ScopeSet.where({each.scope}, each.except_scopes)
                }
                # A narrower row speaks for itself: its scope is excepted in the wider.
                assert meant == ({after} if before is not after else set()), asked
                differs |= before is not after
            asked = AccessRequest(subject=who, path=path, method="GET")
            if bool(old.decide(asked)) is not bool(new.decide(asked)):
                assert differs, asked


def test_a_change_in_one_scope_is_named_with_it():
    """A role for one library opens what it allows there, and says where."""
    text = "p, role:user, library:*, /map, GET\np, user:v, *, /v, GET\n"
    old = in_scopes(text)
    new = in_scopes(text + "g, user:bob, role:user, library:kids\n")
    for routes in ((), ROUTES):
        (found,) = impact(old, new, routes_in=lambda _, known=routes: known).differences
        assert (found.who.name, found.place.path, found.where) == (
            "user:bob",
            "/map",
            "library:kids",
        )


def test_a_change_in_all_scopes_but_one_is_one_difference():
    """What a scope excepts is named beside what changes everywhere else."""
    text = "p, role:user, library:kids, /map, GET, deny\ng, user:b, role:user, *\n"
    found = impact(in_scopes(text), in_scopes(text + "p, role:user, *, /map, GET\n"))
    assert {(d.who.name, d.where) for d in found.differences} == {
        ("role:user", "every scope but library:kids"),
        ("user:b", "every scope but library:kids"),
    }


def test_scopes_that_were_not_looked_at_are_counted():
    """Of more scopes than are compared it is said how many are left out."""
    text = "".join(
        f"g, user:b, role:user, library:{n}\n" for n in range(MAX_SCOPES + 1)
    )
    text += "p, user:v, *, /v, GET\n"
    found = impact(in_scopes(text), in_scopes(text + "p, role:user, *, /map, GET\n"))
    assert found.unseen_scopes == 3  # `*` and `library:*` are two
