"""The newest state that any process of one server has read."""

from collections.abc import Callable

from authz.errors import StoreError
from authz.stores.followers import StoreFollowers
from authz.stores.newest_seen import NewestSeen


def test_a_look_that_began_earlier_is_no_news():
    """However late it ends: what was read by a look that began later is newer."""
    seen = NewestSeen()
    seen.note("new", 5.0)
    seen.note("old", 4.0)
    assert seen.is_another

    seen.note("new", 6.0)
    assert not seen.is_another


def test_a_change_that_was_told_is_news_until_somebody_looks():
    """A look that began before it may have missed it."""
    seen = NewestSeen()
    seen.note_hint(5.5)
    for begun, is_told in ((5.0, True), (6.0, False)):
        seen.note_look(begun)
        assert seen.is_told is is_told


def test_the_same_state_read_later_is_no_news():
    """Nothing has changed since, and whoever read it earlier has it."""
    seen = NewestSeen()
    seen.note("same", 5.0)
    seen.note("same", 4.0)
    assert not seen.is_another


def test_what_was_told_and_cannot_be_read_stops_decisions():
    """At once where nothing can be read; not where a part of it can."""
    now, broken = [100.0], set[str]()

    class Part:
        """One thing in the database."""

        def __init__(self, name: str) -> None:
            self.name = name

        def look(self) -> Callable[[], object]:
            """Read it, if it can be."""
            if self.name in broken:
                raise StoreError("away")
            return lambda: None

    following = StoreFollowers(
        failed=lambda *_: None, interval=2.0, clock=lambda: now[0]
    )
    for name in ("people", "policy"):
        following.follow(Part(name), name)
    following.refresh()
    for away in ((), ("people",), ("people", "policy")):
        broken.update(away)
        now[0] += 1
        following.refresh()
        assert not following.is_stale
        now[0] += 1
        following.note_hint()
        following.refresh()
        assert following.is_stale is (len(away) == 2)

    broken.clear()
    following.refresh()
    assert not following.is_stale
