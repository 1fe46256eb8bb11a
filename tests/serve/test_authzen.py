"""AuthZEN asked of `authz serve`: the host is part of what is asked about."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from authz.admin.decisions import check, named, what_can, who_may, within
from authz.decision import About
from authz.extension import get_authz
from authz.scope import Scope
from tests.serve.served import GRAFANA, POLICY, PROXY, WIKI, Browser
from tests.web.apps import browser_of
from tests.web.authzen.pdp import ON, TOKEN, Pep, question, route, user

ASKS = """
p, role:pep, host:auth.home.test, /access/v1/*, POST
p, role:elsewhere, host:grafana.home.test, /access/v1/*, POST
p, user:dan, host:grafana.home.test, /only/:id, GET
p, user:dan, host:wiki.home.test, /never, POST
p, role:everyone, host:wiki.home.test, /open, GET
"""
HERE = {"HTTP_HOST": "auth.home.test", "REMOTE_ADDR": PROXY}


class Through(Pep):
    """Asks at the portal."""

    def __call__(self, path: str, body: Any = None, **more: Any) -> Any:
        """Send one request to the portal's host."""
        return super().__call__(path, body, environ=HERE, **more)


@pytest.fixture(name="pep")
def _pep(serve: Callable[..., Flask]) -> Through:
    app = serve(POLICY + ASKS, **ON, AUTHZ_AUTHZEN_PREFIX="/")
    return Through(app, prefix="/access/v1")


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


def test_what_the_portal_shows_everybody_is_closed_at_other_hosts(pep: Through):
    """A question has the answer that a proxy gets, also for the portal's own paths."""
    paths = sorted(
        {rule.rule for rule in pep.app.url_map.iter_rules() if "<" not in rule.rule}
    )
    browsers = {n: browser_of(pep.app, n, Browser) for n in ("alice", "bob")}
    said = set()
    for site in (GRAFANA, WIKI):
        for path in paths:
            for name, browser in browsers.items():
                let_in = browser.ask(path, site=site).status == 200
                asked = user(name), "GET", route(f"{site}{path}")
                assert pep.may(*asked) is let_in, asked
                said.add((name, let_in))
    assert {("bob", True), ("bob", False)} <= said
    assert "/authz/jwks.json" in paths


def test_who_asks_about_another_host_hears_nothing_of_the_portals_pages(pep: Through):
    """The tester says so too: `/` is public at the portal, and nowhere else."""
    context = get_authz(pep.app).context
    eve = named(context, "user:eve")

    for host, allowed in (("auth", True), ("grafana", False), ("other", False)):
        about = Scope(f"host:{host}.home.test")
        answer = check(context, eve, "GET", "/", about=About(scope=about))
        assert (answer.allowed, answer.route is not None) == (allowed, allowed)
        policy = within(context.policy, about)
        found = who_may(context, "GET", "/", people={}, scope=about, policy=policy)
        names = {subject.name for subject in found}
        assert ("auth:anonymous" in names) is allowed
        assert bool(what_can(context, eve, scope=about)) is allowed


def test_the_host_may_stand_beside_the_path(pep: Through):
    """As what the resource is about."""
    beside = {**route("/d/1"), "properties": {"scope": "host:grafana.home.test"}}
    assert pep.may(user("bob"), "GET", beside)


def test_a_search_is_about_one_host(pep: Through):
    """Who may open it, and which of its paths rules name."""
    body = question({"type": "user"}, "GET", route(f"{GRAFANA}/d/1"))
    found = pep.ask("/search/subject", body)["results"]
    assert found == [user("alice"), user("bob")]


@pytest.mark.parametrize("name", ["alice", "bob", "dan"])
def test_a_search_for_paths_finds_what_questions_allow(pep: Through, name: str):
    """Those of rules at each host, and of the portal's own routes at its own alone."""
    known = {"/", "/only/{id}", "/never", "/open"}
    for host in ("auth", "grafana", "wiki", "other"):
        asked = {"type": "route", "properties": {"scope": f"host:{host}.home.test"}}
        found = pep.ask(
            "/search/resource",
            question(user(name), "GET", asked),
        )["results"]
        ids = {each["id"] for each in found}
        for id_ in known:
            may = pep.may(user(name), "GET", {**asked, "id": id_})
            assert (id_ in ids) is (may and (id_ != "/" or host == "auth")), (host, id_)


def test_rules_for_asking_are_about_the_portal(
    pep: Through, serve: Callable[..., Flask]
):
    """A rule for the same path at another host lets nobody ask here."""
    on = ON | {"AUTHZ_API_TOKEN_ROLE": "elsewhere"}
    app = serve(POLICY + ASKS, **on, AUTHZ_AUTHZEN_PREFIX="/")
    other = replace(pep, app=app, token=TOKEN)
    body = question(user("bob"), "GET", route(f"{GRAFANA}/d/1"))
    assert other("/evaluation", body).status == 403
