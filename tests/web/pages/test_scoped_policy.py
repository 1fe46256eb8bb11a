"""What administrators see of a policy with scopes."""

from pathlib import Path

import pytest

from authz.admin.rules import as_grant, as_rule
from authz.decision import Origin
from authz.policy.csv_rows import Row
from authz.policy.records import Entry
from tests.web.api.client import Api
from tests.web.apps import KEPT, SCOPED, Client, browser_of
from tests.web.pages.walk import apply, draft_rule, send

POLICY = """\
p, role:admin, *, /*, *
p, role:user, library:kids, /map, GET
p, role:user, library:old, /map, GET, deny
g, user:carol, role:user, library:kids
"""


def verdict(text: str) -> str:
    """Return what the tester answered."""
    said = text.partition('class="authz-verdict"')[2].partition("</p>")[0]
    return next(word for word in ("Allowed", "Denied") if word in said)


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
    app = make_app(POLICY, AUTHZ_MODEL="model-scoped.conf")
    client = browser_of(app, "alice")
    shown = client(path="/authz/admin/rules").text

    assert "in <bdi>library:kids</bdi>" in shown
    assert client(path="/authz/api/v1/grants").text.count('"library:kids"') == 1
    assert "another language" not in client(path="/authz/admin/routes").text


def test_a_preview_says_in_which_scope_something_changes(make_app):
    """To take away a rule for one library never looks as if nothing changed."""
    text = POLICY + "g, user:dave, role:user, library:kids\n"
    client = browser_of(
        make_app(text, **SCOPED),
        "alice",
    )
    api = Api(client)
    dave = next(g for g in api.get("/grants")["items"] if g["member"] == "user:dave")
    changes = [{"do": "remove", "id": dave["id"]}]
    seen = api("POST", "/changes/preview", {"changes": changes}, match="*")

    effect = seen.json["effect"]
    assert {(c["subject"], c["scope"], c["after"]) for c in effect["differences"]} == {
        ("user:dave", "library:kids", "deny")
    }


@pytest.mark.app(POLICY, **SCOPED)
class TestForms:
    def test_a_rule_for_one_library(self, alice: Client):
        """Put into the draft, seen before it is in force, applied, edited."""
        fields = {"subject": "role:user", "path": "/talk", "scope": "library:kids"}
        page = draft_rule(alice, **fields)
        assert "in <bdi>library:kids</bdi>" in page.text
        assert 'id="effect"' in page.text
        text = apply(alice, "kids talk").text
        policy = Path(alice.app.config["AUTHZ_POLICY"])
        assert "p, role:user, library:kids, /talk, GET\n" in policy.read_text()
        assert "in force as revision" in text

        lines = policy.read_text().splitlines()
        number = lines.index("p, role:user, library:kids, /talk, GET") + 1
        form = alice(path=f"/authz/admin/rules/edit?id=L{number}").text
        assert 'name="scope" type="text" value="library:kids"' in form

    @pytest.mark.parametrize("scope", ["", "kids", "library:*x", "library:..", "x:\n"])
    def test_a_rule_in_no_scope(self, alice: Client, scope: str):
        """Is refused at its field, and the draft stays as it was."""
        answer = draft_rule(alice, "role:user", "/talk", scope=scope)

        assert answer.status == 422
        assert 'id="scope-error"' in answer.text
        assert "Your draft" not in alice(path="/authz/admin/rules").text

    def test_the_rules_of_one_library(self, alice: Client):
        """Those of every library among them, and of no other one."""
        page = alice(path="/authz/admin/rules?scope=library:kids").text
        assert "Rules of <bdi>kids</bdi>" in page
        assert "May open its first page" not in page
        every = alice(path="/authz/admin/rules").text.count("<tr>")
        assert 1 < page.count("<tr>") < every
        for odd in ("kids", "library:", "library:kids:*", "%00", "<b>"):
            page = alice(path=f"/authz/admin/rules?scope={odd}")
            assert page.status == 200
            assert "Rules of" not in page.text
        twice = "/authz/admin/rules?scope=library:kids&scope=library:x"
        assert alice(path=twice).status == 422

    def test_a_role_for_one_library(self, alice: Client):
        """On the page of the role; without a scope it is refused in words."""
        page, give = "/authz/admin/roles/role?name=role:user", "/draft/give"
        action = f"/authz/admin/changes{give}"
        fields = {"member": "user:bob", "role": "role:user"}
        refused = send(alice, page, action, **fields)
        assert (refused.status, "scope" in refused.text) == (422, True)
        given = send(alice, page, action, **fields, scope="library:kids")
        assert given.status == 200
        changes = alice(path="/authz/admin/changes").text
        assert "in <bdi>library:kids</bdi>" in changes

    def test_people_are_added_and_given_a_role_with_its_scope(self, make_app):
        """Where it holds is asked for before anybody is added, and never guessed."""
        app = make_app(POLICY, AUTHZ_MODEL="model-scoped.conf", **KEPT)
        client = browser_of(app, "alice")
        new, people = "/authz/admin/people/new", "/authz/admin/people"
        fields = {"id": "dan", "roles": "role:user"}
        policy = Path(app.config["AUTHZ_POLICY"])
        for scope in ("", "kids", "library:.."):
            refused = send(client, new, new, **fields, scope=scope)
            assert refused.status == 422
            assert 'id="scope-error"' in refused.text
        assert client(path=f"{people}/person?id=dan").status == 404
        assert send(client, new, new, **fields, scope="library:kids").status == 200
        assert "g, user:dan, role:user, library:kids\n" in policy.read_text("utf-8")

        several = f"{people}/several?what=give&id=dan&id=alice"
        many = {"what": "give", "role": "role:user", "id": "dan"}
        refused = send(client, several, f"{people}/several", **many, scope="kids")
        assert (refused.status, 'id="scope-error"' in refused.text) == (422, True)
        send(client, several, f"{people}/several", **many, scope="library:k:2")
        assert "g, user:dan, role:user, library:k:2\n" in policy.read_text("utf-8")

    def test_a_slip_in_a_scope_is_told_before_it_is_in_force(self, alice: Client):
        """As one in a name is; what the app does not say is held to the policy."""
        page = draft_rule(alice, "role:user", "/talk", scope="library:kidz")

        assert "did you mean &#39;library:kids&#39;" in page.text.replace("`", "&#39;")

    def test_a_policy_without_scopes_asks_for_none(self, make_app):
        """Its forms are what they were."""
        client = browser_of(make_app(AUTHZ_POLICY_WRITABLE=True), "alice")
        for page in ("/rules/new", "/roles/role?name=role:user"):
            assert "scope" not in client(path=f"/authz/admin{page}").text.replace(
                'scope="', ""
            )

    def test_the_tester_asks_about_one_library(self, alice: Client):
        """Or about some; what is no scope is refused at its field."""
        ask = "/authz/admin/tester?who=carol&method=GET&path=/map"
        kids = alice(path=f"{ask}&scope=library:kids").text
        assert verdict(kids) == "Allowed"
        assert "in <bdi>library:kids</bdi>" in kids
        assert "scope: library:kids" in kids
        other = alice(path=f"{ask}&scope=library:other").text
        assert verdict(other) == "Denied"
        assert "in <bdi>some scope</bdi>" in alice(path=ask).text
        for hostile in ("kids", "library:*", "library:.."):
            text = alice(path=f"{ask}&scope={hostile}").text
            assert "This cannot be asked" in text
            assert 'id="scope"' in text

    def test_the_matrix_of_one_library(self, alice: Client):
        """Shows what holds there, and a cell adds a rule for that library alone."""
        page, toggle = "/authz/admin/rules/matrix", "/authz/admin/changes/draft/toggle"
        everywhere = alice(path=page).text
        kids = f"{page}?scope=library:kids"
        assert "/map" not in everywhere.partition("<tbody>")[2]
        cell = "GET /map: allowed by this rule"
        assert (cell in alice(path=kids).text, cell in everywhere) == (True, False)
        jazz = f"{page}?scope=library:jazz"
        send(
            alice, jazz, toggle,
            subject="role:user", path="/talk", methods="GET", scope="library:jazz",
        )  # fmt: skip
        assert "GET /talk: allowed" in alice(path=jazz).text
        assert "GET /talk" not in alice(path=kids).text
        apply(alice, "jazz")
        policy = Path(alice.app.config["AUTHZ_POLICY"]).read_text()
        assert "p, role:user, library:jazz, /talk, GET\n" in policy
        assert alice(path=f"{page}?scope=library:..").status == 422
