"""How often something wrong may be tried at a music server."""

from functools import partial

import pytest
from authz_audiomuse.music.guessing import Guessing
from authz_audiomuse.music.listed import ServerKind
from limits.storage import MemoryStorage

from authz.identity.guesses import Guesser
from authz.identity.throttle import Throttle
from tests.adapters.music.rigs import at

#: A server that nobody calls, of the kind that follows.
server = partial(at, "http://nobody")


@pytest.mark.parametrize("shared", [True, False])
def test_a_person_waits_after_five(shared: bool):
    """At one server, from one address; nobody else waits."""
    guessing = Guessing(MemoryStorage() if shared else None)
    navidrome = server(ServerKind.NAVIDROME)
    for _ in range(5):
        assert guessing.wait("user:carol", navidrome, "::1") == 0
        guessing.failed("user:carol", navidrome, "::1")

    assert guessing.wait("user:carol", navidrome, "::1") > 0
    assert guessing.wait("user:dan", navidrome, "::1") == 0
    assert guessing.wait("user:carol", server(ServerKind.NAVIDROME, "b"), "::1") == 0


@pytest.mark.parametrize("shared", [True, False])
def test_all_wait_together_where_the_server_stops_all(shared: bool):
    """One short of what makes Lightweight Music Server do so."""
    guessing = Guessing(MemoryStorage() if shared else None)
    lms = server(ServerKind.LMS)
    for person in ("a", "b", "c", "d"):
        assert guessing.wait(person, lms, "::1") == 0
        guessing.failed(person, lms, "::1")

    assert guessing.wait("e", lms, "::2") > 0
    assert guessing.wait("e", server(ServerKind.LMS, "other"), "::2") == 0


def test_processes_count_together():
    """What one of them saw, the other knows."""
    storage = MemoryStorage()
    one, other = Guessing(storage), Guessing(storage)
    lms = server(ServerKind.LMS)
    for person in ("a", "b", "c", "d"):
        one.failed(person, lms, "::1")

    assert other.wait("e", lms, "::2") > 0


def test_a_storage_that_does_not_answer_costs_nobody_a_sign_in():
    """Each process goes on to count by itself."""

    class Away(MemoryStorage):
        def acquire_entry(self, *_: object, **__: object) -> bool:
            raise OSError("gone")

        def get_moving_window(self, *_: object, **__: object) -> tuple[float, int]:
            raise OSError("gone")

    guessing = Guessing(Away())
    lms = server(ServerKind.LMS)
    assert guessing.wait("a", lms, "::1") == 0
    for person in ("a", "b", "c", "d"):
        guessing.failed(person, lms, "::1")

    assert guessing.wait("e", lms, "::1") > 0


def test_guessing_here_is_no_guessing_at_the_sign_in_page():
    """Keys of the storage are apart from those of names and peers there."""
    storage = MemoryStorage()
    guessing, throttle = Guessing(storage), Throttle(storage)
    navidrome = server(ServerKind.NAVIDROME)
    for number in range(30):
        guessing.failed(f"user:{number % 3}", navidrome, "::1")

    assert throttle.wait(Guesser(name="user:0", client="::1")) == 0
