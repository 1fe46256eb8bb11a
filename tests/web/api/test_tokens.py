"""API tokens over HTTP."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.web.api.client import Api, problem
from tests.web.apps import Client, RecordingSink, browser_of

BACKUP = {"name": "backup", "role": "role:admin"}
# The setting also makes a store for more, in this process.
pytestmark = pytest.mark.app(AUTHZ_API_TOKEN="x" * 48)


def test_a_token_from_birth_to_death(api: Api, app: Flask, sink: RecordingSink):
    """Shown once, used at once, revoked at once; in no list and no record."""
    made = api("POST", "/tokens", {**BACKUP, "days": 7}).json
    secret = made["token"]
    program = Api(Client(app), {"AUTHORIZATION": f"Bearer {secret}"})
    assert program("GET", "/rules").status == 200
    listed = api("GET", "/tokens")
    assert "token:backup" in listed.text
    assert secret not in listed.text
    assert problem(api("POST", "/tokens", BACKUP)) == "already-there"

    own = program("DELETE", f"/tokens/{made['id']}")
    assert (own.status, problem(own)) == (409, "locked-out")
    assert api("DELETE", f"/tokens/{made['id']}").status == 200
    assert api("DELETE", f"/tokens/{made['id']}").status == 200
    assert api("DELETE", "/tokens/nothing").status == 404
    assert program("GET", "/rules").status == 401
    assert "token:backup" not in api("GET", "/tokens").text
    assert "token:backup" in api("GET", "/tokens?revoked=true").text
    assert sink.tags.count("token:added") == 1
    assert sink.tags.count("token:revoked") == 1
    assert secret not in "".join(event.as_json() for event in sink.events)


def test_the_token_of_a_setting_is_fixed(api: Api):
    """It is changed where it is set."""
    (fixed,) = api.get("/tokens")["items"]
    answer = api("DELETE", f"/tokens/{fixed['id']}")
    assert (answer.status, problem(answer)) == (409, "read-only")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {**BACKUP, "name": ""},
        {**BACKUP, "name": "env"},
        {**BACKUP, "name": "a\nb"},
        {**BACKUP, "name": "*"},
        {**BACKUP, "role": "admin"},
        {**BACKUP, "role": "role:everyone"},
        {**BACKUP, "role": "user:alice"},
        {**BACKUP, "days": 0},
        {**BACKUP, "days": 1e9},
        {**BACKUP, "days": "7"},
        {**BACKUP, "token": "authz_mine"},
        {**BACKUP, "digest": "00"},
        {**BACKUP, "fixed": True},
    ],
)
def test_what_cannot_be(api: Api, body: dict[str, object]):
    """It is refused, and there is no token more."""
    before = api.get("/tokens")

    assert api("POST", "/tokens", body).status == 422

    assert api.get("/tokens") == before


def test_nobody_makes_a_token_that_may_more(make_app: Callable[..., Flask]):
    """Who may make tokens but not change the policy gives roles of their own only."""
    app = make_app(
        "p, role:admin, /*, *\np, role:user, /authz/api/v1/tokens, GET|POST\n",
        AUTHZ_API_TOKEN="x" * 48,
    )
    client = browser_of(app, "bob")
    bob = Api(client)

    assert bob("POST", "/tokens", BACKUP).status == 422
    assert bob("POST", "/tokens", {"name": "own", "role": "role:user"}).status == 201


def test_who_is_forbidden_something_gets_round_it_by_no_token(
    make_app: Callable[..., Flask],
):
    """A rule that forbids bob something by name would not forbid it to the token."""
    app = make_app(
        "p, role:admin, /*, *\np, role:user, /authz/api/v1/tokens, GET|POST\n"
        "p, role:user, /map, GET\np, user:bob, /map, GET, deny\n",
        AUTHZ_API_TOKEN="x" * 48,
    )
    client = browser_of(app, "bob")

    answer = Api(client)("POST", "/tokens", {"name": "own", "role": "role:user"})
    assert answer.status == 422


def test_nobody_makes_a_token_in_the_name_of_somebody_else(
    api: Api,
):
    """`token:bob/phone` is bob's, or nobody's."""
    assert api("POST", "/tokens", {**BACKUP, "name": "bob/phone"}).status == 422
    assert api("POST", "/tokens", {**BACKUP, "name": "team/phone"}).status == 201


def test_without_a_store(make_app: Callable[..., Flask]):
    """There are no tokens, and none can be made."""
    client = browser_of(make_app(), "alice")

    assert Api(client).get("/tokens")["items"] == []
    answer = Api(client)("POST", "/tokens", BACKUP)
    assert (answer.status, problem(answer)) == (409, "read-only")
