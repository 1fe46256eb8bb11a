"""Rules and grants over HTTP."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.web.api.client import Api, etag, problem
from tests.web.apps import Client, RecordingSink, browser_of

RULE = {"subject": "role:user", "path": "/talk", "methods": ["POST", "GET"]}
GRANT = {"member": "user:carol", "role": "role:user"}


def test_listing(api: Api):
    """Pages, with the etag of the state, narrowed by what is asked for."""
    first = api("GET", "/rules?limit=3")
    page = first.json

    assert [r["path"] for r in page["items"]] == ["/health", "/static/*", "/"]
    assert (page["total"], page["next_offset"]) == (8, 3)
    assert etag(first) == api.etag
    assert [r["id"] for r in api.get("/rules?path=/map")["items"]] == ["L5", "L9"]
    assert api.get("/rules?offset=8")["items"] == []
    assert api.get("/grants")["items"][0] == {
        "id": "",
        "member": "user:alice",
        "role": "role:admin",
        "scope": "",
        "fixed": True,
        "note": "",
        "author": "",
        "created": None,
        "disabled": False,
        "origin": "AUTHZ_ADMIN",
    }


def test_a_rule_from_birth_to_death(
    api: Api, bobs: Api, policy_text: Callable[[], Any]
):
    """Added, found, changed, disabled, enabled, removed; each at once in force."""
    before = policy_text()
    assert bobs.client(path="/admin").status == 403
    made = api("POST", "/rules", {**RULE, "path": "/admin", "note": "x"}, match="*")
    assert made.status == 201
    rule = made.json
    assert (rule["methods"], rule["note"]) == (["GET", "POST"], "x")
    assert bobs.client(path="/admin").status == 200

    path = made.headers["Location"].removeprefix("/authz/api/v1")
    seen = api("GET", path)
    assert seen.json == rule
    body = {**RULE, "path": "/admin", "methods": ["POST"], "why": "less"}
    changed = api("PUT", path, body, match=etag(seen))
    assert changed.status == 200
    assert changed.json["note"] == ""
    assert bobs.client(path="/admin").status == 403

    path = f"/rules/{changed.json['id']}"
    body = {**RULE, "path": "/admin", "methods": ["*"], "disabled": True}
    disabled = api("PUT", path, body, match=etag(changed))
    assert disabled.json["disabled"]
    assert bobs.client(path="/admin").status == 403
    enabled = api("PUT", path, {**body, "disabled": False}, match=etag(disabled))
    assert bobs.client(path="/admin").status == 200

    gone = api("DELETE", f"{path}?why=enough", match=etag(enabled))
    assert gone.status == 204
    assert gone.text == ""
    assert etag(gone) == api.etag
    assert bobs.client(path="/admin").status == 403
    assert policy_text() == before


def test_a_rule_is_added_once(api: Api):
    """Sending it again after a lost answer finds it there."""
    first = api("POST", "/rules", RULE, match="*")
    again = api("POST", "/rules", {**RULE, "methods": ["GET", "POST"]}, match="*")

    assert (first.status, again.status) == (201, 200)
    assert first.json == again.json
    off = api("POST", "/rules", {**RULE, "disabled": True}, match="*")
    assert (off.status, problem(off)) == (409, "already-there")


def test_a_grant(api: Api, app: Flask):
    """Given and taken away again."""
    made = api("POST", "/grants", {**GRANT, "note": "new"}, match=api.etag)
    assert made.status == 201
    path = made.headers["Location"].removeprefix("/authz/api/v1")
    assert api("GET", path).json["note"] == "new"
    changed = api("PUT", path, {**GRANT, "member": "group:x"}, match=etag(made))
    assert changed.json["member"] == "group:x"
    assert [g["member"] for g in api.get("/grants?role=role:user")["items"]] == [
        "user:bob",
        "group:x",
    ]

    path = f"/grants/{changed.json['id']}"
    assert api("DELETE", path, match=etag(changed)).status == 204
    assert api("GET", path).status == 404


def test_roles(api: Api):
    """Each with its members and its rules."""
    assert [r["name"] for r in api.get("/roles")["items"]] == [
        "role:admin",
        "role:everyone",
        "role:user",
    ]
    role = api.get("/roles/role:admin")
    assert [g["member"] for g in role["members"]] == ["user:alice"]
    assert [r["path"] for r in role["rules"]] == ["/*"]
    assert api("GET", "/roles/role:none").status == 404


class TestIfMatch:
    def test_it_must_be_there(self, api: Api):
        """Nobody changes what they have not looked at."""
        for method, path, body in (
            ("POST", "/rules", RULE),
            ("PUT", "/rules/L5", RULE),
            ("DELETE", "/rules/L5", None),
            ("POST", "/changes", {"changes": [], "why": ""}),
        ):
            for given in (None, ""):
                answer = api(method, path, body, match=given)
                assert (answer.status, problem(answer)) == (428, "if-match-required")

    def test_a_star_is_for_what_only_adds(self, api: Api):
        """It would replace what nobody has seen."""
        for method, path, body in (
            ("PUT", "/rules/L5", RULE),
            ("DELETE", "/rules/L5", None),
            ("POST", "/changes", {"changes": [], "why": ""}),
        ):
            answer = api(method, path, body, match="*")
            assert (answer.status, problem(answer)) == (400, "if-match-star")

    def test_a_stale_one_is_refused(self, api: Api, policy_text: Callable[[], Any]):
        """Somebody else was faster; nothing is overwritten."""
        seen = api.etag
        assert api("POST", "/rules", RULE, match="*").status == 201
        before = policy_text()

        for method, path, body in (
            ("POST", "/rules", {**RULE, "path": "/new"}),
            ("PUT", "/rules/L5", {**RULE, "path": "/new"}),
            ("DELETE", "/rules/L5", None),
            (
                "POST",
                "/changes",
                {"changes": [{"do": "remove", "id": "L5"}], "why": ""},
            ),
        ):
            answer = api(method, path, body, match=seen)
            assert (answer.status, problem(answer)) == (412, "stale")
        assert policy_text() == before

    @pytest.mark.parametrize(
        ("header", "status"),
        [
            ('W/"x"', 412),
            ("x", 400),
            ('"', 400),
            ('""', 400),
            ('"a", "b"', 400),
            ('"' + "x" * 300 + '"', 412),
        ],
    )
    def test_it_is_one_strong_tag(self, api: Api, header: str, status: int):
        """Anything else is not what the API has given out."""
        answer = api("DELETE", "/rules/L5", environ={"HTTP_IF_MATCH": header})
        assert answer.status == status


class TestWhoMay:
    def test_the_policy_guards_the_api(self, app: Flask, bobs: Api):
        """Strangers are asked to sign in; people without the right are refused."""
        assert Api(Client(app))("GET", "/rules").status == 401
        assert bobs("GET", "/rules").status == 403
        assert bobs("POST", "/rules", RULE, match="*").status == 403

    def test_refusals_are_json(self, app: Flask, bobs: Api):
        """Whatever the client says it wants."""
        for answer in (
            Client(app)(path="/authz/api/v1/rules", ACCEPT="text/html"),
            bobs.client(path="/authz/api/v1/rules", ACCEPT="text/html"),
            bobs.client(path="/authz/api/v1/nothing", ACCEPT="text/html"),
        ):
            assert answer.headers["Content-Type"] == "application/problem+json"

    def test_one_line_keeps_a_kind_of_sign_in_out(self, make_app: Callable[..., Flask]):
        """A deny for how somebody signed in is enough for the whole area."""
        app = make_app(
            "p, role:admin, /*, *\np, auth:local, /authz/*, *, deny\n"
            "p, role:everyone, /authz/sign-in, GET|POST\ng, group:x, role:admin\n"
        )
        client = browser_of(app, "alice")

        assert client(path="/map").status == 200
        assert Api(client)("GET", "/rules").status == 403
        assert Api(client)("POST", "/changes", {}).status == 403

    def test_another_site_cannot(self, api: Api, policy_text: Callable[[], Any]):
        """A page elsewhere sends the cookie along, and gets nothing."""
        before = policy_text()
        api.headers["SEC_FETCH_SITE"] = "cross-site"

        answer = api("POST", "/rules", RULE, match="*")

        assert (answer.status, problem(answer)) == (403, "cross-origin")
        assert policy_text() == before

    def test_it_can_be_switched_off(self, make_app: Callable[..., Flask]):
        """Then there is no API to attack."""
        client = browser_of(make_app(AUTHZ_ADMIN_ENABLED=False), "alice")

        assert client(path="/authz/api/v1/rules").status == 404


class TestWhatCannotBe:
    def test_nobody_locks_themselves_out(
        self, api: Api, policy_text: Callable[[], Any], sink: RecordingSink
    ):
        """The API says no, and so does the log."""
        before = policy_text()
        deny = {**RULE, "subject": "user:alice", "path": "/authz/*", "effect": "deny"}

        answer = api("POST", "/rules", {**deny, "methods": ["*"]}, match="*")

        assert (answer.status, problem(answer)) == (409, "locked-out")
        assert policy_text() == before
        assert "policy:change-refused" in sink.tags

    def test_a_policy_that_could_not_be_in_force(self, api: Api):
        """Everything that is wrong is listed."""
        everyone = {"member": "role:everyone", "role": "role:admin"}
        answer = api("POST", "/grants", everyone, match="*")
        assert (answer.status, problem(answer)) == (422, "invalid-policy")
        assert "anybody could administer" in answer.json["errors"][0]["detail"]

        answer = api(
            "POST",
            "/rules",
            {"subject": "user:*x", "path": "/a//b/*/c", "methods": ["get", "FLY"]},
            match="*",
        )
        assert answer.status == 422

    def test_a_file_that_git_keeps(self, make_app: Callable[..., Flask]):
        """The answer is the patch."""
        api = Api(browser_of(make_app(), "alice"))

        answer = api("POST", "/rules", RULE, match=api.etag)

        assert (answer.status, problem(answer)) == (409, "read-only")
        assert "+p, role:user, /talk, GET|POST\n" in answer.json["patch"]
        assert api.get("/policy")["read_only"] is True

    def test_a_store_that_is_down(self, api: Api, app: Flask):
        """503, and when to try again."""
        Path(app.config["AUTHZ_POLICY"]).unlink()

        for method, path, body in (("GET", "/rules", None), ("POST", "/rules", RULE)):
            answer = api(method, path, body, match="*")
            assert (answer.status, problem(answer)) == (503, "store-unavailable")
            assert answer.headers["Retry-After"] == "5"

    def test_a_mistake_of_ours(self, api: Api, monkeypatch: pytest.MonkeyPatch):
        """It is logged; the answer tells nothing about it."""

        def broken(self: object) -> None:
            raise KeyError("secret")

        monkeypatch.setattr("authz.stores.file.records.CsvRecords.snapshot", broken)
        answer = api("GET", "/rules")

        assert (answer.status, problem(answer)) == (500, "internal")
        assert "secret" not in answer.text


def test_unknown_paths_and_methods(api: Api):
    """They are told as JSON too."""
    assert problem(api("GET", "/nothing")) == "no-such-operation"
    answer = api.client("DELETE", "/authz/api/v1/rules")
    assert answer.status == 405
    assert set(answer.headers["Allow"].split(", ")) == {
        "GET",
        "HEAD",
        "OPTIONS",
        "POST",
    }
