"""The effect of changes, import, export, policy tests, the audit log over HTTP."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from authz.extension import get_authz
from tests.web.api.client import Api, etag, problem
from tests.web.apps import ALICE, BOB, Client

TALK = {"subject": "role:user", "path": "/admin", "methods": ["GET"]}


def test_the_effect_of_a_change(api: Api):
    """For whom it opens and closes what, and whether to strangers."""
    body = {
        "changes": [
            {"do": "add", "rule": TALK},
            {"do": "add", "rule": {**TALK, "subject": "role:everyone", "path": "/map"}},
        ]
    }

    effect = json.loads(api("POST", "/changes/preview", body, match="*").text)["effect"]

    assert effect["closed"] == 0
    assert effect["public"] == 1
    assert {
        "subject": "role:user",
        "method": "GET",
        "path": "/admin",
        "allowed": True,
        "public": False,
    } in effect["differences"]
    assert effect["opened"] == len(effect["differences"])


@pytest.mark.parametrize("form", ["csv", "json", "casbin_rule"])
def test_export_and_import(api: Api, form: str, policy_text: Callable[[], bytes]):
    """What was exported comes back; a look at it first changes nothing."""
    exported = api("GET", f"/export?format={form}")
    before = policy_text()
    api("POST", "/rules", TALK, match="*")
    body = {"format": form, "content": exported.text, "mode": "replace"}

    seen = json.loads(api("POST", "/import/preview", body).text)
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

    assert json.loads(api("POST", "/policy-tests", body).text)["passed"] is True
    draft = {**body, "changes": [{"do": "add", "rule": TALK}]}
    results = json.loads(api("POST", "/policy-tests", draft).text)
    assert results["passed"] is False
    (failure,) = results["tests"][0]["failures"]
    assert failure["expected"] == "bob: GET /admin"
    assert failure["surprises"][0]["path"] == "/admin"
    for bad in ("tests: &a [*a]", "people: {", "", "tests:\n  - name: x\n"):
        answer = api("POST", "/policy-tests", {"content": bad})
        assert (answer.status, problem(answer)) == (422, "invalid-policy")


class TestAudit:
    @pytest.fixture(name="app")
    def _app(self, make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
        return make_app(
            AUTHZ_POLICY_WRITABLE=True, AUTHZ_AUDIT_FILE=str(tmp_path / "audit.jsonl")
        )

    def test_what_happened(self, api: Api, app: Flask):
        """Changes with before and after, refusals, sign-ins; page by page."""
        bob = Client(app)
        bob.sign_in("bob", BOB)
        refused = bob(path="/admin", ACCEPT="application/json")
        api("POST", "/rules", {**TALK, "why": "for bob"}, match="*")
        get_authz(app).runtime.audit.sinks[0].close()

        (changed,) = api.get("/audit?changes=true")["items"]
        assert changed["subject"] == "user:alice"
        assert changed["after"] == ["p, role:user, /admin, GET"]
        assert changed["note"] == "for bob"
        request_id = json.loads(refused.text)["request_id"]
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

        monkeypatch.setattr("authz.stores.audit_end.os.write", full)
        answer = api("POST", "/rules", TALK, match="*")

        assert (answer.status, problem(answer)) == (503, "no-audit-record")
        assert policy_text() == before
        assert api("GET", "/rules").status == 200


def test_no_audit_log(api: Api):
    """Without a file there is nothing to look through."""
    assert api("GET", "/audit").status == 404


def test_only_administrators_see_the_log(app: Flask):
    """The policy guards it like everything else."""
    assert Api(Client(app))("GET", "/audit").status == 401
    alice = Client(app)
    alice.sign_in("alice", ALICE)
    assert Api(alice)("GET", "/export").status == 200
