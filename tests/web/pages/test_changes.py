"""From a draft to a policy in force, and back; what two administrators see."""

from hashlib import sha512
from pathlib import Path

import pytest
from flask import Flask

from authz.extension import get_authz
from tests.web.apps import Client, browser_of
from tests.web.pages.walk import apply, draft_rule, hidden, send

CHANGES = "/authz/admin/changes"
pytestmark = pytest.mark.app(AUTHZ_POLICY_WRITABLE=True)


@pytest.fixture(name="second")
def _second(app: Flask) -> Client:
    return browser_of(app, "alice")


def policy_file(app: Flask) -> str:
    """Return what the policy file of *app* holds."""
    return Path(app.config["AUTHZ_POLICY"]).read_text(encoding="utf-8")


class TestDraft:
    def test_nothing_is_in_force_before_it_is_applied(self, alice: Client, bob: Client):
        """A draft decides nothing; once applied, it does."""
        assert bob(path="/admin").status == 403
        shown = draft_rule(alice, "role:user", "/admin")
        assert "/admin" in shown.text
        assert "Your draft" in shown.text
        assert bob(path="/admin").status == 403

        said = apply(alice, "users may look")

        assert "in force as revision" in said.text
        assert bob(path="/admin").status == 200

    def test_a_change_needs_a_reason(self, app: Flask, alice: Client):
        """Without a note nothing is applied, and the page says so at the field."""
        before = policy_file(app)
        draft_rule(alice, "role:user", "/admin")

        answer = apply(alice, " ")

        assert answer.status == 422
        assert 'id="note-error"' in answer.text
        assert 'aria-describedby="note-hint note-error"' in answer.text
        assert policy_file(app) == before

    def test_what_cannot_be_a_rule_stays_in_the_form(self, alice: Client):
        """Each wrong field has its own message, and what was typed is still there."""
        answer = draft_rule(alice, "bob", "map", methods="")

        assert answer.status == 422
        for field in ("subject", "path", "methods-any"):
            assert f'href="#{field}"' in answer.text
        assert 'value="map"' in answer.text

    def test_a_rule_that_is_there_is_changed(
        self, app: Flask, alice: Client, bob: Client
    ):
        """Its form holds what it says; another rule stands in its place then."""
        rows = get_authz(app).runtime.policy.written.rules
        (rule,) = (r for r in rows if r.path == "/map" and r.subject == "role:user")
        page = f"/authz/admin/rules/edit?id=L{rule.origin.line}"
        typed = {"subject": rule.subject, "methods": "GET", "effect": "allow"}
        assert 'value="/map"' in alice(path=page).text

        wrong = send(alice, page, "/authz/admin/rules/edit", path="chart", **typed)
        assert wrong.status == 422
        assert 'href="#path"' in wrong.text
        assert f'name="id" value="L{rule.origin.line}"' in wrong.text
        send(alice, page, "/authz/admin/rules/edit", path="/admin", **typed)
        assert bob(path="/map").status == 200
        apply(alice, "no map for users")

        assert bob(path="/map").status == 403
        assert bob(path="/admin").status == 200

    def test_a_change_can_be_taken_out_and_thrown_away(self, alice: Client):
        """A draft is the author's to put together."""
        draft_rule(alice, "role:user", "/one")
        draft_rule(alice, "role:user", "/two")

        shown = send(alice, CHANGES, f"{CHANGES}/draft/take-out", index="0")
        assert "/two" in shown.text
        assert "/one" not in shown.text

        shown = send(alice, CHANGES, f"{CHANGES}/draft/discard")
        assert "You have no draft" in shown.text

    def test_the_file_has_the_roles_of_people_too(self, alice: Client):
        """What is shown is what the file holds, to be copied."""
        role = "/authz/admin/roles/role?name=role:user"
        give = f"{CHANGES}/draft/give"
        send(alice, role, give, member="user:carol", role="role:user", next="/")
        apply(alice, "carol too")
        shown = alice(path="/authz/admin/rules/lines?search=carol").text

        assert "g, user:carol, role:user" in shown
        assert "data-authz-copy" in shown

    def test_a_route_that_no_rule_names_has_a_row(self, alice: Client):
        """Asked for; pressed, it is a rule for that route. Pages of authz have none."""
        matrix = "/authz/admin/rules/matrix"
        row = '<bdi class="authz-path">/api/analysis</bdi>'
        assert row not in alice(path=matrix).text
        shown = alice(path=f"{matrix}?rows=routes").text
        assert row in shown
        assert '<bdi class="authz-path">/authz/' not in shown

    def test_pressing_a_cell_twice_changes_nothing(self, alice: Client):
        """The matrix adds a rule to the draft, and takes it out again."""
        matrix = "/authz/admin/rules/matrix"
        cell = {"subject": "role:everyone", "path": "/map", "methods": "GET"}
        toggle = f"{CHANGES}/draft/toggle"

        assert "Your draft: 1 change" in send(alice, matrix, toggle, **cell).text
        assert "Your draft:" not in send(alice, matrix, toggle, **cell).text

    def test_a_rule_that_is_there_is_taken_away_by_its_cell(
        self, alice: Client, bob: Client
    ):
        """Pressing an allowed cell removes the rule behind it."""
        cell = {"subject": "role:user", "path": "/map", "methods": "GET"}
        send(alice, "/authz/admin/rules/matrix", f"{CHANGES}/draft/toggle", **cell)
        assert bob(path="/map").status == 200

        apply(alice, "no map")

        assert bob(path="/map").status == 403

    def test_a_long_draft_is_refused_before_it_is_lost(self, alice: Client):
        """What a browser would not keep is said, and the draft before stays."""
        for number in range(40):
            noise = sha512(str(number).encode()).hexdigest() * 3
            answer = draft_rule(alice, "role:user", f"/{number}", note=noise)
            if answer.status == 422:
                break
        else:
            pytest.fail("it never became too long")
        assert "more than a browser keeps" in answer.text
        assert "/0" in alice(path=CHANGES).text

    def test_nobody_locks_themselves_out(self, alice: Client, app: Flask):
        """The preview says so, and there is nothing to apply it with."""
        shown = draft_rule(alice, "user:alice", "/authz/*", methods="*", effect="deny")

        assert "cannot be applied" in shown.text
        assert f'action="{CHANGES}/apply"' not in shown.text
        assert alice(path="/authz/admin/").status == 200


class TestSeal:
    def test_a_draft_that_was_planted_is_none(self, alice: Client, second: Client):
        """A cookie from another session, or a changed one, is no draft."""
        draft_rule(alice, "role:everyone", "/admin")
        second(path=CHANGES)
        second.cookies["authz-draft"] = alice.cookies["authz-draft"]

        assert "You have no draft" in second(path=CHANGES).text

        for damaged in ("", ".", "x.y", alice.cookies["authz-draft"][:-1]):
            alice.cookies["authz-draft"] = damaged
            assert "You have no draft" in alice(path=CHANGES).text

    def test_what_is_applied_is_what_was_seen(self, app: Flask, alice: Client):
        """A draft that changed in another window is shown again, not applied."""
        draft_rule(alice, "role:user", "/one")
        seen = hidden(alice(path=CHANGES).text, f"{CHANGES}/apply")
        draft_rule(alice, "role:user", "/two")
        before = policy_file(app)

        answer = alice("POST", f"{CHANGES}/apply", form={**seen, "note": "one"})

        assert answer.status == 422
        assert "another window" in answer.text
        assert policy_file(app) == before


class TestTwoAdministrators:
    def test_the_slower_one_is_told(self, app: Flask, alice: Client, second: Client):
        """Nothing is overwritten; the draft can be built on the newer state."""
        draft_rule(alice, "role:user", "/mine")
        draft_rule(second, "role:user", "/theirs")
        apply(second, "theirs")

        shown = alice(path=CHANGES)
        assert "Somebody else changed the policy" in shown.text
        assert f'action="{CHANGES}/apply"' not in shown.text

        send(alice, CHANGES, f"{CHANGES}/draft/rebase")
        said = apply(alice, "mine")

        assert "in force as revision" in said.text
        assert "/mine" in policy_file(app)
        assert "/theirs" in policy_file(app)

    def test_a_race_to_apply_has_one_winner(
        self, app: Flask, alice: Client, second: Client
    ):
        """Whoever saw the page before the other applied gets the conflict."""
        draft_rule(alice, "role:user", "/mine")
        form = hidden(alice(path=CHANGES).text, f"{CHANGES}/apply")
        draft_rule(second, "role:user", "/theirs")
        apply(second, "theirs")

        answer = alice("POST", f"{CHANGES}/apply", form={**form, "note": "mine"})

        assert answer.status == 422
        assert "Somebody else changed the policy" in answer.text
        assert "/mine" not in policy_file(app)


class TestHistory:
    def test_a_change_can_be_taken_back(self, alice: Client, bob: Client):
        """The rules are what they were, as a new revision with its own reason."""
        draft_rule(alice, "role:user", "/admin")
        apply(alice, "users may look")
        assert bob(path="/admin").status == 200

        back = f"{CHANGES}/1"
        assert "Removed" in alice(path=back).text
        said = send(alice, back, f"{back}/back", note="no, they may not")

        assert "Taken back" in said.text
        assert "no, they may not" in said.text
        assert bob(path="/admin").status == 403

    def test_a_revision_that_never_was(self, alice: Client):
        """404, in words."""
        answer = alice(path=f"{CHANGES}/77")

        assert answer.status == 404
        assert "never made" in answer.text


class TestReadOnly:
    def test_the_patch_is_shown(self, make_app):
        """A file that Git keeps is not written; the page has what to commit."""
        client = browser_of(make_app(), "alice")

        shown = draft_rule(client, "role:user", "/admin")

        assert "git apply" in shown.text
        assert "+p, role:user, /admin, GET" in shown.text
        assert f'action="{CHANGES}/apply"' not in shown.text


class TestBrokenFile:
    @pytest.mark.parametrize(
        "line", ["p, role:user, /api/[, GET\n", 'p, role:user, "/api, GET\n']
    )
    def test_the_pages_say_what_is_wrong(self, app: Flask, alice: Client, line: str):
        """The last good policy decides, and the line at fault is named."""
        path = Path(app.config["AUTHZ_POLICY"])
        path.write_text(policy_file(app) + line)
        get_authz(app).runtime.live.refresh()

        for page in ("/authz/admin/", "/authz/admin/rules", CHANGES):
            answer = alice(path=page)
            assert answer.status in {200, 503}
            assert "The last good policy" in answer.text
            assert ":10: " in answer.text


class TestEffect:
    def test_it_says_what_opens_to_whom(self, alice: Client):
        """Before anything is in force: who may do what then."""
        text = draft_rule(alice, "role:user", "/admin").text

        effect = text[text.index('id="effect"') :]
        assert "1 place becomes allowed" in effect
        assert effect.count("<h4>") == 1
        assert "Everyone with the role" in effect
        _, _, who = effect.partition("Who that is: ")
        assert "bob" in who
        assert "/admin" in effect
        assert "have not signed in" not in effect

    def test_what_opens_to_strangers_is_said_aloud(self, alice: Client):
        """A rule for everyone is a warning; that nobody loses by it is proven."""
        text = draft_rule(alice, "role:everyone", "/admin").text
        assert "Nobody loses anything through this change" in text
        assert "opens something to people who have not signed in" in text

    def test_a_rule_that_changes_nothing(self, alice: Client):
        """The page says so, and that the app has no such page."""
        text = draft_rule(alice, "role:admin", "/nowhere").text
        assert "Nothing changes for anybody" in text
        assert "Nobody gains or loses anything through this change" in text
        assert "no route" in text

    @pytest.mark.parametrize(
        ("effect", "verb"), [("allow", "gains"), ("deny", "loses")]
    )
    def test_a_rule_for_a_page_that_is_still_to_come(
        self, alice: Client, effect: str, verb: str
    ):
        """Nothing changes today; what will is said, and never that nothing does."""
        if verb == "loses":
            draft_rule(alice, "role:user", "/later/*")
            apply(alice, "for later")
        text = draft_rule(alice, "role:user", "/later/*", effect=effect).text

        assert "Nothing changes for anybody: what" not in text
        assert "on the pages that the app has today" in text
        assert "Where the app has no page today" in text
        assert f" {verb} <span" in text

    def test_what_closes(self, alice: Client):
        """A rule that denies takes something away from people."""
        text = draft_rule(alice, "role:user", "/map", effect="deny").text
        assert "becomes denied" in text
        assert "Nobody gains anything through this change" in text
