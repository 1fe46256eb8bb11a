"""Lines of a policy with scopes over HTTP: no scope is guessed, lost or widened."""

from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
from flask import Flask

from authz.extension import get_authz
from authz.scope import MAX_SCOPE
from tests.web.api.client import Api, etag, problem
from tests.web.apps import SCOPED, Client, RecordingSink, browser_of

POLICY = """\
p, role:admin, *, /*, *
p, role:listener, library:*, /api/similar/:id, GET
p, role:listener, *, /map, GET
g, user:carol, role:listener, library:kids
"""
RULE = {"subject": "role:listener", "path": "/talk", "methods": ["GET"]}
GRANT = {"member": "user:bob", "role": "role:listener"}
HOSTILE = (
    "",
    "kids",
    "library:",
    ":kids",
    "Library:kids",
    "library:kids*",
    "library:*kids",
    "**",
    "*:kids",
    "library:kids ",
    " library:kids",
    "library:a\nb",
    "library:a\x00",
    "library:..",
    "library:a/../b",
    "library:a//b",
    "library:%2e%2e",
    "library:%2F",
    "library:a\\b",
    "library:\u2028",
    "library:\ufffd",
    "library:" + "x" * MAX_SCOPE,
)
pytestmark = pytest.mark.app(POLICY, AUTHZ_API_TOKEN="x" * 48, **SCOPED)


def changed_bodies(line: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the changes that would bring *line* into the policy."""
    kind = "grant" if "role" in line else "rule"
    there = "L4" if kind == "grant" else "L2"
    return [{"do": "add", kind: line}, {"do": "replace", "id": there, kind: line}]


def test_a_grant_for_one_library_from_birth_to_death(
    api: Api, policy_text: Callable[[], bytes]
):
    """Looked at before it is in force, given, moved to another library, taken away."""
    body = {"changes": [{"do": "add", "grant": GRANT | {"scope": "library:kids"}}]}
    seen = api("POST", "/changes/preview", body, match="*").json
    assert seen["added"] == ["g, user:bob, role:listener, library:kids"]
    assert {(d["subject"], d["scope"]) for d in seen["effect"]["differences"]} == {
        ("user:bob", "library:kids")
    }

    made = api("POST", "/grants", GRANT | {"scope": "library:kids"}, match="*")
    path = made.headers["Location"].removeprefix("/authz/api/v1")
    assert (made.status, made.json["scope"]) == (201, "library:kids")
    again = api("POST", "/grants", GRANT | {"scope": "library:kids"}, match="*")
    assert (again.status, etag(again)) == (200, etag(made))
    stale = api("PUT", path, GRANT | {"scope": "library:old"}, match="x")
    assert (stale.status, problem(stale)) == (412, "stale")
    moved = api("PUT", path, GRANT | {"scope": "library:old"}, match=etag(made))
    assert moved.json["scope"] == "library:old"
    assert b"g, user:bob, role:listener, library:old\n" in policy_text()
    gone = api("DELETE", f"/grants/{moved.json['id']}", match=etag(moved))
    assert gone.status == 204
    assert policy_text() == POLICY.encode()


def test_a_rule_for_one_library_is_undone_as_any_other(
    api: Api, policy_text: Callable[[], bytes]
):
    """The history tells its scope, and going back takes it away."""
    line = RULE | {"scope": "library:*", "effect": "deny"}
    made = api("POST", "/rules", line | {"why": "not there"}, match="*")
    assert made.status == 201, made.text
    assert b"p, role:listener, library:*, /talk, GET, deny\n" in policy_text()

    newest, before, *_ = api.get("/revisions")["items"]
    assert newest["added"] == ["p, role:listener, library:*, /talk, GET, deny"]
    path = f"/revisions/{before['number']}/rollback"
    assert api("POST", path, {"why": "no"}, match=api.etag).status == 200
    assert policy_text() == POLICY.encode()


@pytest.mark.parametrize("line", [RULE, GRANT], ids=["rule", "grant"])
def test_a_scope_that_is_none_is_refused(
    api: Api,
    policy_text: Callable[[], bytes],
    sink: RecordingSink,
    line: dict[str, Any],
):
    """In a preview and in a change, in words and on record; nothing is changed."""
    given = [line, *(line | {"scope": scope} for scope in HOSTILE)]
    for change in chain.from_iterable(map(changed_bodies, given)):
        body = {"changes": [change]}
        seen = api("POST", "/changes/preview", body, match="*")
        sink.events.clear()
        made = api("POST", "/changes", body | {"why": "x"}, match=api.etag)

        assert (seen.status, made.status) == (422, 422), change
        assert problem(made) == "invalid-policy"
        assert any("scope" in e["detail"] for e in made.json["errors"])
        assert "api:refused" in sink.tags
    assert policy_text() == POLICY.encode()


@pytest.mark.parametrize(
    "scopes",
    ['"scope": "library:kids", "scope": "*"', '"scope": ["library:kids", "*"]'],
)
def test_two_scopes_at_once_are_refused(
    api: Api, policy_text: Callable[[], bytes], scopes: str
):
    """Neither the first nor the last of them is believed."""
    text = f'{{"member": "user:bob", "role": "role:listener", {scopes}}}'
    answer = api("POST", "/grants", raw=text.encode(), match="*")

    assert answer.status in {400, 422}
    assert policy_text() == POLICY.encode()


def test_a_policy_without_scopes_takes_none(make_app: Callable[..., Flask]):
    """It would hold everywhere, whatever the line says; so it is refused."""
    api = Api(browser_of(make_app(AUTHZ_POLICY_WRITABLE=True), "alice"))
    for line in (RULE, GRANT):
        for change in changed_bodies(line | {"scope": "library:kids"}):
            body = {"changes": [change], "why": "x"}
            answer = api("POST", "/changes", body, match=api.etag)

            assert answer.status == 422
            assert "this policy has none" in answer.text
    empty = api("POST", "/grants", GRANT | {"scope": ""}, match="*")
    assert (empty.status, empty.json["scope"]) == (201, "")


def test_an_administrator_of_one_library_is_not_left_alone(
    api: Api, policy_text: Callable[[], bytes]
):
    """To narrow the last rule or grant that administers the whole is refused."""
    line = {"subject": "role:admin", "path": "/*", "methods": ["*"]}
    change = {"do": "replace", "id": "L1", "rule": line | {"scope": "library:kids"}}
    body = {"changes": [change], "why": "x"}
    answer = api("POST", "/changes", body, match=api.etag)

    assert (answer.status, problem(answer)) == (409, "locked-out")
    assert "user:alice" in answer.text
    assert policy_text() == POLICY.encode()


def test_a_name_that_nobody_has_is_remarked_on(api: Api):
    """As in a policy without scopes."""
    line = {"member": "user:bop", "role": "role:listener", "scope": "library:kids"}
    body = {"changes": [{"do": "add", "grant": line}]}
    seen = api("POST", "/changes/preview", body, match="*").json

    assert "did you mean `bob`?" in seen["remarks"][0]


@pytest.mark.parametrize("form", ["csv", "json", "casbin_rule"])
def test_export_and_import(api: Api, form: str, policy_text: Callable[[], bytes]):
    """What was exported comes back with its scopes; a line without one is refused."""
    exported = api("GET", f"/export?format={form}")
    api("POST", "/grants", GRANT | {"scope": "library:kids"}, match="*")
    body = {"format": form, "content": exported.text, "mode": "replace"}
    seen = api("POST", "/import/preview", body).json
    body["why"] = "x"
    assert seen["removed"] == ["g, user:bob, role:listener, library:kids"]
    assert {d["scope"] for d in seen["effect"]["differences"]} == {"library:kids"}
    assert api("POST", "/import", body, match=api.etag).status == 200
    assert policy_text() == POLICY.encode()

    narrow = exported.text.replace("library:kids", "")
    answer = api("POST", "/import", body | {"content": narrow}, match=api.etag)
    assert answer.status == 422
    assert policy_text() == POLICY.encode()


def test_who_was_given_a_library_has_it_at_once(api: Api, app: Flask, bob: Client):
    """And nothing elsewhere."""
    assert bob(path="/map").status == 403
    api("POST", "/grants", GRANT | {"scope": "library:kids"}, match="*")
    runtime = get_authz(app).runtime

    assert bob(path="/map").status == 200
    subject = next(g for g in runtime.policy.written.grants if g.member == "user:bob")
    assert subject.scope == "library:kids"


def test_a_token_is_limited_to_scopes(api: Api, app: Flask):
    """It is told where tokens are listed, and opens nothing elsewhere."""
    wanted = {"name": "kids", "role": "role:admin", "scopes": ["library:kids"]}
    made = api("POST", "/tokens", wanted).json
    program = Api(Client(app), {"AUTHORIZATION": f"Bearer {made['token']}"})
    listed = {each["name"]: each for each in api.get("/tokens")["items"]}

    assert made["scopes"] == listed["token:kids"]["scopes"] == ["library:kids"]
    assert program("GET", "/rules").status == 200  # about none in particular
    for bad in HOSTILE:
        answer = api("POST", "/tokens", wanted | {"name": "x", "scopes": [bad]})
        assert answer.status in {400, 409, 422}, bad


def test_questions_about_a_scope(api: Api):
    """Each question takes one, and says what was asked about."""
    ask = "/decisions/check?subject=carol&method=GET&path=/map"
    kids = api.get(f"{ask}&scope=library:kids")
    assert (kids["allowed"], kids["scopes"]) == (True, ["library:kids"])
    assert api.get(f"{ask}&scope=library:jazz")["allowed"] is False
    both = api.get(f"{ask}&scope=library:kids&scope=library:jazz")
    assert (both["allowed"], both["scopes"]) == (
        False,
        ["library:kids", "library:jazz"],
    )
    assert (api.get(ask)["allowed"], api.get(ask)["scopes"]) == (True, [])
    because = api.get(f"{ask.replace('check', 'explain')}&scope=library:kids")
    assert because["because"][0]["names"] == ["user:carol", "role:listener"]

    who = "/decisions/who-can?method=GET&path=/api/similar/1"
    for scope, may in (("", True), ("&scope=library:a", True), ("&scope=x:a", False)):
        names = {holder["name"] for holder in api.get(who + scope)["items"]}
        assert ("role:listener" in names) is may
    what = "/decisions/what-can?subject=carol&limit=200"
    allowed = {
        s: {a["route"] for a in api.get(what + s)["items"] if a["allowed"]}
        for s in ("", "&scope=library:kids", "&scope=library:jazz")
    }
    assert ["/map" in allowed[s] for s in allowed] == [True, True, False]


@pytest.mark.parametrize(
    "ask",
    [
        "check?subject=bob&method=GET&path=/map",
        "explain?subject=bob&method=GET&path=/map",
        "who-can?method=GET&path=/map",
        "what-can?subject=bob",
    ],
)
def test_a_question_about_what_is_no_scope(
    api: Api, make_app: Callable[..., Flask], ask: str
):
    """Is refused in words, and so is one where there are no scopes."""
    for scope in ("", "kids", "library:*", "*", "library:..", "library:%252e%252e"):
        answer = api("GET", f"/decisions/{ask}&scope={scope}")
        assert (answer.status, "scope" in answer.text) == (422, True), scope
    client = browser_of(make_app(), "alice")
    answer = Api(client)("GET", f"/decisions/{ask}&scope=library:kids")
    assert answer.status == 422
    assert "the policy has no scopes" in answer.text
