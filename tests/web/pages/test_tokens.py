"""The pages about all API tokens."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape

import pytest
from flask import Flask

from authz.extension import get_authz
from authz.identity.tokens import new_token
from tests.services import until
from tests.web.apps import KEPT, POLICY, Client, RecordingSink, browser_of
from tests.web.pages.walk import hidden, send

TOKENS = "/authz/admin/tokens"
NEW = f"{TOKENS}/new"
REVOKE = f"{TOKENS}/revoke"
FORM = {"label": "backup", "role": "role:user", "days": "30"}
HOSTILE = "\u05d0\u05d3\u05de<img src=x>"
pytestmark = pytest.mark.app(**KEPT)


def ask(app: Flask, token: str) -> int:
    """Return what a program with *token* is answered."""
    return Client(app)(path="/map", authorization=f"Bearer {token}").status


def secret_in(text: str) -> str:
    """Return the token that a page shows."""
    found = re.search(r'<pre id="token"[^>]*>(authz_[^<]+)<', text)
    assert found
    return unescape(found[1])


def test_a_token_from_birth_to_death(app: Flask, alice: Client, sink: RecordingSink):
    """From the empty list to the revoked one, with a record of each step."""
    assert "There are no tokens in use" in alice(path=TOKENS).text
    made = send(alice, NEW, NEW, **FORM)
    secret = secret_in(made.text)
    assert made.headers["Cache-Control"] == "no-store"
    assert ask(app, secret) == 200
    listed = alice(path=TOKENS).text
    assert "backup" in listed
    assert secret not in listed

    assert "does not work any more" in send(alice, TOKENS, REVOKE).text

    assert ask(app, secret) == 401
    assert ">backup<" not in alice(path=TOKENS).text.partition("<table")[2]
    assert ">backup<" in alice(path=f"{TOKENS}?revoked=yes").text
    assert sink.tags.count("token:added") == sink.tags.count("token:revoked") == 1
    assert secret not in "".join(event.as_json() for event in sink.events)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"label": ""}, "label"),
        ({"label": "env"}, "label"),
        ({"label": "break-glass/alice"}, "label"),
        ({"label": "*"}, "label"),
        ({"label": "a\u202eb"}, "label"),
        ({"role": ""}, "role"),
        ({"role": "role:everyone"}, "role"),
        ({"days": "9999"}, "days"),
        ({"days": "x"}, "days"),
    ],
)
def test_what_cannot_be(app: Flask, alice: Client, fields: dict[str, str], field: str):
    """It is said at the field, and no token was made."""
    answer = send(alice, NEW, NEW, **FORM | fields)
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    assert get_authz(app).runtime.stores.tokens.all() == ()


def test_until_it_is_revoked(alice: Client):
    """A token need not have an end, if an administrator says so."""
    assert "it is revoked" in send(alice, NEW, NEW, **FORM | {"days": ""}).text
    assert "until it is revoked" in alice(path=TOKENS).text


def test_search_and_an_expired_one(app: Flask, alice: Client):
    """By name, role and maker; a name is only a name."""
    store = get_authz(app).runtime.stores.tokens
    now = datetime.now(UTC)
    for name, author in ((HOSTILE, "user:alice"), ("old", f"user:{HOSTILE}")):
        _, token = new_token(
            name, role="role:user", author=author, now=now, expires=now
        )
        store.add(token, before_commit=lambda *_: None)
    page = alice(path=TOKENS).text
    assert "<img" not in page.partition("<main")[2]
    assert "<bdi>\u05d0\u05d3\u05de&lt;img src=x&gt;</bdi>" in page
    assert page.count("expired</span>") == 2
    found = alice(path=f"{TOKENS}?search=OLD").text.partition("<table")[2]
    assert found.count("expired</span>") == 1
    assert "No token matches" in alice(path=f"{TOKENS}?search=zzz").text


def test_whoever_may_only_look_makes_none(make_app: Callable[..., Flask]):
    """The pages are open as the rules say; a helpdesk makes no administrator."""
    rules = (
        "p, role:user, /authz/admin/tokens, GET\n"
        "p, role:user, /authz/admin/tokens/new, GET|POST\n"
        "g, token:planned, role:admin\n"
    )
    app = make_app(POLICY + rules, **KEPT)
    bob = browser_of(app, "bob")
    assert send(bob, NEW, NEW, **FORM | {"role": "role:admin"}).status == 422
    planned = send(bob, NEW, NEW, **FORM | {"label": "planned"})
    assert planned.status == 422
    assert "already names" in planned.text
    assert ask(app, secret_in(send(bob, NEW, NEW, **FORM).text)) == 200


def test_where_tokens_cannot_be_kept(make_app: Callable[..., Flask]):
    """The page says so; that of a setting is shown and cannot be revoked here."""
    alice = browser_of(make_app(AUTHZ_API_TOKEN="x" * 48), "alice")
    page = alice(path=TOKENS).text
    assert "AUTHZ_STORE" in page
    assert "cannot be changed here" in page
    assert 'action="/authz/admin/tokens/new"' not in alice(path=NEW).text
    form = hidden(page, "/authz/sign-out") | FORM | {"id": "env"}
    assert alice("POST", NEW, form=form).status == 422
    assert alice("POST", REVOKE, form=form).status == 422


def test_it_is_last_used(app: Flask, alice: Client):
    """To the minute, in words."""
    secret = secret_in(send(alice, NEW, NEW, **FORM).text)
    assert "never" in alice(path=TOKENS).text.partition("<tbody")[2]
    ask(app, secret)

    def is_noted() -> bool:
        # In the background, where it may be under way just now.
        get_authz(app).runtime.following.do_chores()
        return "never" not in alice(path=TOKENS).text.partition("<tbody")[2]

    until(is_noted)
