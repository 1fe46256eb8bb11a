"""What tells one state of a store from every other."""

from authz.stores.marks import Head, Mark


def _head(policy: tuple[int, str], *trail: str) -> Head:
    rest = Mark("1-a", 1, "same")
    return Head(
        policy=Mark("1-a", *policy),
        people=rest,
        sessions=rest,
        tokens=rest,
        trail=(*trail, "same"),
    )


def test_another_branch_with_a_number_as_high_is_one():
    """A state whose stamp is not among the last ones was not the one before."""
    seen = _head((5, "mine"), "mine", "base")
    for number in (5, 6):
        other = _head((number, "other"), "other", "base", "older")
        assert not other.follows(seen.policy, "policy")
        assert other.is_another_branch(seen)


def test_changes_are_no_other_branch():
    """Whoever finds what it saw last among the last changes missed no restore."""
    seen = _head((5, "mine"), "mine", "base")
    later = _head((6, "next"), "next", "mine", "base")
    assert later.follows(seen.policy, "policy")
    assert not later.is_another_branch(seen)
