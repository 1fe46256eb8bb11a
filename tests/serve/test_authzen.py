"""AuthZEN asked of `authz serve`: the host is part of what is asked about."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from authz.extension import get_authz
from authz.serve import create_app
from tests.serve.served import GRAFANA, POLICY, PROXY, SETTINGS, WIKI
from tests.web.apps import RecordingSink
from tests.web.authzen.pdp import ON, TOKEN, Pep, route, user

ASKS = """
p, role:pep, host:auth.home.test, /access/v1/*, POST
p, role:elsewhere, host:grafana.home.test, /access/v1/*, POST
"""
HERE = {"HTTP_HOST": "auth.home.test", "REMOTE_ADDR": PROXY}


class Through(Pep):
    """Asks at the portal."""

    def __call__(self, path: str, body: Any = None, **more: Any) -> Any:
        """Send one request to the portal's host."""
        return super().__call__(path, body, environ=HERE, **more)


@pytest.fixture(name="pep")
def _pep(tmp_path: Path) -> Iterator[Through]:
    policy = tmp_path / "policy.csv"
    policy.write_text(POLICY + ASKS)
    more = {**ON, "AUTHZ_POLICY": str(policy), "AUTHZ_AUTHZEN_PREFIX": "/"}
    app = create_app({**SETTINGS, **more}, audit=RecordingSink())
    yield Through(app, prefix="/access/v1")
    get_authz(app).runtime.close()


@pytest.mark.parametrize(
    ("name", "url", "expected"),
    [
        ("bob", f"{GRAFANA}/d/1", True),
        ("bob", f"{GRAFANA}/admin/x", False),
        ("bob", f"{WIKI}/d/1", False),
        ("bob", f"{WIKI}/public/x", True),
        ("alice", f"{WIKI}/d/1", True),
        ("bob", "https://elsewhere.home.test/d/1", False),
        ("carol", f"{GRAFANA}/d/1", False),
        # Without a host it is not said what is meant.
        ("bob", "/d/1", False),
        ("alice", "/d/1", False),
    ],
)
def test_a_question_names_its_host(pep: Through, name: str, url: str, expected: bool):
    """As the rules do; one without is denied."""
    assert pep.may(user(name), "GET", route(url)) is expected


def test_the_host_may_stand_beside_the_path(pep: Through):
    """As what the resource is about."""
    beside = {**route("/d/1"), "properties": {"scope": "host:grafana.home.test"}}
    assert pep.may(user("bob"), "GET", beside)


def test_a_search_is_about_one_host(pep: Through):
    """Who may open it, and which of its paths rules name."""
    body = {
        "subject": {"type": "user"},
        "action": {"name": "GET"},
        "resource": route(f"{GRAFANA}/d/1"),
    }
    found = pep.ask("/search/subject", body)["results"]
    assert found == [user("alice"), user("bob")]


def test_rules_for_asking_are_about_the_portal(pep: Through, tmp_path: Path):
    """A rule for the same path at another host lets nobody ask here."""
    policy = tmp_path / "other.csv"
    policy.write_text(POLICY + ASKS)
    more = {"AUTHZ_API_TOKEN_ROLE": "elsewhere", "AUTHZ_POLICY": str(policy)}
    app = create_app(
        {**SETTINGS, **ON, **more, "AUTHZ_AUTHZEN_PREFIX": "/"}, audit=RecordingSink()
    )
    other = replace(pep, app=app, token=TOKEN)
    body = {
        "subject": user("bob"),
        "action": {"name": "GET"},
        "resource": route(f"{GRAFANA}/d/1"),
    }
    assert other("/evaluation", body).status == 403
    get_authz(app).runtime.close()
