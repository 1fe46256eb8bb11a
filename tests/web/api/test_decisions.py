"""Questions to the policy over HTTP."""

import pytest

from tests.web.api.client import Api, problem


def test_may_somebody(api: Api):
    """With the reason and the route."""
    answer = api.get("/decisions/check?subject=bob&method=GET&path=/map")
    assert answer["allowed"] is True
    assert answer["reason"] == "allowed-by-rule"
    assert answer["route"]["endpoint"] == "map"
    assert answer["subject"] == "user:bob"

    answer = api.get("/decisions/check?subject=anonymous&method=POST&path=/none")
    assert answer["allowed"] is False
    assert answer["route"] is None


def test_what_the_app_declared_public(api: Api):
    """Strangers get through without a rule, as the hook lets them."""
    answer = api.get(
        "/decisions/check?subject=anonymous&method=GET&path=/authz/static/authz.css"
    )
    assert (answer["allowed"], answer["effect"]) == (True, "deny")
    assert answer["reason"] == "declared-public"
    assert answer["route"]["declared_public"] is True


def test_who_may_what_the_app_declared_public(api: Api):
    """Everyone, without a rule; and it is among what strangers may use."""
    path = "/authz/static/authz.css"
    found = api.get(f"/decisions/who-can?method=GET&path={path}")["items"]
    assert "auth:anonymous" in [h["name"] for h in found]
    found = api.get("/decisions/what-can?subject=anonymous&limit=500")["items"]
    allowed = {a["endpoint"] for a in found if a["allowed"]}
    assert {"health", "authz.static"} <= allowed
    assert "map" not in allowed


def test_why(api: Api):
    """The rules, the chain, and what comes nearest."""
    answer = api.get("/decisions/explain?subject=bob&method=GET&path=/map")
    assert answer["because"][0]["names"] == ["user:bob", "role:user"]
    assert answer["because"][0]["grants"] == ["AUTHZ_USER"]
    assert "auth:local" in answer["names"]

    answer = api.get(
        "/decisions/explain?subject=user:x&group=a&group=group:b&method=PUT&path=/map"
    )
    assert {"group:a", "group:b"} <= set(answer["names"])
    assert [r["rule"] for r in answer["nearest"]] == [
        "allow role:admin * /*",
        "allow role:user GET /map",
    ]


def test_who_and_what(api: Api):
    """Names that may, and routes that somebody may use."""
    found = api.get("/decisions/who-can?method=GET&path=/map")["items"]
    assert [h["name"] for h in found] == ["role:admin", "role:user"]
    assert not [h for h in found if h["person"]]

    found = api.get("/decisions/what-can?subject=bob&limit=500")["items"]
    allowed = {a["endpoint"] for a in found if a["allowed"]}
    assert {"map", "index", "similar"} <= allowed
    assert "admin" not in allowed
    assert not {e for e in allowed if e.startswith("authz_api")}


def test_people_who_may(api: Api):
    """Each whom the store knows, and why, page by page."""
    asked = "/decisions/who-can?people=true&method=GET"
    found = api.get(f"{asked}&path=/map")
    assert [(h["name"], h["person"]) for h in found["items"]] == [
        ("role:admin", False),
        ("role:user", False),
        ("user:alice", True),
        ("user:bob", True),
    ]
    assert found["items"][3]["because"][0]["names"] == ["user:bob", "role:user"]
    page = api.get(f"{asked}&path=/map&limit=1&offset=3")
    assert page["items"] == found["items"][3:]
    assert (page["total"], page["next_offset"]) == (4, None)

    names = [h["name"] for h in api.get(f"{asked}&path=/admin")["items"]]
    assert names == ["role:admin", "user:alice"]


def test_routes(api: Api):
    """Every route with who may use it; only those nobody may, if asked."""
    found = api.get("/routes?limit=500")["items"]
    assert {"map", "authz_api.list_rules", "authz.static"} <= {
        r["endpoint"] for r in found
    }
    assert all(r["covered"] for r in found)
    assert api.get("/routes?uncovered=true")["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?subject=bob&method=GET",
        "?subject=bob&method=get&path=/",
        "?subject=bob&method=GET&path=map",
        "?subject=&method=GET&path=/",
        "?subject=bob&method=GET&path=/&path=/x",
        "?subject=bob&method=GET&path=/&unknown=1",
        "?subject=bob&method=GET&path=/&group=",
        "?subject=bob&subject=alice&method=GET&path=/",
        "?subject=" + "x" * 300 + "&method=GET&path=/",
    ],
)
def test_a_question_that_is_none(api: Api, query: str):
    """What is missing, unknown, repeated or of another form is said."""
    answer = api("GET", f"/decisions/check{query}")
    assert (answer.status, problem(answer)) == (422, "does-not-fit")


def test_somebody_who_cannot_be(api: Api):
    """What fits the form and is no name all the same."""
    for subject in ("role:", "x:y", "user:a%0Ab", "user:%E2%80%AEa"):
        answer = api("GET", f"/decisions/check?subject={subject}&method=GET&path=/")
        assert (answer.status, problem(answer)) == (404, "not-found")


@pytest.mark.parametrize("limit", ["0", "-1", "501", "1.0", "x", "%D9%A1", "1e2", ""])
def test_limits(api: Api, limit: str):
    """A page has a size between one and the most."""
    assert api("GET", f"/rules?limit={limit}").status == 422
