"""One's own account: sessions ended one by one, and API tokens of one's own."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask

from authz.extension import get_authz
from tests.web.apps import ALICE, BOB, KEPT, POLICY, Client, RecordingSink
from tests.web.pages.walk import apply, draft_rule, hidden, send

ACCOUNT = "/authz/account"
END = f"{ACCOUNT}/sessions/end"
OTHERS = f"{ACCOUNT}/sessions/end-others"
MAKE = f"{ACCOUNT}/tokens"
REVOKE = f"{ACCOUNT}/tokens/revoke"
PERSON = "/authz/admin/people/person"
WORDS = "correct horse battery"
FORM = {"label": "phone", "role": "role:user", "days": "30"}
pytestmark = pytest.mark.app(POLICY + "g, user:carol, role:user\n", **KEPT)


def browser(app: Flask, name: str, password: str) -> Client:
    """Return a browser in which somebody has signed in."""
    client = Client(app)
    assert client.sign_in(name, password).status == 303
    return client


def add_carol(alice: Client) -> None:
    """Add carol, whom the policy names already."""
    new = "/authz/admin/people/new"
    fields = {"id": "carol", "password": WORDS, "again": WORDS, "inherit": "yes"}
    assert "was added" in send(alice, new, new, **fields).text


def is_in(client: Client) -> bool:
    """Return whether the session of *client* goes on."""
    return client(path=ACCOUNT).status == 200


def ids(client: Client, action: str) -> list[str]:
    """Return the ids that the forms to *action* on the account page carry."""
    page = client(path=ACCOUNT).text
    forms = re.findall(rf'action="{action}">(.*?)</form>', page, re.DOTALL)
    return [unescape(re.findall(r'name="id" value="([^"]*)"', f)[0]) for f in forms]


def make(client: Client, **fields: str) -> str:
    """Make an own token; return it, or nothing if none was made."""
    text = send(client, ACCOUNT, MAKE, **FORM | fields).text
    found = re.search(r'<pre id="token"[^>]*>(authz_[^<]+)<', text)
    return found[1] if found else ""


def ask(app: Flask, token: str, path: str = "/map") -> int:
    """Return what a program with *token* is answered."""
    return Client(app)(path=path, authorization=f"Bearer {token}").status


class TestSessions:
    def test_one_of_them_is_ended(self, app: Flask, bob: Client):
        """The others go on; this one is marked and has no button."""
        second, third = browser(app, "bob", BOB), browser(app, "bob", BOB)
        assert bob(path=ACCOUNT).text.count("this one") == 1
        assert len(ids(bob, END)) == 2
        newest = ids(second, END)[0]

        form = hidden(bob(path=ACCOUNT).text, END) | {"id": newest}
        assert bob("POST", END, form=form).status == 303

        assert not is_in(third)
        assert second(path=ACCOUNT).status == bob(path=ACCOUNT).status == 200

    def test_all_others_are_ended(self, app: Flask, bob: Client, alice: Client):
        """Of this person, and of nobody else."""
        second, third = browser(app, "bob", BOB), browser(app, "bob", BOB)

        assert "have ended: <bdi>2" in send(bob, ACCOUNT, OTHERS).text

        assert not is_in(second)
        assert not is_in(third)
        assert bob(path=ACCOUNT).status == alice(path=ACCOUNT).status == 200
        assert OTHERS not in bob(path=ACCOUNT).text

    def test_nobody_ends_that_of_somebody_else(self, app: Flask, bob: Client):
        """Its id is worth nothing in another's form; neither is one made up."""
        alice, other = browser(app, "alice", ALICE), browser(app, "alice", ALICE)
        browser(app, "bob", BOB)
        form = hidden(bob(path=ACCOUNT).text, END)
        for id_ in (*ids(alice, END), *ids(other, END), "", "0" * 16, "' or 1=1 --"):
            assert bob("POST", END, form=form | {"id": id_}).status == 404
        assert alice(path=ACCOUNT).status == other(path=ACCOUNT).status == 200

    def test_this_one_is_not_ended_by_its_id(self, bob: Client, app: Flask):
        """That would be signing out, which has a button of its own."""
        second = browser(app, "bob", BOB)
        (mine,) = ids(second, END)
        form = hidden(bob(path=ACCOUNT).text, END) | {"id": mine}
        answer = bob("POST", END, form=form)
        assert answer.status == 422
        assert "sign out instead" in answer.text.lower()

    def test_what_signs_in_is_on_no_page_and_in_no_record(
        self, app: Flask, bob: Client, sink: RecordingSink
    ):
        """Neither the cookie nor what the database finds it by."""
        second = browser(app, "bob", BOB)
        page = bob(path=ACCOUNT).text
        send(bob, ACCOUNT, OTHERS)
        written = page + "".join(event.as_json() for event in sink.events)
        for client in (bob, second):
            assert client.cookies["authz"] not in written
        assert not re.search(r"\b[0-9a-f]{64}\b", written)
        (ended,) = [e for e in sink.events if e.tag == "session:ended"]
        assert (ended.subject, ended.about) == ("user:bob", "user:bob")


class TestTokens:
    def test_a_token_from_birth_to_death(
        self, app: Flask, bob: Client, sink: RecordingSink
    ):
        """Shown once, used at once, seen in the list, revoked at once."""
        secret = make(bob)
        assert ask(app, secret) == 200
        assert ask(app, secret, "/admin") == 403
        page = bob(path=ACCOUNT).text
        assert "bob/phone" in page
        assert secret not in page

        (id_,) = ids(bob, REVOKE)
        assert "does not work any more" in send(bob, ACCOUNT, REVOKE, id=id_).text

        assert ask(app, secret) == 401
        assert "bob/phone" not in bob(path=ACCOUNT).text.partition("tokens-heading")[2]
        assert {"token:added", "token:revoked"} <= set(sink.tags)
        assert secret not in "".join(event.as_json() for event in sink.events)

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"role": "role:admin"}, "role"),
            ({"role": "role:everyone"}, "role"),
            ({"role": "role:authenticated"}, "role"),
            ({"role": "user:alice"}, "role"),
            ({"role": ""}, "role"),
            ({"days": ""}, "days"),
            ({"days": "0"}, "days"),
            ({"days": "9999"}, "days"),
            ({"days": "-30"}, "days"),
            ({"label": ""}, "label"),
            ({"label": "a/b"}, "label"),
            ({"label": "../alice/x"}, "label"),
            ({"label": "a\u202eb"}, "label"),
            ({"label": "<b>"}, "label"),
            ({"label": "x" * 65}, "label"),
        ],
    )
    def test_what_cannot_be(self, bob: Client, fields: dict[str, str], field: str):
        """It is said at the field, as text, and no token was made."""
        answer = send(bob, ACCOUNT, MAKE, **FORM | fields)
        assert answer.status == 422
        assert f'id="{field}-error"' in answer.text
        assert "<b>" not in answer.text.partition("<main")[2]
        assert ids(bob, REVOKE) == []

    def test_a_name_is_taken_once(self, bob: Client, alice: Client):
        """By the same person; others have names of their own."""
        assert make(bob)
        answer = send(bob, ACCOUNT, MAKE, **FORM)
        assert answer.status == 422
        assert "already" in answer.text
        assert make(alice, role="role:admin")

    def test_not_too_many(self, bob: Client):
        """Twenty are as many as anybody keeps in mind."""
        for number in range(20):
            assert make(bob, label=f"t{number}")
        assert not make(bob, label="more")

    def test_not_too_many_a_day(self, bob: Client):
        """What is revoked is kept for the record: it must not fill the database."""
        for number in range(20):
            assert make(bob, label=f"t{number}")
            send(bob, ACCOUNT, REVOKE, id=ids(bob, REVOKE)[0])
        assert not make(bob, label="more")

    def test_nobody_revokes_that_of_somebody_else(
        self, app: Flask, bob: Client, alice: Client
    ):
        """Its id is worth nothing in another's form, and is in nobody else's list."""
        secret = make(alice, role="role:admin")
        (id_,) = ids(alice, REVOKE)
        make(bob)
        form = hidden(bob(path=ACCOUNT).text, REVOKE)
        for wanted in (id_, "env", "", "x" * 500):
            assert bob("POST", REVOKE, form=form | {"id": wanted}).status == 404
        assert ask(app, secret, "/admin") == 200
        assert "alice/phone" not in bob(path=ACCOUNT).text

    def test_a_token_makes_and_ends_nothing_of_its_owner(self, app: Flask, bob: Client):
        """A program with it has no sessions and no tokens."""
        secret = make(bob)
        program = Client(app)
        page = program(path=ACCOUNT, authorization=f"Bearer {secret}").text
        assert "token:bob/phone" in page
        assert "tokens-heading" not in page
        assert "sessions-heading" not in page


class TestOwners:
    def test_who_is_disabled(self, app: Flask, alice: Client, sink: RecordingSink):
        """Their tokens open nothing, and do again once they are enabled."""
        add_carol(alice)
        secret = make(browser(app, "carol", WORDS))
        assert ask(app, secret) == 200
        page, action = f"{PERSON}?id=carol", f"{PERSON}/edit"

        send(alice, page, action, display_name="carol", disabled="yes")
        assert ask(app, secret) == 401
        assert sink.events[-1].reason == "owner-changed"

        send(alice, page, action, display_name="carol")
        assert ask(app, secret) == 200

    def test_who_is_removed(self, app: Flask, alice: Client):
        """The next of that name does not get them."""
        add_carol(alice)
        secret = make(browser(app, "carol", WORDS))
        send(alice, f"{PERSON}/remove?id=carol", f"{PERSON}/remove", typed="carol")
        assert ask(app, secret) == 401

        add_carol(alice)
        assert ask(app, secret) == 401
        assert ids(browser(app, "carol", WORDS), REVOKE) == []

    def test_who_cannot_be_added_twice(self, app: Flask, alice: Client):
        """An attempt to add them again takes no token away."""
        add_carol(alice)
        secret = make(browser(app, "carol", WORDS))
        new = "/authz/admin/people/new"
        fields = {"id": "carol", "password": WORDS, "again": WORDS, "inherit": "yes"}
        assert send(alice, new, new, **fields).status == 422
        assert ask(app, secret) == 200

    def test_who_loses_the_role(self, app: Flask, alice: Client):
        """A token never may more than its owner, however old it is."""
        add_carol(alice)
        secret = make(browser(app, "carol", WORDS))
        role = "/authz/admin/roles/role?name=role:user"
        remove = "/authz/admin/changes/draft/remove"
        assert ask(app, secret) == 200
        send(alice, role, remove)
        apply(alice, "carol leaves")
        assert ask(app, secret) == 401

    def test_who_is_forbidden_something(self, app: Flask, alice: Client):
        """By a rule that would not reach the token: then there is none."""
        add_carol(alice)
        carol = browser(app, "carol", WORDS)
        secret = make(carol)
        assert ask(app, secret) == 200
        draft_rule(alice, "user:carol", "/chat/", effect="deny")
        apply(alice, "not for carol")

        assert ask(app, secret) == 401
        answer = send(browser(app, "carol", WORDS), ACCOUNT, MAKE, **FORM)
        assert answer.status == 422
        assert 'id="role-error"' in answer.text or 'id="label-error"' in answer.text

    def test_a_rule_that_reaches_the_token_takes_nothing_away(
        self, app: Flask, alice: Client
    ):
        """A role is forbidden the same to whoever has it."""
        add_carol(alice)
        secret = make(browser(app, "carol", WORDS))
        draft_rule(alice, "role:user", "/chat/", effect="deny")
        apply(alice, "nobody chats")
        assert ask(app, secret) == 200
        assert ask(app, secret, "/chat/") == 403


def test_without_a_store_there_are_none(make_app: Callable[..., Flask]):
    """The page says nothing of tokens, and a form that was made up makes none."""
    app = make_app(POLICY, AUTHZ_API_TOKEN="x" * 48)
    bob = browser(app, "bob", BOB)
    page = bob(path=ACCOUNT).text
    assert "tokens-heading" not in page
    form = hidden(page, f"{ACCOUNT}/sign-out") | FORM
    assert bob("POST", MAKE, form=form).status == 404
    tokens = get_authz(app).runtime.identity.tokens
    assert tokens is not None
    assert tokens.store.all() == ()
