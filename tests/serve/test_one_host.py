"""An administrator of one host behind `authz serve`: theirs, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.serve.served import AT_PORTAL, Browser
from tests.web.api.client import Api, etag, problem
from tests.web.apps import CHEAP_ALICE, CHEAP_BOB, Answer, browser_of
from tests.web.whole_routes import whole_routes

GRAFANA, WIKI = "host:grafana.home.test", "host:wiki.home.test"
OWN = "host:auth.home.test"
#: Dan may everything at one host, as fay at its own and gus at every host, by a path.
POLICY = f"""\
p, role:admin, *, /*, *
p, role:user, {GRAFANA}, /*, *
p, role:user, {WIKI}, /*, *
p, role:wide, *, /*, *
g, user:carol, role:admin, {GRAFANA}
g, user:dan, role:user, {GRAFANA}
g, user:eve, role:user, {WIKI}
g, user:fay, role:admin, {OWN}
g, user:gus, role:wide, {GRAFANA}
"""
NAMES = ("carol", "dan", "eve", "fay", "gus")
ACCOUNTS = "\n".join(
    [f"alice:admin:{CHEAP_ALICE}", *(f"{name}:nothing:{CHEAP_BOB}" for name in NAMES)]
)


class Portal(Browser):
    """A browser at the portal, whatever it asks for."""

    def __call__(self, method: str = "GET", path: str = "/", **more: Any) -> Answer:
        """Send a request to the portal, through the proxy."""
        environ = AT_PORTAL | more.pop("environ", {})
        return super().__call__(method, path, environ=environ, **more)


@pytest.fixture(name="app")
def _app(serve: Callable[..., Flask]) -> Flask:
    return serve(POLICY, AUTHZ_ACCOUNTS=ACCOUNTS, AUTHZ_POLICY_WRITABLE=True)


def test_they_see_and_give_what_is_of_their_host(app: Flask):
    """Its people, rules and grants; roles within it, to others; on pages as well."""
    browser = browser_of(app, "carol", Portal)
    carols = Api(browser)
    grants = {(g["member"], g["scope"]) for g in carols.get("/grants")["items"]}
    assert grants >= {("user:carol", GRAFANA), ("user:dan", GRAFANA)}
    assert not {("user:eve", WIKI), ("user:fay", OWN)} & grants
    assert {r["scope"] for r in carols.get("/rules")["items"]} == {"*", GRAFANA}
    page = browser(path="/authz/admin/people")
    assert page.status == 200
    assert "role:user" in browser(path="/authz/admin/people/person?id=dan").text

    given = {"member": "user:eve", "role": "role:user"}
    made = carols("POST", "/grants", given | {"scope": GRAFANA}, match="*")
    assert made.status == 201
    for scope in (WIKI, OWN, "host:*", "*", "authz:whole"):
        refused = carols("POST", "/grants", given | {"scope": scope}, match="*")
        assert (refused.status, problem(refused)) == (403, "beyond-reach"), scope
    own = {"member": "user:carol", "role": "role:user", "scope": GRAFANA}
    assert problem(carols("POST", "/grants", own, match="*")) == "beyond-reach"
    path = made.headers["Location"].removeprefix("/authz/api/v1")
    assert carols("DELETE", path, match=etag(carols("GET", path))).status == 204


def test_every_other_page_is_closed_to_them(app: Flask):
    """Whatever its method; and what the portal is for goes on being open."""
    carol, asked = browser_of(app, "carol", Portal), 0
    for method, path in whole_routes(app, "authz_admin.", "authz_api."):
        status = carol(method, path).status
        assert status in {403, 404, 405}, (method, path, status)
        asked += status == 403
    assert asked > 30
    assert carol(path="/authz/start").status == 200
    assert carol(path="/authz/account").status == 200


@pytest.mark.parametrize("name", ["dan", "fay", "gus"])
def test_a_path_at_a_host_makes_no_administrator(app: Flask, name: str):
    """Nor does the role at the portal's own host alone: it is part of the whole."""
    browser = browser_of(app, name, Portal)
    api = Api(browser)

    for path in ("/", "/people", "/rules", "/audit", "/changes"):
        assert browser(path=f"/authz/admin{path}").status == 403, path
    grant = {"member": "user:eve", "role": "role:user", "scope": GRAFANA}
    assert api("POST", "/grants", grant, match="*").status == 403
    assert api("GET", "/people").status == 403
    assert "/authz/admin/" not in browser(path="/authz/start").text
    assert browser(path="/authz/account").status == 200


@pytest.mark.parametrize("scope", [GRAFANA, "*"])
def test_a_change_at_a_host_is_not_judged_by_the_portals_routes(app: Flask, scope: str):
    """What the app there serves is not known, so every path counts.

    The portal's own routes are known, and a rule for none of them is told.
    """
    browser = browser_of(app, "alice", Portal)
    api = Api(browser)
    deny = {"subject": "user:dan", "path": "/albums/*", "methods": ["GET"]}
    rule = deny | {"effect": "deny", "scope": scope}
    draft = {"changes": [{"do": "add", "rule": rule}]}

    seen = api("POST", "/changes/preview", draft, match="*")
    made = api("POST", "/changes", draft | {"why": "not his"}, match=etag(seen))

    (lost,) = seen.json["effect"]["differences"]
    assert (lost["subject"], lost["path"]) == ("user:dan", "/albums/*")
    assert (lost["scope"], lost["after"]) == (GRAFANA, "deny")
    assert made.status == 200, made.text
    number = made.json["number"]
    back = browser(path=f"/authz/admin/changes/{number - 1}").text
    assert "becomes allowed" in back
    assert "The app has no page at" not in back

    nowhere = {"scope": OWN, "path": "/nowhere/*"}
    own = {"changes": [{"do": "add", "rule": rule | nowhere}]}
    made = api("POST", "/changes", own | {"why": "nowhere"}, match=etag(made))
    assert made.status == 200, made.text
    back = browser(path=f"/authz/admin/changes/{number}").text
    assert "The app has no page at" in back
    assert "becomes allowed" not in back
