"""AUTHZ_SHADOW_POLICY: a candidate is asked beside the policy in force."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from authz.extension import get_authz
from authz.policy.analysis.shadow import Deviation, ShadowReport
from tests.web.apps import POLICY, Client, RecordingSink, browser_of

CANDIDATE = """
p, role:everyone, /health, GET
p, role:everyone, /map, GET
p, role:admin, /*, *
"""


@pytest.fixture(name="make_shadowed")
def _make_shadowed(make_app: Callable[..., Flask], tmp_path: Path):
    def make(candidate: str = CANDIDATE, **config: object) -> Flask:
        path = tmp_path / "candidate.csv"
        path.write_text(candidate)
        return make_app(AUTHZ_SHADOW_POLICY=str(path), **config)

    return make


def report(app: Flask) -> ShadowReport:
    """Return how the candidate fared."""
    shadow = get_authz(app).runtime.shadow
    assert shadow is not None
    return shadow.report()


def test_it_decides_nothing(make_shadowed: Callable[..., Flask], sink: RecordingSink):
    """The policy in force answers; the difference is counted and written down."""
    app = make_shadowed()
    client = Client(app)

    assert client(path="/map").status in {302, 303}
    assert client(path="/health").status == 200
    assert report(app).deviations == (
        (Deviation("auth:anonymous", "GET", "/map", opens=True), 1),
    )
    event = next(e for e in sink.events if str(e.tag) == "shadow:differs")
    assert event.detail == {"candidate": "allow", "route": "/map", "times": "1"}
    assert event.rules == ("candidate.csv:3",) or event.rules[0].endswith(
        "candidate.csv:3"
    )


def test_settings_count_for_the_candidate_too(make_shadowed: Callable[..., Flask]):
    """Accounts of the environment hold their roles in it."""
    app = make_shadowed(POLICY)
    client = browser_of(app, "bob")

    assert client(path="/map").status == 200
    assert report(app).deviations == ()


def test_a_route_stands_for_its_paths(make_shadowed: Callable[..., Flask]):
    """Differences are listed by route."""
    app = make_shadowed(CANDIDATE + "p, role:everyone, /api/similar/:id, GET\n")
    client = Client(app)
    for number in range(3):
        client(path=f"/api/similar/{number}")

    assert report(app).deviations == (
        (Deviation("auth:anonymous", "GET", "/api/similar/<id>", opens=True), 3),
    )


def test_with_report_only(make_shadowed: Callable[..., Flask]):
    """Both at once: what is let through counts as refused."""
    app = make_shadowed(AUTHZ_MODE="report")
    client = Client(app)

    assert client(path="/map").status == 200
    assert client(path="/admin").status == 200
    assert report(app).opened == 1
    assert report(app).same == 1


def test_a_candidate_that_cannot_be_used_stops_nothing(
    make_shadowed: Callable[..., Flask], caplog: pytest.LogCaptureFixture
):
    """The app starts and says what is wrong; nothing is compared with what is not."""
    with caplog.at_level(logging.ERROR, "authz"):
        app = make_shadowed("p, nonsense\n")

    assert "AUTHZ_SHADOW_POLICY is not asked" in caplog.text
    assert Client(app)(path="/health").status == 200
    found = report(app)
    assert found.problem is not None
    assert (found.revision, found.same, found.closed) == ("", 0, 0)


def test_malformed_requests_are_not_compared(make_shadowed: Callable[..., Flask]):
    """No policy is asked about them."""
    app = make_shadowed()
    Client(app)(path="//map")

    assert (report(app).same, report(app).opened) == (0, 0)


def test_without_the_setting_there_is_none(app: Flask):
    """An app that tries nothing out has the plain hook."""
    guarded = get_authz(app)

    assert guarded.runtime.shadow is None
    assert type(guarded.hook).__name__ == "Hook"
