"""The newest state that any process of one server has read."""

from authz.stores.newest_seen import NewestSeen


def test_a_look_that_began_earlier_is_no_news():
    """However late it ends: what was read by a look that began later is newer."""
    seen = NewestSeen()
    seen.note("new", 5.0)
    seen.note("old", 4.0)
    assert seen.is_another

    seen.note("new", 6.0)
    assert not seen.is_another


def test_the_same_state_read_later_is_no_news():
    """Nothing has changed since, and whoever read it earlier has it."""
    seen = NewestSeen()
    seen.note("same", 5.0)
    seen.note("same", 4.0)
    assert not seen.is_another
