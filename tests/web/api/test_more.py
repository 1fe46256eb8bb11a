"""The effect of changes, import, export, policy tests, the audit log over HTTP."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from authz.errors import StoreError
from authz.extension import get_authz
from tests.web.api.client import Api, etag, problem
from tests.web.apps import Client, browser_of

TALK = {"subject": "role:user", "path": "/admin", "methods": ["GET"]}


def test_the_effect_of_a_change(api: Api):
    """For whom it opens and closes what, and whether to strangers."""
    body = {
        "changes": [
            {"do": "add", "rule": TALK},
            {"do": "add", "rule": {**TALK, "subject": "role:everyone", "path": "/map"}},
        ]
    }

    effect = api("POST", "/changes/preview", body, match="*").json["effect"]

    assert effect["closed"] == 0
    assert effect["public"] == 1
    (difference,) = (d for d in effect["differences"] if d["subject"] == "role:user")
    assert difference == {
        "subject": "role:user",
        "method": "GET",
        "path": "/admin",
        "route": "/admin",
        "except": [],
        "scope": None,
        "except_scopes": [],
        "before": "deny",
        "after": "allow",
        "allowed": True,
        "public": False,
        "rules": difference["rules"],
    }
    assert effect["opened"] == len(effect["differences"])


@pytest.mark.parametrize("form", ["csv", "json", "casbin_rule"])
def test_export_and_import(api: Api, form: str, policy_text: Callable[[], bytes]):
    """What was exported comes back, as it was; a look at it first changes nothing."""
    if form != "casbin_rule":  # which has no place for it
        off = {**TALK, "path": "/off", "note": "not yet", "disabled": True}
        assert api("POST", "/rules", off, match="*").status == 201
    exported = api("GET", f"/export?format={form}")
    before = policy_text()
    api("POST", "/rules", TALK, match="*")
    body = {"format": form, "content": exported.text, "mode": "replace"}

    seen = api("POST", "/import/preview", body).json
    assert seen["removed"] == ["p, role:user, /admin, GET"]
    assert seen["effect"]["closed"] > 0
    stale = api("POST", "/import", {**body, "why": "back"}, match=etag(exported))
    assert (stale.status, problem(stale)) == (412, "stale")
    made = api("POST", "/import", {**body, "why": "back"}, match=api.etag)

    assert made.status == 200
    assert policy_text() == before


def test_an_import_that_would_lock_out(api: Api, policy_text: Callable[[], bytes]):
    """An import is checked like every change."""
    before = policy_text()
    for content, status in (
        ("p, role:admin, /map, *\n", 409),
        ("p, role:admin, /map\n", 422),
        ("", 422),
    ):
        body = {"format": "csv", "content": content, "mode": "replace", "why": ""}
        assert api("POST", "/import", body, match=api.etag).status == status
    assert policy_text() == before


def test_policy_tests(api: Api):
    """What people expect is held against the policy, or against a draft of it."""
    content = (
        "people: {bob: {}}\n"
        "tests:\n"
        "  - name: people\n    as: bob\n"
        '    allow: ["GET /map"]\n    deny: ["GET /admin"]\n'
    )
    body = {"content": content}

    assert api("POST", "/policy-tests", body).json["passed"] is True
    draft = {**body, "changes": [{"do": "add", "rule": TALK}]}
    results = api("POST", "/policy-tests", draft).json
    assert results["passed"] is False
    (failure,) = results["tests"][0]["failures"]
    assert failure["expected"] == "bob: GET /admin"
    assert failure["surprises"][0]["path"] == "/admin"
    for bad in ("tests: &a [*a]", "people: {", "", "tests:\n  - name: x\n"):
        answer = api("POST", "/policy-tests", {"content": bad})
        assert (answer.status, problem(answer)) == (422, "invalid-policy")


def test_what_is_promised_of_every_path_is_proven(api: Api):
    """Also of a draft, and with what breaks it, whatever routes the app has."""
    body = {
        "content": "tests:\n  - name: strangers change nothing\n    paths: all\n"
        '    as: anonymous\n    deny: "change /**"\n'
    }
    assert api("POST", "/policy-tests", body).json["passed"] is True
    rule = {"subject": "role:everyone", "path": "/later/*", "methods": ["PUT"]}
    draft = {**body, "changes": [{"do": "add", "rule": {**rule, "effect": "allow"}}]}

    results = api("POST", "/policy-tests", draft).json

    assert results["passed"] is False
    (failure,) = results["tests"][0]["failures"]
    (surprise,) = failure["surprises"]
    assert (surprise["method"], surprise["path"]) == ("PUT", "/later/")
    assert surprise["who"] == "somebody who has not signed in"
    assert failure["not_proven"] == ""


@pytest.mark.app(AUTHZ_AUDIT_FILE="{folder}/audit.jsonl")
class TestAudit:
    def test_what_happened(self, api: Api, app: Flask, bob: Client):
        """Changes with before and after, refusals, sign-ins; page by page."""
        refused = bob(path="/admin", ACCEPT="application/json")
        api("POST", "/rules", {**TALK, "why": "for bob"}, match="*")
        get_authz(app).runtime.audit.sinks[0].close()

        (changed,) = api.get("/audit?changes=true")["items"]
        assert changed["subject"] == "user:alice"
        assert changed["after"] == ["p, role:user, /admin, GET"]
        assert changed["note"] == "for bob"
        request_id = refused.json["request_id"]
        (denied,) = api.get(f"/audit?request_id={request_id}")["items"]
        assert denied["path"] == "/admin"
        assert "role:user" not in denied["names"]
        assert "user:bob" in denied["names"]
        assert api.get("/audit?denied=true&subject=user:bob")["items"] == [denied]
        page = api.get("/audit?limit=1")
        rest = api.get(f"/audit?before={page['next_before']}")
        seqs = [r["seq"] for r in page["items"] + rest["items"]]
        assert seqs == sorted(seqs, reverse=True)
        assert api.get("/audit?since=2999-01-01T00:00:00Z")["items"] == []

    def test_the_chain_is_followed(self, api: Api, app: Flask, tmp_path: Path):
        """As `authz audit verify` does, with the hash that was noted before."""
        api("POST", "/rules", {**TALK, "why": "for bob"}, match="*")
        get_authz(app).runtime.audit.sinks[0].close()
        found = api.get("/audit/verify")
        assert (found["sound"], found["problems"], found["first"]) == (True, [], 1)
        assert found["records"] == found["last"] >= 1
        head = found["head"]
        assert api.get(f"/audit/verify?head={head}")["sound"] is True
        other = api.get(f"/audit/verify?head={'0' * 64}")
        assert other["sound"] is False
        assert "no record has the hash" in other["problems"][0]
        for given in ("", "x", head.upper() + "x", head + "0"):
            assert api("GET", f"/audit/verify?head={given}").status == 422

        log = tmp_path / "audit.jsonl"
        log.write_text(log.read_text().replace("for bob", "for eve"))
        broken = api.get("/audit/verify")
        assert broken["sound"] is False
        assert broken["problems"][0].startswith("audit.jsonl:")

    def test_the_chain_is_followed_once_at_a_time(
        self, api: Api, app: Flask, monkeypatch: pytest.MonkeyPatch
    ):
        """Whoever may read the log cannot make every thread read all of it."""
        log = get_authz(app).runtime.audit_log
        inside: list[str] = []

        def verify(*, head: str = "") -> object:
            inside.append(head)
            answer = api("GET", "/audit/verify")
            assert (answer.status, problem(answer)) == (503, "busy")
            assert answer.headers["Retry-After"]
            raise StoreError("gone")

        monkeypatch.setattr(type(log), "verify", lambda _, head: verify(head=head))
        assert problem(api("GET", "/audit/verify")) == "store-unavailable"
        assert inside == [""]
        monkeypatch.undo()
        assert api.get("/audit/verify")["sound"] is True

    def test_what_happened_is_decided_again(self, api: Api, app: Flask, bob: Client):
        """Under a draft: who would get what they did not, and how often."""
        for _ in range(3):
            assert bob(path="/admin").status == 403
        assert bob(path="/authz/api/v1/rules").status == 403
        get_authz(app).runtime.audit.sinks[0].close()
        draft = {"changes": [{"do": "add", "rule": TALK}]}

        found = api("POST", "/decisions/simulate", draft).json
        assert (found["decisions"], found["same"]) == (4, 1)
        assert (found["newly_allowed"], found["newly_denied"]) == (3, 0)
        assert found["shifts"] == [
            {
                "subject": "user:bob",
                "method": "GET",
                "path": "/admin",
                "allowed": True,
                "times": 3,
            }
        ]
        assert found["revision"] != get_authz(app).runtime.policy.revision
        now = api("POST", "/decisions/simulate", {}).json
        assert (now["same"], now["shifts"]) == (4, [])
        for less in (
            {"path": "/authz"},
            {"subject": "user:eve"},
            {"since": "2999-01-01T00:00:00Z"},
            {"until": "2000-01-01T00:00:00Z"},
        ):
            other = api("POST", "/decisions/simulate", {**draft, **less})
            assert other.json["shifts"] == []
        bad = api("POST", "/decisions/simulate", {"since": "2026-01-01T00:00:00"})
        assert bad.status == 422
        bad = api(
            "POST", "/decisions/simulate", {"changes": [{"do": "remove", "id": "L99"}]}
        )
        assert bad.status in {404, 422}
        assert "/talk" not in api("GET", "/export").text

    def test_times_have_a_zone(self, api: Api):
        """A time that could mean several is refused."""
        for given in ("2026-01-01T00:00:00", "yesterday", ""):
            assert api("GET", f"/audit?since={given}").status == 422

    def test_a_change_without_room_for_its_record(
        self, api: Api, app: Flask, monkeypatch: pytest.MonkeyPatch,
        policy_text: Callable[[], bytes],
    ):  # fmt: skip
        """503, and nothing is changed; requests are decided all the same."""
        before = policy_text()

        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("authz.stores.file.audit_end.os.write", full)
        answer = api("POST", "/rules", TALK, match="*")

        assert (answer.status, problem(answer)) == (503, "no-audit-record")
        assert policy_text() == before
        assert api("GET", "/rules").status == 200


def test_no_audit_log(api: Api):
    """Without a file there is nothing to look through."""
    assert api("GET", "/audit").status == 404
    assert api("GET", "/audit/verify").status == 404
    assert api("POST", "/decisions/simulate", {}).status == 404


def test_only_administrators_see_the_log(app: Flask):
    """The policy guards it like everything else."""
    assert Api(Client(app))("GET", "/audit").status == 401
    assert Api(Client(app))("GET", "/audit/verify").status == 401
    assert Api(Client(app))("POST", "/decisions/simulate", {}).status == 401
    bob = browser_of(app, "bob")
    assert Api(bob)("GET", "/audit/verify").status == 403
    assert Api(bob)("POST", "/decisions/simulate", {}).status == 403
    alice = browser_of(app, "alice")
    assert Api(alice)("GET", "/export").status == 200
