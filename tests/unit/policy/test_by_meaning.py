"""What a change does is said once for each name that it is about."""

from hypothesis import given

from authz.policy.analysis.by_meaning import by_meaning, name_of
from authz.policy.analysis.impact import impact
from authz.policy.compiled import CompiledPolicy
from tests.strategies import SEEDS, world
from tests.unit.policy.test_impact import changed, effect

PEOPLE = (
    "p, role:admin, /admin, GET\n"
    "g, group:family, role:user\ng, user:bob, role:user\n"
    "g, user:eve, role:editor\ng, role:editor, role:user\n"
)


def said(before: str, after: str) -> list[tuple[str, list[str], tuple[str, ...]]]:
    """Return each name, what changes for it, and who else that is."""
    return [
        (
            each.name,
            [f"{'|'.join(m)} {d.place.shown} {d.opens}" for m, d in each.changes],
            each.members,
        )
        for each in by_meaning(effect(before, after).differences)
    ]


def test_a_rule_for_a_role_is_said_once():
    """The group, the people and the role that go by it are who that is."""
    rule = "p, role:user, /map, GET|POST\np, role:user, /search, GET\n"

    assert said(PEOPLE, PEOPLE + rule) == [
        (
            "role:user",
            ["GET|POST /map True", "GET /search True"],
            ("group:family", "role:editor", "user:bob", "user:eve"),
        )
    ]
    assert said(PEOPLE + rule, PEOPLE)[0][0] == "role:user"


def test_a_role_that_is_given_changes_nothing_for_the_role():
    """It is said of whom it was given to."""
    rules = PEOPLE + "p, role:editor, /edit, GET\n"

    assert said(rules, rules + "g, user:bob, role:editor\n") == [
        ("user:bob", ["GET /edit True"], ())
    ]
    assert said(rules, rules + "g, group:family, role:editor\n") == [
        ("group:family", ["GET /edit True"], ())
    ]


def test_what_opens_to_everyone_comes_first():
    """Whoever has another name is one of everyone."""
    rules = "p, user:bob, /a, GET\np, role:everyone, /map, GET\n"
    first, second = said(PEOPLE, PEOPLE + rules)

    assert first[:2] == ("role:everyone", ["GET /map True"])
    assert second == ("user:bob", ["GET /a True"], ())


@given(SEEDS)
def test_nothing_is_left_out(seed: int):
    """Each difference is one of a group, and no group tells of anything else."""
    made = world(seed, 1)
    found = impact(
        CompiledPolicy(made.policy), CompiledPolicy(changed(made.policy, seed))
    ).differences
    told = {
        (name, method, each.place.shown, each.opens, each.exceptions)
        for group in by_meaning(found)
        for methods, each in group.changes
        for method in methods
        for name in (group.name, *group.members)
    }

    assert told == {
        (name_of(d), d.place.method, d.place.shown, d.opens, d.exceptions)
        for d in found
    }
