"""What the certification of AuthZEN 1.0 checks, as far as it needs no attributes.

Its fixture is a small policy and a table: alice reads and writes the first record, bob
only reads it.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from authz.extension import get_authz
from tests.web.apps import RecordingSink, guarded_app
from tests.web.authzen.pdp import MAY_ASK, ON, Pep, question, reason, user

TABLE = """
action, record, read, GET, /records/:id
action, record, write, PUT, /records/:id
action, record, delete, DELETE, /records/:id
"""
POLICY = f"""
{MAY_ASK.replace("/authz", "")}
p, role:reader, /records/record-1, GET
p, role:writer, /records/record-1, PUT
p, role:admin, /authz/*, *
g, role:writer, role:reader
g, user:alice, role:writer
g, user:bob, role:reader
"""
CONTEXT = {"time": "2026-06-27T18:03-07:00", "ip": "192.0.2.7"}
RECORD = {"type": "record", "id": "record-1"}


@pytest.fixture(name="pep", scope="module")
def _pep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pep]:
    folder = tmp_path_factory.mktemp("pdp")
    table = folder / "authzen.csv"
    table.write_text(TABLE, encoding="utf-8")
    more = {"AUTHZ_AUTHZEN_TABLE": str(table), "AUTHZ_AUTHZEN_PREFIX": "/"}
    people = {"AUTHZ_ADMIN": "root", "AUTHZ_USER": "eve"}
    sink, path = RecordingSink(), folder / "policy.csv"
    app = guarded_app(path, POLICY, sink, **ON, **more, **people)
    yield Pep(app, prefix="/access/v1")
    get_authz(app).runtime.close()


def asks(subject: str, action: str, record: str = "record-1") -> dict[str, Any]:
    """Return one question."""
    return question(user(subject), action, {"type": "record", "id": record})


@pytest.mark.parametrize(
    ("subject", "action", "expected"),
    [
        ("alice", "read", True),
        ("alice", "write", True),
        ("bob", "read", True),
        ("bob", "write", False),
    ],
)
def test_the_decisions_of_the_fixture(
    pep: Pep, subject: str, action: str, expected: bool
):
    """Each is a boolean and nothing else, and asking again changes nothing."""
    for _ in range(3):
        assert pep.ask("/evaluation", asks(subject, action)) == {"decision": expected}


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"context": CONTEXT}, id="context"),
        pytest.param({"foo": "bar", "futureField": {"nested": True}}, id="unknown"),
        pytest.param({"evaluations": 7, "options": "x", "page": 3}, id="of-others"),
        pytest.param(
            {
                "subject": {**user("alice"), "properties": {"role": "manager"}, "x": 1},
                "action": {"name": "read", "properties": {"method": "GET"}, "y": []},
                "resource": {**RECORD, "properties": {"owner": "bob"}, "z": {}},
            },
            id="properties",
        ),
    ],
)
def test_what_is_optional_or_unknown_changes_nothing(pep: Pep, more: dict[str, Any]):
    """Context, properties and fields of another version are no error."""
    body = {**asks("alice", "read"), **more}

    assert pep.ask("/evaluation", body) == {"decision": True}


_WRONG: list[Any] = [None, "alice", 7, True, [], ["alice"], 1.5]


@pytest.mark.parametrize("endpoint", ["/evaluation", "/evaluations"])
@pytest.mark.parametrize(
    ("part", "field"),
    [
        ("subject", ""),
        ("action", ""),
        ("resource", ""),
        ("subject", "type"),
        ("subject", "id"),
        ("action", "name"),
        ("resource", "type"),
        ("resource", "id"),
    ],
)
def test_what_is_required_is_400_if_it_is_missing_or_of_another_type(
    pep: Pep, endpoint: str, part: str, field: str
):
    """A subject, an action and a resource, and what names each of them."""
    good = asks("alice", "read")
    bodies = []
    if field:
        rest = {k: v for k, v in good[part].items() if k != field}
        wrong = [w for w in _WRONG if not isinstance(w, str)]
        bodies = [{**good, part: rest}]
        bodies += [{**good, part: {**rest, field: w}} for w in [*wrong, {}, ""]]
    else:
        bodies = [{k: v for k, v in good.items() if k != part}]
        bodies += [{**good, part: w} for w in _WRONG]

    for body in bodies:
        assert pep(endpoint, body).status == 400, body


def test_optional_parts_of_another_type_are_400(pep: Pep):
    """The context and the properties are objects."""
    good = asks("alice", "read")
    for wrong in _WRONG:
        assert pep("/evaluation", {**good, "context": wrong}).status == 400
        for part in ("subject", "action", "resource"):
            body = {**good, part: {**good[part], "properties": wrong}}
            assert pep("/evaluation", body).status == 400


@pytest.mark.parametrize(
    "path", ["/evaluation", "/evaluations", "/search/subject", "/search/action"]
)
def test_what_is_no_json_object_is_400(pep: Pep, path: str):
    """Another content type, no JSON, nothing, and JSON that is no object."""
    good = json.dumps(asks("alice", "read")).encode()

    for kind in ("text/plain", "", "application/x-www-form-urlencoded", "text/json"):
        answer = pep(path, raw=good, content_type=kind)
        assert (answer.status, reason(answer)) == (400, "not-json")
    for raw in (b"", b"{", b"alice", good[:-1], good + b"x", b"\xff{}"):
        answer = pep(path, raw=raw)
        assert (answer.status, reason(answer)) == (400, "bad-json")
    for raw in (b"[]", b"null", b'"x"', b"7", b"true"):
        answer = pep(path, raw=raw)
        assert (answer.status, reason(answer)) == (400, "does-not-fit")
    answer = pep(path, raw=good, content_type="application/json; charset=utf-8")
    assert answer.status == 200


def test_the_id_of_a_request_comes_back_with_every_answer(pep: Pep):
    """With a decision, an error, and where nobody may ask; without one, none."""
    sent = "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"
    answers = [
        pep("/evaluation", asks("alice", "read"), X_REQUEST_ID=sent),
        pep("/search/action", asks("alice", "read"), X_REQUEST_ID=sent),
        pep("/evaluation", {}, X_REQUEST_ID=sent),
        pep("/evaluation", method="GET", X_REQUEST_ID=sent),
        pep("/nothing", {}, X_REQUEST_ID=sent),
        pep("/evaluation", {}, X_REQUEST_ID=sent, AUTHORIZATION="Bearer wrong"),
        replace(pep, token="")("/evaluation", {}, X_REQUEST_ID=sent),
    ]

    assert [a.status for a in answers] == [200, 200, 400, 405, 404, 401, 401]
    assert [a.headers.get("X-Request-ID") for a in answers] == [sent] * 7
    for refused in answers[-2:]:
        assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "X-Request-ID" not in pep("/evaluation", asks("alice", "read")).headers


def test_several_questions(pep: Pep):
    """Each is answered in its place, with what stands beside them as a default."""
    answer = pep.ask(
        "/evaluations",
        {
            "subject": user("bob"),
            "resource": RECORD,
            "context": CONTEXT,
            "evaluations": [
                {"action": {"name": "read"}},
                {"action": {"name": "write"}, "context": {"source": "other"}},
                {"action": {"name": "write"}, "subject": user("alice")},
                {"action": {"name": "read"}, "resource": {**RECORD, "id": "record-2"}},
            ],
        },
    )

    assert answer == {
        "evaluations": [
            {"decision": True},
            {"decision": False},
            {"decision": True},
            {"decision": False},
        ]
    }


def test_several_whole_questions(pep: Pep):
    """Nothing need stand beside them, and one that is empty takes all from there."""
    questions = [asks("alice", "read"), asks("bob", "write")]

    answer = pep.ask("/evaluations", {"evaluations": questions})
    assert answer == {"evaluations": [{"decision": True}, {"decision": False}]}

    answer = pep.ask(
        "/evaluations", {**asks("alice", "write"), "evaluations": [{}, questions[1]]}
    )
    assert answer == {"evaluations": [{"decision": True}, {"decision": False}]}


def test_a_default_is_taken_whole(pep: Pep):
    """What a question says of a subject is not mixed with the subject beside it."""
    body = {**asks("alice", "read"), "evaluations": [{"subject": {"id": "alice"}}]}

    (answer,) = pep.ask("/evaluations", body)["evaluations"]

    assert answer["decision"] is False
    assert answer["context"]["error"]["status"] == 400


@pytest.mark.parametrize("more", [{}, {"evaluations": []}])
def test_no_questions_are_one(pep: Pep, more: dict[str, Any]):
    """Without any, or with an empty list, the body is the question."""
    body = {**asks("alice", "read"), **more}

    assert pep.ask("/evaluations", body) == {"decision": True}
    assert pep("/evaluations", {**more, "subject": user("alice")}).status == 400


def test_a_question_that_is_none_is_denied_alone(pep: Pep):
    """With why; the others are answered as ever."""
    body = {
        "subject": user("alice"),
        "action": {"name": "read"},
        "options": {"evaluations_semantic": "execute_all", "another": 1},
        "evaluations": [
            {"resource": RECORD},
            {},
            {"resource": "x"},
            {"resource": RECORD},
        ],
    }

    answers = pep.ask("/evaluations", body)["evaluations"]

    assert [each["decision"] for each in answers] == [True, False, False, True]
    assert answers[1]["context"] == {
        "error": {"status": 400, "message": "#/resource is missing"}
    }
    assert answers[2]["context"]["error"]["status"] == 400


@pytest.mark.parametrize(
    ("semantic", "decisions"),
    [
        ("execute_all", [True, False, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
        (None, [True, False, False, True]),
    ],
)
def test_when_no_more_is_asked(pep: Pep, semantic: str | None, decisions: list[bool]):
    """The first denial ends one, a failure too; the first permit the other."""
    body: dict[str, Any] = {
        "action": {"name": "read"},
        "resource": RECORD,
        "evaluations": [{"subject": user(n)} for n in ("alice", "x", "y", "bob")],
    }
    if semantic:
        body["options"] = {"evaluations_semantic": semantic}
    answers = pep.ask("/evaluations", body)["evaluations"]
    assert [each["decision"] for each in answers] == decisions

    body["evaluations"].insert(0, {"subject": {}})
    answers = pep.ask("/evaluations", body)["evaluations"]
    expected = {
        "deny_on_first_deny": [False],
        "permit_on_first_permit": [False, True],
    }.get(semantic or "", [False, *decisions])
    assert [each["decision"] for each in answers] == expected


@pytest.mark.parametrize(
    "more",
    [
        {"evaluations": {}},
        {"evaluations": "all"},
        {"evaluations": None},
        {"evaluations": ["x"]},
        {"evaluations": [{}] * 1001},
        {"evaluations": [{}], "options": []},
        {"evaluations": [{}], "options": None},
        {"evaluations": [{}], "options": {"evaluations_semantic": "first"}},
        {"evaluations": [{}], "options": {"evaluations_semantic": None}},
        {"evaluations": [{}], "options": {"evaluations_semantic": ["execute_all"]}},
        {"evaluations": [asks("bob", "read")], "subject": "alice"},
        {"evaluations": [asks("bob", "read")], "resource": {"type": "record"}},
        {"evaluations": [asks("bob", "read")], "context": "x"},
    ],
)
def test_wrong_forms_of_several_questions_are_400(pep: Pep, more: dict[str, Any]):
    """What is wrong with all of it is the whole request's mistake."""
    assert pep("/evaluations", {**asks("alice", "read"), **more}).status == 400


SEARCHES: dict[str, dict[str, Any]] = {
    "/search/subject": question({"type": "user"}, "read", RECORD),
    "/search/resource": question(user("alice"), "read", {"type": "record"}),
    "/search/action": {"subject": user("alice"), "resource": RECORD},
}
FOUND: dict[str, list[dict[str, str]]] = {
    "/search/subject": [user("alice"), user("bob")],
    "/search/resource": [RECORD],
    "/search/action": [{"name": "read"}, {"name": "write"}],
}


@pytest.mark.parametrize("path", SEARCHES)
def test_searches(pep: Pep, path: str):
    """Who, what and which, through roles of roles; what names the sought is ignored."""
    body = SEARCHES[path]
    sought = path.rpartition("/")[2]
    named = {**body.get(sought, {}), "id": "record-1", "name": "write"}

    for more in (
        {},
        {"context": CONTEXT},
        {"foo": 1},
        {sought: named},
        {sought: {**named, "id": 7}},
    ):
        assert pep.ask(path, {**body, **more}) == {"results": FOUND[path]}, more


@pytest.mark.parametrize("path", SEARCHES)
def test_what_is_found_is_what_is_allowed(pep: Pep, path: str):
    """An evaluation of each result says yes."""
    sought = path.rpartition("/")[2]
    for each in pep.ask(path, SEARCHES[path])["results"]:
        body = {**SEARCHES[path], sought: each}
        assert pep.ask("/evaluation", body) == {"decision": True}


@pytest.mark.parametrize("path", SEARCHES)
@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param({"subject": {"type": "spaceship", "id": "alice"}}, id="subject"),
        pytest.param({"resource": {"type": "planet", "id": "record-1"}}, id="resource"),
    ],
)
def test_unknown_types_find_nothing(pep: Pep, path: str, unknown: dict[str, Any]):
    """An empty list is the answer, not an error."""
    assert pep.ask(path, {**SEARCHES[path], **unknown}) == {"results": []}


def test_unknown_ids_find_nothing(pep: Pep):
    """So it is with a subject, a resource and an action that nobody knows."""
    nobody, nothing = {"subject": user("nobody")}, {"resource": {**RECORD, "id": "x"}}
    for path, unknown in (
        ("/search/action", nobody),
        ("/search/resource", nobody),
        ("/search/action", nothing),
        ("/search/subject", nothing),
        ("/search/subject", {"action": {"name": "fly"}}),
        ("/search/resource", {"action": {"name": "fly"}}),
    ):
        assert pep.ask(path, {**SEARCHES[path], **unknown}) == {"results": []}


@pytest.mark.parametrize("path", SEARCHES)
def test_what_a_search_needs(pep: Pep, path: str):
    """What is not sought has to be there, with all that names it."""
    body, sought = SEARCHES[path], path.rpartition("/")[2]
    for part in body:
        assert pep(path, {k: v for k, v in body.items() if k != part}).status == 400
        for field in body[part]:
            if part == sought and field == "id":
                continue
            rest = {k: v for k, v in body[part].items() if k != field}
            assert pep(path, {**body, part: rest}).status == 400


@pytest.mark.parametrize("path", ["/search/subject", "/search/action"])
def test_pages(pep: Pep, path: str):
    """One after the other, until the token is empty; the limit need not be repeated."""
    body, every = SEARCHES[path], FOUND[path]

    first = pep.ask(path, {**body, "page": {"limit": 1}})
    token = first["page"]["next_token"]
    assert list(first) == ["page", "results"]
    assert first["results"] == every[:1]
    assert first["page"] == {"next_token": token, "count": 1, "total": 2}
    assert token

    for page in ({"token": token}, {"token": token, "limit": 1}):
        second = pep.ask(path, {**body, "page": page})
        assert second["results"] == every[1:]
        assert second["page"] == {"next_token": "", "count": 1, "total": 2}

    whole = pep.ask(path, {**body, "page": {"limit": 2**40, "extra": 1}})
    assert whole["results"] == every
    assert whole["page"]["next_token"] == ""
    assert pep.ask(path, {**body, "page": {}})["page"]["next_token"] == ""
    none = pep.ask(path, {**body, "page": {"limit": 0}})
    assert none["results"] == []
    assert none["page"]["next_token"]


def test_a_token_is_of_its_question(pep: Pep):
    """Another limit, entity, context, or endpoint is an error, and so is nonsense."""
    path = "/search/subject"
    body = SEARCHES[path]
    token = pep.ask(path, {**body, "page": {"limit": 1}})["page"]["next_token"]
    again = {**body, "page": {"token": token}}

    for wrong in (
        {"page": {"token": token, "limit": 2}},
        {"page": {"token": token, "properties": {"sort": "up"}}},
        {"action": {"name": "write"}},
        {"context": CONTEXT},
        {"subject": {"type": "identity"}},
        {"resource": {**RECORD, "properties": {}}},
        {"page": {"token": token[:-4]}},
        {"page": {"token": "x" + token}},
        {"page": {"token": "nonsense"}},
        {"page": {"token": "W10="}},
        {"page": {"token": "é"}},
        {"page": {"token": ""}},
        {"page": {"token": 7}},
        {"page": {"token": None}},
        {"page": {"limit": -1}},
        {"page": {"limit": 1.0}},
        {"page": {"limit": True}},
        {"page": {"limit": "1"}},
        {"page": {"limit": None}},
        {"page": {"properties": 1}},
        {"page": 1},
        {"page": None},
        {"page": []},
    ):
        assert pep(path, {**again, **wrong}).status == 400, wrong
    assert pep("/search/resource", {**again, "subject": user("alice")}).status == 400
    assert pep.ask(path, again)["results"] == [user("bob")]


@pytest.mark.parametrize("prefix", ["/", "/authz", "/some/where"])
def test_the_metadata(make_app: Callable[..., Flask], prefix: str):
    """Strangers find out where to ask; the path stands behind the well-known one."""
    base = "" if prefix == "/" else prefix
    pep = Pep(make_app(**ON, AUTHZ_AUTHZEN_PREFIX=prefix), prefix="", token="")

    answer = pep(f"/.well-known/authzen-configuration{base}", method="GET", raw=b"")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    url = f"https://app.test{base}"
    assert answer.json == {
        "policy_decision_point": url,
        "access_evaluation_endpoint": f"{url}/access/v1/evaluation",
        "access_evaluations_endpoint": f"{url}/access/v1/evaluations",
        "search_subject_endpoint": f"{url}/access/v1/search/subject",
        "search_resource_endpoint": f"{url}/access/v1/search/resource",
        "search_action_endpoint": f"{url}/access/v1/search/action",
    }


def test_the_metadata_says_what_the_operator_calls_it(make_app: Callable[..., Flask]):
    """A setting says so where a proxy has another path, or nobody is to choose."""
    app = make_app(**ON, AUTHZ_AUTHZEN_URL="https://pdp.example/tenant1/")
    pep = Pep(app, prefix="", token="")

    found = "/.well-known/authzen-configuration/tenant1"
    answer = pep(found, method="GET", raw=b"", HOST="evil.example")

    said = answer.json
    assert said["policy_decision_point"] == "https://pdp.example/tenant1"
    assert all(url.startswith("https://pdp.example/tenant1") for url in said.values())
