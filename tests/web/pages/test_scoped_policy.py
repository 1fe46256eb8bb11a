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
