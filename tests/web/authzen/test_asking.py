"""Who may ask, about whom, and what becomes of requests that are none."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from authz.admin.context import Actor
from authz.admin.people import add_person, edit_person
from authz.decision import ANONYMOUS
from authz.errors import SettingsError
from authz.extension import get_authz
from authz.web.authzen.meaning import Pdp
from tests.web.apps import POLICY, Client, RecordingSink, browser_of
from tests.web.authzen.pdp import (
    MAY_ASK,
    ON,
    PREFIX,
    TOKEN,
    Pep,
    question,
    reason,
    route,
    user,
)

MAP = route("/map")
GET_MAP: dict[str, Any] = {"action": {"name": "GET"}, "resource": MAP}


@pytest.fixture(name="ask_with")
def _ask_with(make_app: Callable[..., Flask]) -> Callable[..., Pep]:
    return lambda rules=MAY_ASK, **config: Pep(
        make_app(POLICY + rules, **{**ON, **config})
    )


@pytest.fixture(name="pep")
def _pep(ask_with: Callable[..., Pep]) -> Pep:
    return ask_with()


def test_it_is_off_until_it_is_switched_on(make_app: Callable[..., Flask]):
    """Then nothing answers, and the metadata is not there."""
    app = make_app(POLICY + MAY_ASK, **{**ON, "AUTHZ_AUTHZEN": False})
    assert Pep(app)("/nothing", {}).status == 404
    assert not [r for r in app.url_map.iter_rules() if "access" in r.rule]
    assert Client(app)(path="/.well-known/authzen-configuration/authz").status == 302


def test_the_decision_is_that_of_the_hook(pep: Pep):
    """Accounts with their roles, strangers with none, and what the app made public."""
    for name, path, expected in (
        ("bob", "/map", True),
        ("bob", "/admin", False),
        ("alice", "/admin", True),
        ("carol", "/map", False),
        ("carol", "/health", True),
        ("carol", "/authz/static/authz.css", True),
    ):
        assert pep.may(user(name), "GET", route(path)) is expected, (name, path)


def test_only_programs_with_a_token_ask(pep: Pep):
    """Whoever is nobody gets 401, another program's token 403, and so does a person."""
    body = {"subject": user("bob"), **GET_MAP}
    assert replace(pep, token="")("/evaluation", body).status == 401

    alice = browser_of(pep.app, "alice")
    raw = json.dumps(body).encode()
    for path in ("/evaluation", "/search/subject"):
        answer = alice(
            "POST",
            PREFIX + path,
            environ={"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": len(raw)},
            ORIGIN="http://app.test",
        )
        assert (answer.status, reason(answer)) == (403, "no-token")


def test_asking_is_a_decision(ask_with: Callable[..., Pep]):
    """Of the policy, for each of the operations."""
    pep = ask_with(
        "p, role:pep, /authz/access/v1/evaluation, POST\n"
        "p, role:pep, /authz/access/v1/about/user/:id, POST\n"
    )
    body = {"subject": user("bob"), **GET_MAP}
    assert pep("/evaluation", body).status == 200
    for path in ("/evaluations", "/search/subject", "/search/resource"):
        answer = pep(path, body)
        assert (answer.status, reason(answer)) == (403, "access-denied")


def test_about_whom_is_a_decision_too(
    ask_with: Callable[..., Pep], sink: RecordingSink
):
    """Others are 403, one of several is denied, and a search does not find them."""
    pep = ask_with(
        MAY_ASK + "p, role:pep, /authz/access/v1/about/user/alice, POST, deny\n"
        "p, role:pep, /authz/access/v1/about/role/*, *, deny\n"
    )
    alice, bob = ({"subject": user(n), **GET_MAP} for n in ("alice", "bob"))

    assert pep.ask("/evaluation", bob) == {"decision": True}
    answer = pep("/evaluation", alice)
    assert (answer.status, reason(answer)) == (403, "not-about-them")
    assert sink.events[-1].reason == "not-about-them"
    for path in ("/search/action", "/search/resource", "/evaluations"):
        assert pep(path, alice).status == 403
    identity = {"type": "identity", "id": "alice"}  # the same person
    assert pep("/evaluation", {**alice, "subject": identity}).status == 403
    role = {"type": "role", "id": "admin"}
    assert pep("/evaluation", {**alice, "subject": role}).status == 403

    several = [alice, bob, {"subject": 7}]
    answers = pep.ask("/evaluations", {**bob, "evaluations": several})["evaluations"]
    assert [each["decision"] for each in answers] == [False, True, False]
    said = [each["context"]["error"]["status"] for each in answers[::2]]
    assert said == [403, 400]
    noted = [(str(each.tag), each.reason) for each in sink.events[-2:]]
    assert noted == [
        ("decision:deny", "not-about-them"),
        ("decision:deny", "does-not-fit"),
    ]

    assert pep.ask("/about/user/bob", None) == {"decision": True}
    assert pep("/about/user/alice").status == 403
    found = pep.ask("/search/subject", {**GET_MAP, "subject": {"type": "user"}})
    assert found == {"results": [user("bob")]}
    found = pep.ask("/search/subject", {**GET_MAP, "subject": {"type": "role"}})
    assert found == {"results": []}


@pytest.mark.slow
def test_whoever_is_disabled_is_denied(
    make_app: Callable[..., Flask], sink: RecordingSink
):
    """As at the door, and a search does not find them."""
    app = make_app(POLICY + MAY_ASK, **ON, AUTHZ_STORE="sqlite:///{folder}/authz.db")
    runtime, pep = get_authz(app).runtime, Pep(app)
    body = {"action": {"name": "GET"}, "resource": route("/health")}
    assert pep.may(user("carol"), "GET", route("/health"))

    context, actor = get_authz(app).context, Actor(subject=ANONYMOUS, on_the_host=True)
    carol = add_person(context, actor, id="carol").person
    edit_person(context, actor, carol, disabled=True)
    runtime.refresh()

    assert not pep.may(user("carol"), "GET", route("/health"))
    assert sink.events[-1].reason == "disabled"
    found = pep.ask("/search/subject", {**body, "subject": {"type": "user"}})
    assert user("carol") not in found["results"]


def test_many_are_found_a_page_at_a_time(ask_with: Callable[..., Pep]):
    """Each once, and only of those who may; how many they are nobody has counted."""
    grants = (
        f"g, user:n{n:04}, role:{'user' if n % 3 else 'idle'}\n" for n in range(1200)
    )
    pep = ask_with(f"{MAY_ASK}p, role:idle, /idle, GET\n{''.join(grants)}")
    body = {"subject": {"type": "user"}, **GET_MAP}
    found, page = [], {"limit": 300}

    while page:
        answer = pep.ask("/search/subject", {**body, "page": page})
        found += [each["id"] for each in answer["results"]]
        assert "total" not in answer["page"]
        token = answer["page"]["next_token"]
        page = {"token": token} if token else {}

    theirs = [f"n{n:04}" for n in range(1200) if n % 3]
    assert found == sorted(["alice", "bob", *theirs])
    assert len(pep.ask("/search/subject", body)["results"]) == 500


def test_what_is_denied_is_written_down(pep: Pep, sink: RecordingSink):
    """As what the hook denies, with who asked; what is allowed is not."""
    before = len(sink.events)
    assert pep.may(user("bob"), "GET", MAP)
    body = question(user("bob"), "GET", route("/x"))
    pep("/evaluation", body, X_REQUEST_ID="of-the-client")

    (event,) = sink.events[before:]
    assert str(event.tag) == "decision:deny"
    assert (event.subject, event.method, event.path) == ("user:bob", "GET", "/x")
    assert event.reason == "no-rule"
    assert event.detail == {"asked_by": "token:env", "x_request_id": "of-the-client"}


def test_allows_are_written_down_where_they_are(
    ask_with: Callable[..., Pep], sink: RecordingSink
):
    """By the same setting as for requests."""
    pep = ask_with(AUTHZ_AUDIT_ALLOWS=True)
    assert pep.may(user("bob"), "GET", MAP)

    told = [e for e in sink.events if e.subject == "user:bob"]
    assert [str(e.tag) for e in told] == ["decision:allow"]


def _hostile() -> Iterator[tuple[str, bytes]]:
    good = json.dumps({"subject": user("bob"), **GET_MAP})
    yield "deep list", b"[" * 100_000
    yield "deep object", b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    deep = "[" * 5000 + "]" * 5000
    yield "deep context", good.replace("{", f'{{"context":{{"x":{deep}}},', 1).encode()
    yield "large", good.replace("bob", "b" * 2_000_000).encode()
    yield "large unknown", good.replace("{", f'{{"x":"{"y" * 2_000_000}",', 1).encode()
    yield (
        "twice",
        good.replace("{", '{"subject":{"type":"user","id":"alice"},', 1).encode(),
    )
    yield (
        "twice inside",
        good.replace('"id": "bob"', '"id":"bob","id":"alice"').encode(),
    )
    yield (
        "twice escaped",
        good.replace('"id": "bob"', r'"id":"bob","\u0069d":"x"').encode(),
    )
    yield "raw NUL", good.replace("bob", "b\0ob").encode()
    for name, text in (("NUL", r"\u0000"), ("escape", r"\u001b"), ("C1", r"\u0085")):
        for part in ("bob", "/map", "GET", "route", "user"):
            yield (
                f"{name} in {part}",
                good.replace(f'{part}"', f'{part}{text}"').encode(),
            )
    yield "lone surrogate", good.replace("bob", r"b\ud800ob").encode()
    yield "lone surrogate, unknown", good.replace("{", r'{"x":"\udfff",', 1).encode()
    yield "NaN", good.replace("{", '{"x":NaN,', 1).encode()
    yield "Infinity", good.replace("{", '{"x":1e999,', 1).encode()
    yield "digits", good.replace("{", f'{{"x":{"9" * 10_000},', 1).encode()
    yield "UTF-16", good.encode("utf-16")
    yield "mark", b"\xef\xbb\xbf" + good.encode()
    yield "Latin-1", good.replace("bob", "b\xf6b").encode("latin-1")
    yield "trailing", good.encode() + b"{}"
    yield "single quotes", good.replace('"', "'").encode()


@pytest.mark.parametrize("path", ["/evaluation", "/evaluations", "/search/action"])
def test_bad_bodies(pep: Pep, sink: RecordingSink, path: str):
    """Each is the same error again, written down, and never a decision."""
    for name, raw in _hostile():
        if name.endswith(" in GET") and path == "/search/action":
            continue  # it takes no action, and ignores one
        before = len(sink.events)

        answers = [pep(path, raw=raw) for _ in range(2)]

        assert {a.status for a in answers} <= {400, 413}, name
        assert len({reason(a) for a in answers}) == 1
        assert len({a.json["detail"] for a in answers}) == 1
        assert "decision" not in answers[0].json
        events = sink.events[before:]
        assert [str(e.tag) for e in events] == ["api:refused"] * 2
        assert events[0].subject == "token:env"
        assert events[0].reason == reason(answers[0])


def test_a_body_of_unknown_length_ends_where_the_limit_is(pep: Pep):
    """A server that passes chunks on does not make it endless."""
    good = json.dumps({"subject": user("bob"), **GET_MAP}).encode()
    chunked = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    assert pep("/evaluation", raw=good, environ=chunked).status == 200
    large = good + b" " * 70_000
    assert pep("/evaluation", raw=large, environ=chunked).status == 413
    assert pep("/evaluation", raw=large).status == 413


def test_what_goes_wrong_here_is_500(
    pep: Pep, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
):
    """Said as a problem, and recorded; never a decision."""
    monkeypatch.setattr(Pdp, "answer", None)  # a mistake of ours

    answer = pep("/evaluation", {"subject": user("bob"), **GET_MAP}, X_REQUEST_ID="i")

    assert (answer.status, reason(answer)) == (500, "internal")
    assert answer.headers["X-Request-ID"] == "i"
    assert str(sink.events[-1].tag) == "api:refused"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("AUTHZ_AUTHZEN_PREFIX", "/x/"),
        ("AUTHZ_AUTHZEN_URL", "https://pdp.home?x=1"),
        ("AUTHZ_AUTHZEN_URL", "https://pdp.home/#x"),
        ("AUTHZ_AUTHZEN_URL", "https://me@pdp.home"),
    ],
)
def test_settings_that_cannot_be_used(
    ask_with: Callable[..., Pep], setting: str, value: str
):
    """Stop the start, and are named."""
    with pytest.raises(SettingsError) as caught:
        ask_with(**{setting: value})
    assert [p.where for p in caught.value.problems] == [setting]


def test_the_handlers_of_the_app_render_none_of_it(make_app: Callable[..., Flask]):
    """Not at the root either: a program gets what is promised."""
    app = make_app(
        POLICY + MAY_ASK.replace("/authz", ""),
        **ON,
        AUTHZ_AUTHZEN_PREFIX="/",
        AUTHZ_ERROR_HANDLERS=True,
    )
    app.register_error_handler(401, lambda _: ("nobody", 401))
    app.register_error_handler(403, lambda _: ("no", 403))
    for token, status in (("", 401), (TOKEN, 400)):
        answer = Pep(app, prefix="/access/v1", token=token)("/evaluation", {})
        assert answer.status == status


@pytest.mark.parametrize("action", [1, None, [], "GET", {}, {"name": 7}])
def test_a_search_for_actions_takes_none(pep: Pep, action: Any):
    """What it has in that place is an unknown field, and ignored, whatever it is."""
    body = {"subject": user("bob"), "resource": MAP}

    answer = pep.ask("/search/action", {**body, "action": action})

    assert answer == pep.ask("/search/action", body)
    assert answer["results"]
