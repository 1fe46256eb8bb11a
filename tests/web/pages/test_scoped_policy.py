"""What administrators see of a policy with scopes."""

import json
from pathlib import Path

import pytest

from authz.admin.rules import as_grant, as_rule
from authz.decision import Origin
from authz.policy.csv_rows import Row
from authz.policy.records import Entry
from tests.web.api.client import Api
from tests.web.apps import ALICE, Client

MODEL = Path(__file__).parents[3] / "model-scoped.conf"
POLICY = """\
p, role:admin, *, /*, *
p, role:user, library:kids, /map, GET
p, role:user, library:old, /map, GET, deny
g, user:carol, role:user, library:kids
"""


def entry(kind: str, *fields: str) -> Entry:
    """Return an entry of a store."""
    return Entry(id="1", row=Row(kind, fields, Origin("policy.csv", 1)))


@pytest.mark.parametrize(
    ("fields", "scope", "effect"),
    [
        (("role:a", "/a", "GET"), "", "allow"),
        (("role:a", "/a", "GET", "deny"), "", "deny"),
        (("role:a", "*", "/a", "GET"), "*", "allow"),
        (("role:a", "library:*", "/a", "GET", "deny"), "library:*", "deny"),
    ],
)
def test_a_rule_is_read_with_its_scope(
    fields: tuple[str, ...], scope: str, effect: str
):
    """Path, methods and effect are what they are in either language."""
    rule = as_rule(entry("p", *fields))

    assert (rule.path, rule.methods) == ("/a", ("GET",))
    assert (rule.scope, rule.effect) == (scope, effect)
    assert as_grant(entry("g", "user:a", "role:b", "x:1")).scope == "x:1"


def test_pages_and_api_show_scopes(make_app):
    """A rule for one library does not look like one for all."""
    app = make_app(POLICY, AUTHZ_MODEL=str(MODEL))
    client = Client(app)
    client.sign_in("alice", ALICE)
    shown = client(path="/authz/admin/rules").text

    assert "in library:kids" in shown
    assert client(path="/authz/api/v1/grants").text.count('"library:kids"') == 1


def test_a_preview_says_in_which_scope_something_changes(make_app):
    """To take away a rule for one library never looks as if nothing changed."""
    text = POLICY + "g, user:dave, role:user, library:kids\n"
    client = Client(make_app(text, AUTHZ_MODEL=str(MODEL), AUTHZ_POLICY_WRITABLE=True))
    client.sign_in("alice", ALICE)
    api = Api(client)
    dave = next(g for g in api.get("/grants")["items"] if g["member"] == "user:dave")
    changes = [{"do": "remove", "id": dave["id"]}]
    seen = api("POST", "/changes/preview", {"changes": changes}, match="*")

    effect = json.loads(seen.text)["effect"]
    assert {(c["subject"], c["scope"], c["after"]) for c in effect["differences"]} == {
        ("user:dave", "library:kids", "deny")
    }


@pytest.mark.parametrize("effect", ["allow", "deny"])
def test_a_line_without_a_scope_is_refused_with_its_reason(make_app, effect: str):
    """Neither a rule nor a grant is guessed a scope, and none loses the one it has."""
    text = POLICY + "g, user:dave, role:user, library:kids\n"
    app = make_app(text, AUTHZ_MODEL=str(MODEL), AUTHZ_POLICY_WRITABLE=True)
    client = Client(app)
    client.sign_in("alice", ALICE)
    api = Api(client)
    rule = {"subject": "role:user", "path": "/map", "methods": ["GET"]}
    rule["effect"] = effect
    grant = {"member": "user:erin", "role": "role:user"}
    kept = api.get("/grants")["items"][-1]
    for change in (
        {"do": "add", "rule": rule},
        {"do": "add", "grant": grant},
        {"do": "replace", "id": kept["id"], "grant": grant},
    ):
        body = {"changes": [change]}
        seen = json.loads(api("POST", "/changes/preview", body, match="*").text)
        made = api("POST", "/changes", body, match=api.etag)

        assert seen["effect"] is None
        assert "scope" in seen["problems"][0]
        assert made.status == 422
    assert Path(app.config["AUTHZ_POLICY"]).read_text() == text
