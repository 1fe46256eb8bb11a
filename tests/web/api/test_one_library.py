"""An administrator of one library, over HTTP: theirs, and nothing else."""

import pytest
from flask import Flask

from authz.extension import get_authz
from tests.web.api.client import Api, etag, problem
from tests.web.apps import BOB, SCOPED, Client, RecordingSink, browser_of
from tests.web.whole_routes import whole_routes

POLICY = """\
p, role:admin, *, /*, *
p, role:listener, library:*, /api/similar/:id, GET
p, role:listener, library:old, /map, GET
p, role:authenticated, *, /authz/account, GET
g, user:dan, role:admin, library:kids
g, user:dan, role:listener, server:home
g, user:eve, role:listener, library:old
g, user:fay, role:listener, library:kids
"""
ACCOUNTS = "\n".join(f"{name}:nothing:{BOB}" for name in ("dan", "eve", "fay"))
pytestmark = pytest.mark.app(
    POLICY, AUTHZ_ACCOUNTS=ACCOUNTS, AUTHZ_API_TOKEN="x" * 48, **SCOPED
)


@pytest.fixture(name="dans")
def _dans(app: Flask) -> Api:
    client = browser_of(app, "dan")
    return Api(client)


def test_they_see_lines_and_people_of_their_library(dans: Api):
    """Lines that hold in it, also wider ones, and whoever has a role there."""
    rules = [(r["path"], r["scope"]) for r in dans.get("/rules")["items"]]
    grants = {(g["member"], g["scope"]) for g in dans.get("/grants")["items"]}
    people = {p["id"]: p["roles"] for p in dans.get("/people")["items"]}

    assert ("/map", "library:old") not in rules
    assert ("/api/similar/:id", "library:*") in rules
    assert {("user:dan", "library:kids"), ("user:fay", "library:kids")} <= grants
    assert not {("user:eve", "library:old"), ("user:dan", "server:home")} & grants
    assert {"dan", "fay"} <= people.keys()
    # A role elsewhere is not told, one that settings give everywhere is.
    assert {held["role"] for held in people["eve"]} == {"role:nothing"}


def test_they_give_roles_within_it_and_nowhere_else(dans: Api, sink: RecordingSink):
    """One function decides for one grant, for many changes and for a look ahead."""
    given = {"member": "user:eve", "role": "role:listener"}
    made = dans("POST", "/grants", given | {"scope": "library:kids"}, match="*")
    assert made.status == 201

    for scope in ("library:old", "library:*", "*", "server:home", "authz:whole"):
        refused = dans("POST", "/grants", given | {"scope": scope}, match="*")
        assert (refused.status, problem(refused)) == (403, "beyond-reach"), scope
        body = {"changes": [{"do": "add", "grant": given | {"scope": scope}}]}
        seen = etag(dans("GET", "/grants"))
        made_of = body | {"why": "because"}
        refused = dans("POST", "/changes", made_of, match=seen)
        assert (refused.status, problem(refused)) == (403, "beyond-reach"), scope
        assert sink.events[-2].tag == "policy:change-refused"
        assert sink.events[-2].reason == "beyond-reach"
        shown = dans("POST", "/changes/preview", body, match=seen).json
        assert shown["problems"]
    own = {"member": "user:dan", "role": "role:listener", "scope": "library:kids"}
    assert problem(dans("POST", "/grants", own, match="*")) == "beyond-reach"
    id_ = made.json["id"]
    seen = etag(dans("GET", f"/grants/{id_}"))
    assert dans("DELETE", f"/grants/{id_}", match=seen).status == 204


@pytest.mark.app(
    POLICY, AUTHZ_ACCOUNTS=ACCOUNTS, **(SCOPED | {"AUTHZ_POLICY_WRITABLE": False})
)
def test_a_patch_shows_them_no_line_of_others(dans: Api):
    """Where Git keeps the file it has the lines around the change; they get none."""
    given = {"member": "user:fay", "role": "role:user", "scope": "library:kids"}
    refused = dans("POST", "/grants", given, match="*")

    assert (refused.status, problem(refused)) == (409, "read-only")
    assert "library:old" not in refused.text


def test_they_see_what_happened_in_it(app: Flask, api: Api, dans: Api):
    """And not what happened elsewhere."""
    for member, scope in (("user:fay", "library:old"), ("user:eve", "library:kids")):
        body = {"member": member, "role": "role:listener", "scope": scope}
        assert api("POST", "/grants", body, match="*").status == 201
    if get_authz(app).runtime.audit_log is None:
        assert dans("GET", "/audit").status == 404
        return
    told = dans("GET", "/audit?event=policy").text
    assert "library:kids" in told
    assert "library:old" not in told


def test_everything_else_of_the_administration_is_closed(app: Flask, dans: Api):
    """Each route of ours that does not answer for scopes: 403, whatever its method."""
    asked = 0
    for method, path in whole_routes(app, "authz_"):
        origin = {"HTTP_ORIGIN": "http://app.test"}
        answer = dans.client(method, path, environ=origin)
        assert answer.status in {403, 404, 405}, (method, path, answer.status)
        asked += 1
    assert asked > 50
    assert dans.client("GET", "/authz/account").status == 200


def test_a_token_for_one_library_is_no_way_round(api: Api, app: Flask):
    """It may what an administrator of the library may, and make no other token."""
    wanted = {"name": "kids", "role": "role:admin", "scopes": ["library:kids"]}
    made = api("POST", "/tokens", wanted).json
    program = Api(Client(app), {"AUTHORIZATION": f"Bearer {made['token']}"})

    wide = {"member": "user:eve", "role": "role:admin", "scope": "*"}
    assert problem(program("POST", "/grants", wide, match="*")) == "beyond-reach"
    assert program("POST", "/tokens", {"name": "x", "role": "role:admin"}).status == 403
    assert program("GET", "/policy").status == 403
