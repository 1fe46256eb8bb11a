"""The provider changes its keys, or is not there: nobody is wrongly let in or out."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.e2e.browser import Browser, send
from tests.e2e.rig import Rig, new_key, settings_for, start_app
from tests.e2e.servers import free_ports
from tests.services import until

pytestmark = pytest.mark.slow


def ask(app: str, page: str, token: str) -> int:
    """Return the status of *page* for the bearer of *token*."""
    return send("GET", f"{app}{page}", [("X-authentik-jwt", token)]).status


@contextmanager
def load(tasks: dict[str, Callable[[], int]]) -> Iterator[dict[str, Counter[int]]]:
    """Keep doing all *tasks* at once; yields the answers so far, by task."""
    answers = {name: Counter[int]() for name in tasks}
    over = threading.Event()

    def work(name: str) -> None:
        while not over.is_set():
            answers[name][tasks[name]()] += 1

    with ThreadPoolExecutor(len(tasks)) as pool:
        running = [pool.submit(work, name) for name in tasks]
        try:
            yield answers
        finally:
            over.set()
    for each in running:
        each.result()


def test_keys_change_under_load(rig: Rig):
    """Old tokens hold for a while, new ones soon; no decision is ever wrong.

    Two workers serve; the old key disappears from the key set at once, as it does
    when somebody chooses another signing key in Authentik.
    """
    old = {name: rig.token_of(name) for name in ("alice", "bob")}
    new: dict[str, str] = {}
    tasks = {
        "alice, old": lambda: ask(rig.app, "/admin", old["alice"]),
        "bob, old": lambda: ask(rig.app, "/admin", old["bob"]),
        "alice, new": lambda: ask(rig.app, "/admin", new.get("alice", old["alice"])),
        "bob, new": lambda: ask(rig.app, "/admin", new.get("bob", old["bob"])),
    }

    with load(tasks) as answers:
        until(lambda: all(sum(a.values()) > 20 for a in answers.values()))
        rig.provider.sign_with([new_key("second")])
        new.update({name: rig.token_of(name) for name in ("alice", "bob")})
        until(
            lambda: all(ask(rig.app, "/admin", new["alice"]) == 200 for _ in range(20))
        )
        before = {name: sum(a.values()) for name, a in answers.items()}
        refused = answers["alice, new"][401]
        until(lambda: all(
            sum(answers[name].values()) > before[name] + 50 for name in answers
        ))  # fmt: skip

    assert set(answers["alice, old"]) == {200}
    assert set(answers["bob, old"]) == {403}
    assert set(answers["alice, new"]) <= {200, 401}
    assert set(answers["bob, new"]) <= {403, 401}
    assert answers["alice, new"][401] <= refused + 1  # one may have been on its way


def test_it_goes_on_without_the_provider(rig: Rig):
    """Who is signed in stays so; new people cannot sign in, and nobody gets more."""
    signed_in = {name: Browser() for name in ("alice", "bob")}
    for name, browser in signed_in.items():
        assert browser.sign_in(f"{rig.caddy}/who", name).status == 200
    rig.provider.stop()
    try:
        for proxy in (rig.caddy, rig.nginx):
            for _ in range(5):
                assert signed_in["alice"].send("GET", f"{proxy}/admin").status == 200
                assert signed_in["bob"].send("GET", f"{proxy}/admin").status == 403
            stranger = Browser()
            with pytest.raises(ConnectionRefusedError):
                stranger.get(f"{proxy}/who")  # sent to the provider, which is down
            assert stranger.send("GET", f"{proxy}/who").status == 302
    finally:
        rig.provider.start()


def test_an_app_that_starts_without_the_provider(rig: Rig):
    """It starts, refuses what it cannot verify, and verifies as soon as it can."""
    token = rig.token_of("alice")
    (port,) = free_ports(1)
    app = f"http://127.0.0.1:{port}"
    rig.provider.stop()
    try:
        start_app(rig.servers, "late", port=port, env=settings_for(rig.provider))
        rig.servers.wait("late", port)

        assert ask(app, "/admin", token) == 401
        assert send("GET", f"{app}/health").status == 200
    finally:
        rig.provider.start()
    try:
        until(lambda: ask(app, "/admin", token) == 200)
        assert "keys-unavailable" in rig.servers.log("late")
    finally:
        rig.servers.stop("late")
