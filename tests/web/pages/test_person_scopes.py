"""A list of libraries with a tick for each, on the page of a person."""

import random
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask

from tests.web.api.client import Api
from tests.web.apps import SCOPED, Client, browser_of
from tests.web.pages.walk import apply, hidden

POLICY = """\
p, role:admin, *, /*, *
p, role:listener, *, /map, GET
p, role:listener, library:*, /talk, GET
g, user:carol, role:listener, library:kids
g, user:carol, role:listener, library:jazz
"""
PAGE = "/authz/admin/people/person?id=bob"
TICK = "/authz/admin/people/person/scopes"
ROLE = "role:listener"
HOSTILE = (
    "kids", "library:", "library:..", "library:a//b", "**", "library:k*", "Library:k",
    "library:%2e%2e", "library:a\\b", "library:a\nb", "library:" + "x" * 300, "*:kids",
)  # fmt: skip
_BOX = re.compile(r'name="scopes" type="checkbox" value="([^"]*)"( checked)?')
_HAD = re.compile(r'name="had" value="([^"]*)"')
pytestmark = pytest.mark.app(POLICY, **SCOPED)


def boxes(client: Client, page: str = PAGE) -> dict[str, bool]:
    """Return the scopes with a tick that the page offers, and which are ticked."""
    text = client(path=f"{page}&role={ROLE}").text
    found = {unescape(k): bool(v) for k, v in _BOX.findall(text)}
    assert {unescape(k) for k in _HAD.findall(text)} == {k for k in found if found[k]}
    return found


def tick(client: Client, *wanted: str, had: set[str] | None = None, another: str = ""):
    """Send the list with *wanted* ticked, as a browser without JavaScript does."""
    if had is None:
        had = {scope for scope, on in boxes(client).items() if on}
    ours = hidden(client(path=PAGE).text, TICK)["csrf_token"]
    pairs = [("csrf_token", ours), ("id", "bob"), ("role", ROLE)]
    pairs += [("had", scope) for scope in had]
    pairs += [("scopes", scope) for scope in wanted]
    body = urlencode([*pairs, ("another", another)]).encode()
    return client.send_body("POST", TICK, body)


def lines(client: Client) -> set[str]:
    """Return where bob has the role, by the policy file."""
    text = Path(client.app.config["AUTHZ_POLICY"]).read_text()
    start = f"g, user:bob, {ROLE}, "
    return {
        line.removeprefix(start) for line in text.splitlines() if line.startswith(start)
    }


def test_a_library_is_ticked_seen_applied_and_taken_back(
    app: Flask, alice: Client, bob: Client
):
    """The effect is shown before it is in force; an unticked one is gone at once."""
    assert bob(path="/map").status == 403
    assert boxes(alice) == {
        "*": False, "library:*": False, "library:jazz": False, "library:kids": False,
    }  # fmt: skip

    answer = tick(alice, "library:kids")
    assert answer.headers["Location"] == "/authz/admin/changes"
    effect = alice(path="/authz/admin/changes").text
    assert 'id="effect"' in effect
    assert "in <bdi>library:kids</bdi>" in effect
    assert "becomes allowed" in effect or "become allowed" in effect
    assert (bob(path="/map").status, lines(alice)) == (403, set())
    assert boxes(alice)["library:kids"]
    assert "in your draft" in alice(path=f"{PAGE}&role={ROLE}").text

    apply(alice, "kids for bob")
    assert (bob(path="/map").status, lines(alice)) == (200, {"library:kids"})
    assert "library:kids" in alice(path=PAGE).text
    tick(alice)
    apply(alice, "and not any more")
    assert (bob(path="/map").status, lines(alice)) == (403, set())
    text = Path(app.config["AUTHZ_POLICY"]).read_text()
    assert text == POLICY


def test_what_nobody_touched_is_left_alone(alice: Client):
    """A tick that somebody else made meanwhile is neither lost nor made twice."""
    tick(alice, "library:kids")
    apply(alice, "first")
    answer = tick(alice, "library:jazz", had=set())
    assert answer.status == 303
    apply(alice, "second")

    assert lines(alice) == {"library:kids", "library:jazz"}
    assert tick(alice, "library:kids", "library:jazz", had=set()).status == 422
    assert lines(alice) == {"library:kids", "library:jazz"}


def test_a_hostile_scope_is_refused(alice: Client):
    """Ticked in a forged form, or typed: in words at the field, into no draft."""
    for hostile in HOSTILE:
        typed = [tick(alice, had=set(), another=hostile)] if hostile.strip() else []
        for answer in (tick(alice, hostile, had=set()), *typed):
            assert answer.status == 422, hostile
            assert 'id="another-error"' in answer.text
    assert "Your draft" not in alice(path=PAGE).text


def test_an_odd_id_is_one_scope(alice: Client):
    """What looks like two scopes is not read as two."""
    assert tick(alice, "library:kids, x").status == 303
    apply(alice, "odd")

    assert lines(alice) == {'"library:kids, x"'}


def test_a_form_that_is_not_ours_changes_nothing(alice: Client):
    """Without the token of this browser it is refused."""
    body = urlencode({"id": "bob", "role": ROLE, "scopes": "*"}).encode()

    assert alice.send_body("POST", TICK, body).status == 400
    assert "Your draft" not in alice(path=PAGE).text


def test_many_scopes_are_found_by_searching(make_app: Callable[..., Flask]):
    """The page stays short, and what is ticked is on it."""
    many = "".join(f"g, user:bob, {ROLE}, library:n{n:04}\n" for n in range(300))
    app = make_app(POLICY + many, **SCOPED)
    client = browser_of(app, "alice")

    assert len(boxes(client)) == 100
    assert all(boxes(client).values())
    assert "204 more scopes" in client(path=f"{PAGE}&role={ROLE}").text
    assert boxes(client, f"{PAGE}&find=n0299") == {"library:n0299": True}
    assert boxes(client, f"{PAGE}&find=jazz") == {"library:jazz": False}


def test_a_role_in_other_ways_is_said(make_app: Callable[..., Flask]):
    """Who has it everywhere by a setting has it in each library anyway."""
    app = make_app(POLICY.replace("role:listener", "role:user"), **SCOPED)  # fmt: skip
    client = browser_of(app, "alice")
    text = client(path=f"{PAGE}&role=role:user").text

    assert text.count("has it there already") == 4
    assert "every scope" in text
    roles = Api(client).get("/people/local/bob")["roles"]
    assert {r["role"]: r["scopes"] for r in roles}["role:user"] == ["*"]


def test_a_policy_without_scopes_has_no_list(make_app: Callable[..., Flask]):
    """The page is what it was."""
    client = browser_of(make_app(AUTHZ_POLICY_WRITABLE=True), "alice")

    assert "person/scopes" not in client(path=PAGE).text


@pytest.mark.slow
def test_random_ticks(alice: Client):
    """Whatever was ticked and unticked on the way, in the end it is as ticked."""
    rng = random.Random(7)  # noqa: S311 - repeatable, not secret
    scopes = ("*", "library:*", "library:kids", "library:jazz", "library:ä b", "host:a")
    for _ in range(12):
        for _ in range(rng.randint(1, 3)):
            wanted = [scope for scope in scopes if rng.random() < 0.4]
            before = {scope for scope, on in boxes(alice).items() if on}
            answer = tick(alice, *wanted)
            assert (answer.status == 303) is (before != set(wanted))
            assert {s for s, on in boxes(alice).items() if on} == set(wanted)
        if "Your draft" in alice(path=PAGE).text:
            apply(alice, "ticked")
        assert lines(alice) == set(wanted)


def test_a_chain_leads_where_all_of_it_holds(make_app: Callable[..., Flask]):
    """A role that comes with another elsewhere is not held."""
    chain = (
        "g, user:bob, role:singer, library:kids\n"
        "g, role:singer, role:listener, library:jazz\n"
        "g, role:singer, role:reader, library:*\n"
        "p, role:reader, *, /map, GET\n"
        "p, role:singer, *, /talk, GET\n"
    )
    app = make_app(POLICY + chain, AUTHZ_MODEL="model-scoped.conf")
    client = browser_of(app, "alice")
    roles = Api(client).get("/people/local/bob")["roles"]
    held = {role["role"]: (role["scopes"], role["via"]) for role in roles}

    assert "role:listener" not in held
    assert held["role:reader"] == (
        ["library:kids"],
        ["user:bob", "role:singer", "role:reader"],
    )
