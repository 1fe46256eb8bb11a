"""Which names of a policy somebody goes by, found in advance or when asked."""

from itertools import pairwise

import pytest
from hypothesis import given

from authz.decision import Grant, Origin, signed_in
from authz.policy.held_names import FEW, HeldNames
from tests.strategies import SEEDS, world

CHAIN = [f"role:{number}" for number in range(3_000)]


def grant(member: str, role: str) -> Grant:
    """Return a grant."""
    return Grant(member=member, role=role, origin=Origin("policy.csv"))


@pytest.mark.parametrize(
    ("room", "few"), [(0, FEW), (40, FEW), (1_000_000, FEW), (1_000_000, 0)]
)
@given(seed=SEEDS)
def test_the_names_are_those_that_grants_lead_to(room: int, few: int, seed: int):
    """However many are followed in advance, the ruled names and all roles are found.

    Whether somebody asks for the first time, the second or the third.
    """
    made = world(seed, 8)
    ruled = {rule.subject for rule in made.policy.rules}
    held = HeldNames(made.policy.grants, ruled, room=room, few=few)
    for request in made.requests:
        reached = made.policy.reached_from(request.subject.names).keys()
        roles = {name for name in reached if name.startswith("role:")}

        for _ in range(3):
            names = held.of(request.subject)
            assert {name for name in ruled if name in names} == reached & ruled
            assert set(names) & ruled == reached & ruled
            assert len(names) >= len(set(names))
        assert held.roles_of(request.subject.names) == roles


def test_a_note_of_another_policy_is_not_believed():
    """A subject that has met an earlier policy goes by the names of this one."""
    bob = signed_in("user:bob", source="local", display_name="")
    before = HeldNames([grant("user:bob", "role:old")], {"role:old"})
    now = HeldNames([grant("user:bob", "role:new")], {"role:new"})

    assert before.of(bob) >= {"role:old"}
    assert now.of(bob) >= {"role:new"}
    assert "role:old" not in now.of(bob)


def test_long_chains_are_followed_to_their_end():
    """Three thousand roles, each of which has the next: more than are kept in sets."""
    grants = [grant(*two) for two in pairwise(CHAIN)]
    held = HeldNames([*grants, grant("user:bob", CHAIN[0])], {CHAIN[-1]}, room=10_000)
    bob = signed_in("user:bob", source="local", display_name="")

    assert CHAIN[-1] in held.of(bob)
    assert held.roles_of(["user:bob"]) == set(CHAIN)


def test_a_circle_ends():
    """Roles in a circle are refused on load; following them ends all the same."""
    grants = [grant("role:a", "role:b"), grant("role:b", "role:a")]
    held = HeldNames([*grants, grant("user:bob", "role:a")], {"role:b"})
    bob = signed_in("user:bob", source="local", display_name="")

    assert held.of(bob) >= {"role:a", "role:b"}
