"""What is made aside gives way and is the same."""

import weakref

from authz.policy.pacing import aside, let_go, paced


class Thing:
    """Something to be freed."""


def test_everything_passes_in_order():
    """Aside or not, all items come once and in order."""
    items = list(range(10_000))

    assert list(paced(items)) == items
    with aside():
        assert list(paced(items)) == items


def test_what_is_let_go_is_freed():
    """Nothing is kept but what somebody else still uses."""
    items = [Thing() for _ in range(1_000)]
    kept = items[500]
    noted = [weakref.ref(item) for item in items]
    with aside():
        let_go(items)

    assert items == []
    assert [ref() for ref in noted if ref() is not None] == [kept]
