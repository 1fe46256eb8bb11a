"""People over HTTP."""

import pytest
from flask import Flask

from authz.extension import get_authz
from tests.web.api.client import Api, etag, problem
from tests.web.api.hostile import people_cases
from tests.web.apps import KEPT, Client

WORDS = "paper boat harbour lamp"
DAVE = {"id": "dave", "display_name": "Dave", "password": WORDS}
PATH = "/people/local/dave"
pytestmark = pytest.mark.app(**KEPT)


def test_an_account_from_birth_to_death(api: Api, app: Flask):
    """Added, signed in, given a role, disabled, enabled, removed."""
    made = api("POST", "/people", DAVE)
    assert made.status == 201
    assert made.headers["Location"] == f"/authz/api/v1{PATH}"
    assert "password" not in made.json
    assert WORDS not in made.text
    dave = Client(app)
    assert dave.sign_in("dave", WORDS).status == 303
    assert dave(path="/map").status == 403

    grant = {"member": "user:dave", "role": "role:user"}
    assert api("POST", "/grants", grant, match="*").status == 201
    seen = api("GET", PATH)
    assert seen.json["roles"] == [
        {
            "role": "role:user",
            "scopes": [],
            "via": ["user:dave", "role:user"],
            "origins": [seen.json["roles"][0]["origins"][0]],
        }
    ]
    # Roles have changed, so the session has ended.
    assert dave.sign_in("dave", WORDS).status == 303
    assert dave(path="/map").status == 200

    body = {"display_name": "David", "disabled": True}
    off = api("PUT", PATH, body, match=etag(seen))
    assert off.json["signs_in_here"] is False
    assert dave(path="/map", ACCEPT="application/json").status == 401
    on = api("PUT", PATH, {**body, "disabled": False}, match=etag(off))
    assert on.status == 200
    assert dave.sign_in("dave", WORDS).status == 303
    assert dave(path="/map").status == 200

    assert api("DELETE", PATH, match=etag(on)).status == 204
    assert dave(path="/map", ACCEPT="application/json").status == 401
    assert api("GET", PATH).status == 404
    again = api("POST", "/people", DAVE)
    assert (again.status, problem(again)) == (409, "already-there")


def test_lists(api: Api):
    """Accounts of settings are there and fixed; lists can be narrowed."""
    api("POST", "/people", DAVE)

    found = api.get("/people")["items"]
    assert [(p["id"], p["fixed"]) for p in found] == [
        ("alice", True),
        ("bob", True),
        ("dave", False),
    ]
    assert [p["id"] for p in api.get("/people?search=dav")["items"]] == ["dave"]
    assert [p["id"] for p in api.get("/people?role=role:admin")["items"]] == ["alice"]
    assert api.get("/people?source=sso")["items"] == []


def test_passwords(api: Api, app: Flask):
    """Set by whoever has seen the account; sessions of before have ended."""
    made = api("POST", "/people", DAVE)
    dave = Client(app)
    dave.sign_in("dave", WORDS)
    other = "four other quiet words"

    changed = api("PUT", f"{PATH}/password", {"password": other}, match=etag(made))
    assert changed.status == 200
    assert dave(path="/", ACCEPT="application/json").status == 401
    assert dave.sign_in("dave", WORDS).status == 401
    assert dave.sign_in("dave", other).status == 303
    gone = api("DELETE", f"{PATH}/password", match=etag(changed))
    assert gone.json["signs_in_here"] is False
    assert dave.sign_in("dave", other).status == 401


def test_signing_out(api: Api, app: Flask, bob: Client):
    """Every session ends, those of fixed accounts too; the account stays."""
    api("POST", "/people", DAVE)
    dave = Client(app)
    dave.sign_in("dave", WORDS)

    assert api("DELETE", "/sessions/local/dave").status == 200
    assert dave(path="/", ACCEPT="application/json").status == 401
    assert dave.sign_in("dave", WORDS).status == 303
    assert bob(path="/").status == 200
    assert api("DELETE", "/sessions/local/bob").status == 200
    assert bob(path="/", ACCEPT="application/json").status == 401
    assert api("DELETE", "/sessions/local/nobody").status == 404


def test_a_stale_etag(api: Api):
    """Somebody else was faster."""
    made = api("POST", "/people", DAVE)
    body = {"display_name": "Other", "disabled": False}
    assert api("PUT", PATH, body, match=etag(made)).status == 200

    for method, path, sent in (
        ("PUT", PATH, {**body, "disabled": True}),
        ("DELETE", PATH, None),
        ("PUT", f"{PATH}/password", {"password": WORDS}),
        ("DELETE", f"{PATH}/password", None),
    ):
        answer = api(method, path, sent, match=etag(made))
        assert (answer.status, problem(answer)) == (412, "stale")
        assert api(method, path, sent, match="*").status == 400
        assert api(method, path, sent).status == 428


def test_nobody_is_lost(api: Api, app: Flask):
    """Not oneself, not who settings name, not without a store."""
    alice = api("GET", "/people/local/alice")
    body = {"display_name": "alice", "disabled": True}
    for method, sent in (("PUT", body), ("DELETE", None)):
        answer = api(method, "/people/local/alice", sent, match=etag(alice))
        assert (answer.status, problem(answer)) == (409, "locked-out")
    bob = api("GET", "/people/local/bob")
    for method, sent in (("PUT", body), ("DELETE", None)):
        answer = api(method, "/people/local/bob", sent, match=etag(bob))
        assert (answer.status, problem(answer)) == (409, "read-only")


def test_hostile_requests(api: Api, app: Flask):
    """Each is refused, and nobody is added, changed or removed."""
    made = api("POST", "/people", {**DAVE, "id": "erin"})
    runtime = get_authz(app).runtime
    before = runtime.people.everyone()
    wrong = []
    for method, path, body in people_cases():
        answer = api(method, path, body, match=etag(made))
        if not 400 <= answer.status < 500 or runtime.people.everyone() != before:
            wrong.append((method, path, body, answer.status, answer.text))
        assert WORDS not in answer.text

    assert len(people_cases()) >= 70
    assert wrong == []
