"""Building a policy leaves the collector as the app has set it."""

import gc
from pathlib import Path

import pytest

from authz.policy.build import build_policy
from authz.policy.live import LivePolicy

MODEL = (Path(__file__).parents[3] / "model.conf").read_text(encoding="utf-8")
TEXT = b"p, role:user, /map, GET\np, role:user, /:x/y/*, *\ng, user:bob, role:user\n"


@pytest.fixture
def collector():
    """Whatever a test does to the collector, undone."""
    was_enabled = gc.isenabled()
    yield
    gc.unfreeze()
    (gc.enable if was_enabled else gc.disable)()


@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_runs_on_or_stays_off(*, enabled: bool):
    """As it was before, and nothing is hidden from it that was not."""
    hidden = gc.get_freeze_count()
    (gc.enable if enabled else gc.disable)()
    build_policy(MODEL, TEXT)

    assert gc.isenabled() is enabled
    assert gc.get_freeze_count() <= hidden


@pytest.mark.usefixtures("collector")
def test_what_a_server_froze_before_it_forked_stays_frozen():
    """Thawed, it would be copied into every worker."""
    gc.freeze()
    frozen = gc.get_freeze_count()
    build_policy(MODEL, TEXT)

    assert gc.get_freeze_count() >= frozen * 0.9


def test_the_old_policy_still_answers_who_holds_it():
    """A request that began before a reload ends with the policy it began with."""

    class Store:
        content = TEXT

        def changed(self, _since: object) -> tuple[bytes, bytes]:
            return self.content, self.content

    store = Store()
    live = LivePolicy(
        store,
        lambda data: build_policy(MODEL, data).policy,
        on_reload=lambda *_: None,
        on_failure=lambda _: None,
    )
    old = live.current
    before = old.source
    store.content = b"p, role:user, /other, GET\n"

    assert live.refresh()
    assert old.source is before
    assert [rule.path for rule in old.source.rules] == ["/map", "/:x/y/*"]
    assert old.roles_of(["user:bob"]) == {"role:user"}
