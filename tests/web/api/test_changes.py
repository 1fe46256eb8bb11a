"""Several changes at once, and what was changed, over HTTP."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from authz.stores.file import policy
from tests.web.api.client import Api, etag, problem
from tests.web.apps import RecordingSink
from tests.web.pages.walk import draft_rule

TALK = {"subject": "role:user", "path": "/talk", "methods": ["GET"]}
ALL: list[dict[str, Any]] = [
    {"do": "add", "rule": TALK, "note": "again"},
    {"do": "add", "grant": {"member": "user:carol", "role": "role:user"}},
    {"do": "replace", "id": "L5", "rule": {**TALK, "path": "/map2"}},
    {"do": "remove", "id": "L6"},
    {"do": "disable", "id": "L7"},
]


def test_a_preview_changes_nothing(api: Api, sink: RecordingSink):
    """It says what would come and go, under which revision; nothing is written down."""
    before, tags = api.get("/policy"), sink.tags

    answer = api("POST", "/changes/preview", {"changes": ALL}, match=api.etag)

    seen = answer.json
    assert answer.status == 200
    assert sorted(seen["added"]) == [
        "g, user:carol, role:user",
        "p, role:user, /map2, GET",
        "p, role:user, /talk, GET",
    ]
    assert len(seen["removed"]) == 3
    assert (seen["problems"], seen["conflict"]) == ([], False)
    assert seen["revision"] != before["revision"]
    assert api.get("/policy") == before
    assert sink.tags == tags


def test_a_look_reads_the_policy_file_few_times(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    """What it is, and what it would be; a page with a draft that is known, thrice."""
    read, here = policy.read_with_stat, threading.get_ident()
    reads: list[Path] = []

    def noted(path: Path, **more: int) -> tuple[bytes, os.stat_result]:
        if threading.get_ident() == here:  # what is done in the background is not
            reads.append(path)
        return read(path, **more)

    monkeypatch.setattr(policy, "read_with_stat", noted)
    api("POST", "/changes/preview", {"changes": ALL}, match="*")
    assert len(reads) == 2
    draft_rule(api.client, "role:user", "/admin")
    reads.clear()
    assert api.client(path="/authz/admin/changes").status == 200
    assert len(reads) == 3


def test_all_or_nothing(api: Api):
    """They are in force together, and one revision tells of them."""
    answer = api(
        "POST", "/changes", {"changes": ALL, "why": "spring cleaning"}, match=api.etag
    )

    assert answer.status == 200
    made = answer.json
    assert (made["author"], made["note"]) == ("user:alice", "spring cleaning")
    assert etag(answer) == made["etag"] == api.etag
    assert [r["path"] for r in api.get("/rules?search=talk")["items"]] == ["/talk"]

    bad = [*ALL[:1], {"do": "remove", "id": "L999"}]
    answer = api("POST", "/changes", {"changes": bad, "why": ""}, match=api.etag)
    assert (answer.status, problem(answer)) == (404, "not-found")


def test_what_a_preview_finds_wrong(api: Api):
    """Problems and conflicts are the answer, not errors."""
    locked = {
        "subject": "user:alice",
        "path": "/authz/*",
        "methods": ["*"],
        "effect": "deny",
    }
    for change, why in (
        ({"do": "add", "rule": locked}, "user:alice"),
        ({"do": "add", "rule": {**TALK, "path": "/map"}}, "there already"),
    ):
        answer = api("POST", "/changes/preview", {"changes": [change]}, match="*")
        assert why in answer.json["problems"][0]

    answer = api("POST", "/changes/preview", {"changes": []}, match="old")
    assert answer.json["conflict"] is True
    assert etag(answer) == api.etag


def test_history(api: Api):
    """Listed, shown, compared, rolled back."""
    start = api.get("/policy")["number"]
    for path in ("/a", "/b", "/c"):
        api("POST", "/rules", {**TALK, "path": path, "why": path}, match="*")

    page = api.get("/revisions?limit=2")
    assert [r["note"] for r in page["items"]] == ["/c", "/b"]
    assert page["next_before"] == start + 2
    older = api.get(f"/revisions?limit=2&before={page['next_before']}")
    assert older["items"][0]["note"] == "/a"
    assert api.get(f"/revisions/{start + 1}")["added"] == ["p, role:user, /a, GET"]
    since = api.get(f"/revisions/{start + 1}/difference")
    assert since["added"] == ["p, role:user, /b, GET", "p, role:user, /c, GET"]
    between = api.get(f"/revisions/{start + 1}/difference?to={start + 2}")
    assert between["added"] == ["p, role:user, /b, GET"]

    path = f"/revisions/{start + 1}/rollback"
    stale = api("POST", path, {"why": "no"}, match="old")
    assert (stale.status, problem(stale)) == (412, "stale")
    back = api("POST", path, {"why": "too much"}, match=api.etag)
    assert back.status == 200
    assert back.json["removed"] == since["added"]
    assert api.get(f"/revisions/{start + 1}/difference")["added"] == []


@pytest.mark.parametrize("number", ["999", "0", "99999999999999"])
def test_a_revision_that_never_was(api: Api, number: str):
    """404 for each question about it."""
    for method, path, body in (
        ("GET", f"/revisions/{number}", None),
        ("GET", f"/revisions/{number}/difference", None),
        ("POST", f"/revisions/{number}/rollback", {"why": ""}),
    ):
        assert api(method, path, body, match=api.etag).status == 404
    assert api("GET", "/revisions/x").status == 422
