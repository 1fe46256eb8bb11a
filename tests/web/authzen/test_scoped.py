"""Questions to a policy in which rules and grants hold in a scope each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from authz.admin.context import Actor
from authz.admin.own_tokens import make_own_token
from authz.admin.tokens import make_token
from authz.extension import get_authz
from tests.web.apps import CHEAP_BOB, RecordingSink
from tests.web.authzen.pdp import MAY_ASK, ON, Pep, question, route, user

POLICY = """
p, role:pep, *, /authz/access/v1/*, POST
p, role:admin, *, /authz/*, *
p, role:user, *, /map, GET
p, role:user, library:*, /api/libraries/:id/tracks, GET
p, role:user, library:*, /api/search, GET
p, role:user, host:*, /todos, GET
g, user:carol, role:user, library:kids
g, user:dan, role:user, host:todo.home
"""
TABLE = """
scope, /api/libraries/:id/*, *, library, path:id
scope, /api/search, *, library, query:library
scope, /todos, *, host, host
"""


@pytest.fixture(name="pep")
def _pep(make_app: Callable[..., Flask], tmp_path: Path) -> Pep:
    table = tmp_path / "scopes.csv"
    table.write_text(TABLE, encoding="utf-8")
    more = {"AUTHZ_MODEL": "model-scoped.conf", "AUTHZ_SCOPES_FILE": str(table)}
    return Pep(make_app(POLICY, **ON, **more))


def about(path: str, scope: Any) -> dict[str, Any]:
    """Return a path with what a request for it would be about."""
    return {**route(path), "properties": {"scope": scope}}


@pytest.mark.parametrize(
    ("name", "resource", "expected"),
    [
        ("carol", route("/map"), True),
        ("dan", route("/map"), True),
        ("eve", route("/map"), False),
        ("carol", about("/map", "library:kids"), True),
        ("carol", about("/map", "library:rock"), False),
        ("carol", about("/map", ["library:kids"]), True),
        ("carol", about("/map", ["library:kids", "library:rock"]), False),
        ("carol", route("/api/libraries/kids/tracks"), True),
        ("carol", route("/api/libraries/rock/tracks"), False),
        ("carol", about("/api/libraries/kids/tracks", "library:kids"), True),
        ("carol", about("/api/libraries/rock/tracks", "library:kids"), False),
        ("carol", about("/api/libraries/kids/tracks", "library:rock"), False),
        # What names its scope elsewhere is not about none.
        ("carol", route("/api/search"), False),
        ("carol", about("/api/search", "library:kids"), True),
        ("carol", about("/api/search", "host:kids"), False),
        ("carol", about("/api/search", []), False),
        ("carol", about("/api/search", None), False),
        ("carol", about("/api/search", 7), False),
        ("carol", about("/api/search", [7]), False),
        ("carol", about("/api/search", "library:*"), False),
        ("carol", about("/api/search", "*"), False),
        ("carol", about("/api/search", "kids"), False),
        ("carol", about("/api/search", {"library": "kids"}), False),
        ("dan", route("/todos"), False),
        ("dan", about("/todos", "host:todo.home"), True),
        ("dan", route("https://todo.home/todos"), True),
        ("dan", route("http://TODO.home:8443/todos"), True),
        ("dan", route("https://other.home/todos"), False),
        ("dan", about("https://todo.home/todos", "host:other.home"), False),
        ("dan", route("https://todo.home/todos?x=1"), False),
        ("dan", route("https://todo.home/todos#x"), False),
        ("dan", route("https://todo.home/todos/"), False),
        ("dan", route("https://todo.home"), False),
        ("dan", route("https://me@todo.home/todos"), False),
        ("dan", route("https://todo.home\\@x/todos"), False),
        ("dan", route("https://todo.home./todos"), False),
        ("dan", route("https://[::1/todos"), False),
        ("dan", route("https:///todos"), False),
        ("dan", route("//todo.home/todos"), False),
    ],
)
def test_what_a_question_is_about(
    pep: Pep, name: str, resource: dict[str, Any], expected: bool
):
    """Its path says so, its host, or a property; what is missing is denied."""
    assert pep.may(user(name), "GET", resource) is expected


def test_a_url_means_nothing_without_scopes(make_app: Callable[..., Flask]):
    """No rule speaks of hosts, so none is let through by its path alone."""
    pep = Pep(
        make_app(
            MAY_ASK + "p, role:user, /map, GET\np, role:admin, /*, *",
            **ON,
        )
    )
    assert pep.may(user("bob"), "GET", route("/map"))
    assert not pep.may(user("bob"), "GET", route("https://app.test/map"))


def test_a_search_is_about_the_same(pep: Pep):
    """Only who may there is found; bob has the role everywhere."""
    body = question({"type": "user"}, "GET", route("https://todo.home/todos"))
    assert pep.ask("/search/subject", body) == {"results": [user("bob"), user("dan")]}
    body["resource"] = about("/api/search", "library:kids")
    assert pep.ask("/search/subject", body) == {"results": [user("bob"), user("carol")]}


def test_the_record_says_what_it_was_about(pep: Pep, sink: RecordingSink):
    """As that of a request does."""
    pep.may(user("dan"), "GET", route("https://other.home/todos"))
    assert sink.events[-1].detail["scope"] == "host:other.home"


def test_what_only_the_app_could_say_has_to_be_said(make_app: Callable[..., Flask]):
    """Its function is asked about requests, and there is none here."""
    says = {"scope_of": lambda _request, _subject: None}
    pep = Pep(make_app(POLICY, authz=says, **ON, AUTHZ_MODEL="model-scoped.conf"))

    assert not pep.may(user("carol"), "GET", route("/map"))
    assert pep.may(user("carol"), "GET", about("/map", "library:kids"))


def test_a_token_that_holds_in_some_scopes_asks_about_nobody(
    make_app: Callable[..., Flask],
):
    """Limited itself, or by its owner: what it would be told is of the whole."""
    app = make_app(
        POLICY + "g, user:eve, role:pep, library:kids\ng, user:eve, role:user, *\n",
        **ON,
        AUTHZ_MODEL="model-scoped.conf",
        AUTHZ_STORE="sqlite:///{folder}/authz.db",
        AUTHZ_ACCOUNTS=f"eve:user[library:none]:{CHEAP_BOB}",
    )
    guarded = get_authz(app)
    context, by_name = guarded.context, guarded.runtime.accounts.by_name
    alice, eve = (Actor(subject=by_name[name].subject) for name in ("alice", "eve"))

    made = {
        scopes: make_token(
            context, alice, name=f"t{len(scopes)}", role="role:pep", scopes=scopes
        )[0]
        for scopes in ((), ("library:kids",))
    }
    own, _ = make_own_token(context, eve, label="x", role="role:pep", days=9)
    asked = question(user("carol"), "GET", route("/map"))
    searched = asked | {"subject": {"type": "user"}}
    for path, body in (("/evaluation", asked), ("/search/subject", searched)):
        for limited in (made["library:kids",], own):
            assert Pep(app, token=limited)(path, body).status == 403
        assert Pep(app, token=made[()])(path, body).status == 200
