"""What an API gateway asks: may this subject use this HTTP method on this route.

People, roles and routes are those of the interoperability scenario of the standard's
working group, written anew: five people, four roles, five routes.
"""

from collections.abc import Iterator

import pytest

from authz.extension import get_authz
from tests.web.apps import RecordingSink, guarded_app
from tests.web.authzen.pdp import MAY_ASK, ON, Pep, question, route

POLICY = f"""
{MAY_ASK}
p, role:admin, /authz/*, *
p, role:viewer, /users/:id, GET
p, role:viewer, /todos, GET
p, role:editor, /todos, POST
p, role:editor, /todos/:id, PUT|DELETE
p, role:boss, /todos, POST
p, role:boss, /todos/:id, DELETE
p, role:evil_genius, /todos/:id, PUT
g, role:editor, role:viewer
g, role:boss, role:viewer
g, role:evil_genius, role:viewer
g, user:rick@the-citadel.com, role:boss
g, user:rick@the-citadel.com, role:evil_genius
g, user:morty@the-citadel.com, role:editor
g, user:summer@the-smiths.com, role:editor
g, user:beth@the-smiths.com, role:viewer
g, user:jerry@the-smiths.com, role:viewer
"""
RICK, MORTY, SUMMER = (
    "rick@the-citadel.com",
    "morty@the-citadel.com",
    "summer@the-smiths.com",
)
BETH, JERRY = "beth@the-smiths.com", "jerry@the-smiths.com"
WRITERS = {RICK, MORTY, SUMMER}
EVERYBODY = {*WRITERS, BETH, JERRY}
#: Who may, by method and route.
EXPECTED = {
    ("GET", "/users/{userId}"): EVERYBODY,
    ("GET", "/todos"): EVERYBODY,
    ("POST", "/todos"): WRITERS,
    ("PUT", "/todos/{todoId}"): WRITERS,
    ("DELETE", "/todos/{todoId}"): WRITERS,
}


@pytest.fixture(name="pep", scope="module")
def _pep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pep]:
    path = tmp_path_factory.mktemp("pdp") / "policy.csv"
    app = guarded_app(path, POLICY, RecordingSink(), **ON)
    yield Pep(app)
    get_authz(app).runtime.close()


def identity(id_: str) -> dict[str, str]:
    """Return a person as the scenario spells one."""
    return {"type": "identity", "id": id_}


@pytest.mark.parametrize(("method", "path"), EXPECTED)
def test_the_decisions_of_the_scenario(pep: Pep, method: str, path: str):
    """Each of the 25 decisions, one by one and all at once; nobody else may."""
    people = sorted(EVERYBODY)
    for name in people:
        expected = name in EXPECTED[method, path]
        assert pep.may(identity(name), method, route(path)) is expected
    answer = pep.ask(
        "/evaluations",
        {
            "action": {"name": method},
            "resource": route(path),
            "evaluations": [{"subject": identity(name)} for name in people],
        },
    )
    assert answer["evaluations"] == [
        {"decision": name in EXPECTED[method, path]} for name in people
    ]
    assert not pep.may(identity("mr@meeseeks.com"), method, route(path))


@pytest.mark.parametrize(("method", "path"), EXPECTED)
def test_who_may_use_a_route(pep: Pep, method: str, path: str):
    """A search for subjects finds exactly those, through roles of roles."""
    found = pep.ask(
        "/search/subject",
        question({"type": "identity"}, method, route(path)),
    )
    assert {each["id"] for each in found["results"]} == EXPECTED[method, path]
    assert {each["type"] for each in found["results"]} == {"identity"}


def test_which_routes_somebody_may_use(pep: Pep):
    """Those that rules speak of, and those of the app; each is one to ask about."""
    body = question(identity(MORTY), "DELETE", {"type": "route"})
    assert pep.ask("/search/resource", body) == {"results": [route("/todos/{id}")]}

    body["action"] = {"name": "GET"}
    found = [each["id"] for each in pep.ask("/search/resource", body)["results"]]
    assert {"/todos", "/users/{id}"} <= set(found)
    assert not {"/map", "/authz/account", "/authz/sign-in"} & set(found)
    for path in found:
        assert pep.may(identity(MORTY), "GET", route(path))


def test_what_somebody_may_do_to_a_route(pep: Pep):
    """The methods, as the policy has it."""
    body = {"subject": identity(MORTY), "resource": route("/todos/7")}
    assert pep.ask("/search/action", body) == {
        "results": [{"name": "DELETE"}, {"name": "PUT"}]
    }


def test_other_kinds_of_subjects(pep: Pep):
    """A role and a group can be asked about; what is no name is denied."""
    todos = route("/todos")
    assert pep.may({"type": "role", "id": "editor"}, "POST", todos)
    assert not pep.may({"type": "role", "id": "viewer"}, "POST", todos)
    assert not pep.may({"type": "group", "id": "editor"}, "POST", todos)
    for subject in (
        {"type": "token", "id": "env"},
        {"type": "auth", "id": "local"},
        {"type": "USER", "id": MORTY},
        {"type": "user", "id": f" {MORTY}"},
        {"type": "user", "id": f"{MORTY}*"},
        {"type": "user:", "id": MORTY},
        {"type": "user", "id": "\u202e" + MORTY},
        {"type": "user", "id": "x" * 300},
    ):
        assert not pep.may(subject, "POST", todos), subject


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "todos"),
        ("GET", "//todos"),
        ("GET", "/todos/"),
        ("GET", "/x/../todos"),
        ("GET", "/./todos"),
        ("GET", "/todos\\"),
        ("GET", "/%2e/todos"),
        ("GET", "/users/a%2fb"),
        ("GET", "/users/a/b"),
        ("GET", "/users/"),
        ("GET", "/TODOS"),
        ("GET", "/todos?x=1"),
        ("get", "/todos"),
        ("Get", "/todos"),
        ("GET ", "/todos"),
        ("G ET", "/todos"),
        ("GET|POST", "/todos"),
        ("*", "/todos"),
        ("can_read", "/todos"),
        ("DELETE", "/todos"),
    ],
)
def test_a_route_is_read_as_a_request_is(pep: Pep, method: str, path: str):
    """What the gate of the app refuses, or no rule speaks of, is denied."""
    assert pep.may(identity(RICK), "GET", route("/todos"))
    assert not pep.may(identity(RICK), method, route(path))


def test_head_is_a_get(pep: Pep):
    """As for a request."""
    assert pep.may(identity(JERRY), "HEAD", route("/todos"))
