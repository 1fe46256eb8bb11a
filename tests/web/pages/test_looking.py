"""Pages that only look: the tester, routes, the audit log; and what they export."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from flask import Flask

from authz.audit import EventTag
from authz.web.pages.export import cell
from tests.services import until
from tests.web.apps import Client, RecordingSink, browser_of
from tests.web.pages.walk import apply, draft_rule

TESTER = "/authz/admin/tester"


class TestTester:
    def test_it_says_yes_and_why(self, alice: Client):
        """The rule, where it stands, and the chain of names that leads to it."""
        text = alice(path=f"{TESTER}?who=bob&method=GET&path=/map").text

        assert "Allowed</span>" in text
        assert "policy0.csv:5" in text
        assert "microseconds" in text

    def test_it_says_no_and_what_comes_closest(self, alice: Client):
        """Silence denies; the nearest rule is somebody else's."""
        text = alice(path=f"{TESTER}?who=bob&method=GET&path=/admin").text

        assert "Denied</span>" in text
        assert "no rule allows is denied" in text
        assert "What comes closest" in text

    def test_an_address_may_be_pasted(self, alice: Client):
        """A whole address of the app is read as its path."""
        asked = f"{TESTER}?who=bob&method=GET&path=https%3A%2F%2Fapp.test%2Fmap%3Fx%3D1"
        text = alice(path=asked).text
        assert "Allowed</span>" in text
        assert 'value="/map"' in text

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("who=&path=/map", "who"),
            ("who=a:b&path=/map", "who"),
            ("who=bob&path=map", "path"),
            ("who=bob&path=/a/../b", "path"),
            ("who=bob&path=/map&method=FLY", "method"),
        ],
    )
    def test_what_cannot_be_asked(self, alice: Client, query: str, field: str):
        """It is said at the field, and nothing is answered."""
        text = alice(path=f"{TESTER}?{query}").text
        assert f'href="#{field}"' in text
        assert "authz-verdict" not in text

    def test_asking_leaves_no_trace(self, alice: Client, sink: RecordingSink):
        """A question is not a refusal: the audit log has nothing of it."""
        before = list(sink.tags)
        alice(path=f"{TESTER}?who=bob&method=GET&path=/admin")
        assert sink.tags == before


class TestRoutes:
    def test_a_route_nobody_may_use_stands_out(self, alice: Client):
        """It can be filtered for, and the page says that nobody gets there."""
        text = alice(path="/authz/admin/routes?access=admin&search=/files").text
        assert "/files/&lt;path:name&gt;" in text
        assert "/map" not in text.partition("<table")[2]

    def test_the_export_is_the_same_table(self, alice: Client):
        """A row for each method of each route."""
        answer = alice(path="/authz/admin/routes.csv?search=playlist")

        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [(r["Method"], r["Route"]) for r in rows] == [("POST", "/api/playlist")]
        assert rows[0]["Who"] == "role:admin, role:user"
        assert "attachment" in answer.headers["Content-Disposition"]


@pytest.mark.app(AUTHZ_AUDIT_FILE="{folder}/audit.jsonl", AUTHZ_POLICY_WRITABLE=True)
class TestAudit:
    def test_refusals_and_changes_are_found_again(self, app: Flask, alice: Client):
        """Who was refused what, by number; who changed what, and why."""
        browser_of(app, "bob")(path="/admin")
        draft_rule(alice, "role:user", "/admin")
        apply(alice, "users may look <i>")
        log = Path(app.config["AUTHZ_AUDIT_FILE"])
        # It comes last, and is written in the background.
        until(lambda: "policy:loaded" in log.read_text(encoding="utf-8"))

        refused = alice(path="/authz/admin/audit?subject=user:bob").text
        assert "/admin" in refused.partition("<table")[2]
        assert f"{TESTER}?who=user:bob" in refused
        changes = alice(path="/authz/admin/audit?show=changes").text
        assert "users may look &lt;i&gt;" in changes
        everything = alice(path="/authz/admin/audit?show=all").text
        turned = alice(path="/authz/admin/audit?show=all&sort=when").text
        times = [
            re.findall(r'<time datetime="([^"]+)"', p) for p in (everything, turned)
        ]
        assert len(set(times[0])) > 1
        assert times == [sorted(times[0], reverse=True), sorted(times[0])]
        assert (
            "No request was refused"
            in alice(path="/authz/admin/audit?subject=user:nobody").text
        )

    def test_one_kind_of_event_is_chosen(self, app: Flask, alice: Client):
        """From a list in which each event there can be has a name."""
        log = Path(app.config["AUTHZ_AUDIT_FILE"])
        until(lambda: "sign-in:success" in log.read_text(encoding="utf-8"))
        page = alice(path="/authz/admin/audit?event=session:sign-in:success").text

        assert "<table" in page
        assert "Signed in</span>" in page
        assert [t for t in EventTag if f'<option value="{t}"' not in page] == []

    def test_it_can_be_taken_away(self, app: Flask, alice: Client):
        """As a table and as the lines that are kept."""
        Client(app)(path="/admin", accept="application/json")

        log = Path(app.config["AUTHZ_AUDIT_FILE"])
        # It is written in the background.
        until(lambda: "decision:deny" in log.read_text(encoding="utf-8"))
        rows = alice(path="/authz/admin/audit.csv").text
        lines = alice(path="/authz/admin/audit.jsonl").text

        assert next(csv.DictReader(io.StringIO(rows)))["path"] == "/admin"
        assert json.loads(lines.splitlines()[0])["event"] == "decision:deny"

    def test_a_day_that_is_none(self, alice: Client):
        """422, said at the field."""
        answer = alice(path="/authz/admin/audit?since=yesterday")
        assert answer.status == 422
        assert 'aria-describedby="since-error"' in answer.text

    @pytest.mark.app
    def test_without_a_file(self, alice: Client):
        """The page says which setting keeps a log."""
        assert "AUTHZ_AUDIT_FILE" in alice(path="/authz/admin/audit").text


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1"]
)
def test_a_spreadsheet_runs_nothing(text: str):
    """Whatever begins like a formula is exported as text."""
    assert cell(text) == f"'{text}"
    assert cell("/map") == "/map"
