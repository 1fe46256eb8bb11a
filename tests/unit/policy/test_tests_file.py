"""Files of policy tests: read strictly, every problem with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.decision import ANONYMOUS
from authz.errors import PolicyError
from authz.policy.analysis.tests_file import parse_request, read_tests

GOOD = """\
people:
  kid: {roles: [user]}
  anna:
    name: authentik/anna
    groups: [music admins, "group:staff"]
  script: {name: "token:backup"}
tests:
  - name: guests only look
    as: anonymous
    allow: GET /
    deny: ["POST /api/**", "* /albums/:id"]
  - name: only admins start analysis
    matrix:
      request: ["POST /api/analysis/start", "GET|POST /jobs/<int:id>"]
      allow: anna
      deny: [kid, anonymous]
mounts: [/metrics]
"""


def problems(text: str) -> list[str]:
    """Return the problems of *text*."""
    with pytest.raises(PolicyError) as caught:
        read_tests(text.encode())
    return [str(problem) for problem in caught.value.problems]


def test_what_people_write():
    """People, tests and matrices become values."""
    file = read_tests(GOOD.encode())

    assert file.people["anonymous"] is ANONYMOUS
    assert {"user:kid", "role:user", "auth:local", "role:authenticated"} <= (
        file.people["kid"].names
    )
    assert file.people["anna"].name == "user:authentik/anna"
    assert {"group:music admins", "group:staff"} <= file.people["anna"].names
    assert "auth:local" not in file.people["anna"].names
    assert file.people["script"].name == "token:backup"
    first, second = file.tests
    assert [
        (e.person, e.request, e.allowed, e.below, e.line) for e in (first.expectations)
    ] == [
        ("anonymous", "GET /", True, False, 10),
        ("anonymous", "POST /api/**", False, True, 11),
        ("anonymous", "* /albums/:id", False, False, 11),
    ]
    assert len(second.expectations) == 6
    assert second.expectations[-1].path == "/jobs/:any"
    assert file.mounts == ("/metrics",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "policy_test.yaml: the file is empty"),
        ("tests: []", "policy_test.yaml: there is no test in it"),
        ("people: {}", "policy_test.yaml: there is no test in it"),
        ("- a", "policy_test.yaml:1: the file is not a mapping"),
        ("tests:\n  a: 1", "policy_test.yaml:2: `tests` is not a list"),
        (
            "test: []",
            "policy_test.yaml:1: the file has no `test`: did you mean `tests`",
        ),
        ("tests: [", "policy_test.yaml:1: this is not YAML"),
        ("tests: &a\n  - *a", "policy_test.yaml:2: this is not YAML (aliases are not"),
        (
            "people: {a: {}}\npeople: {b: {}}",
            ":2: `people` is there twice, first on",
        ),
        ("people: {anonymous: {}}", ":1: `anonymous` is whoever has not signed in"),
        ("people: {a: {role: x}}", ":1: the person `a` has no `role`: did you mean"),
        ("people: {a: {roles: x}}", ":1: `roles` is not a list"),
        ("people: {a: {roles: [1]}}", "one of the roles is not a text: write it in qu"),
        ("people: {a: {roles: ['x*']}}", ":1: `role:x*` holds a `*`"),
        ("people: {a: {name: 'usr:a'}}", "does not say what kind of name it is"),
        ("people: {no: {}}", ':1: a key is not a text: write it in quotes: "no"'),
    ],
)
def test_what_is_wrong_with_a_file(text: str, expected: str):
    """Unknown keys, wrong kinds and doubled ones are problems with their line."""
    assert any(expected in problem for problem in problems(text)), problems(text)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("as: anonymous, allow: GET /", "a test has no name"),
        ("name: x", "the test expects nothing"),
        ("name: x, allow: GET /", "the test does not say as whom"),
        ("name: x, as: anonymous", "the test expects nothing"),
        (
            "name: x, as: anonymous, matrix: {request: GET /, allow: anonymous}",
            "the test says as whom, but not what",
        ),
        ("name: x, as: bob, allow: GET /", "there is no person `bob`"),
        ("name: x, as: anonymos, allow: GET /", "did you mean `anonymous`?"),
        ("name: x, as: [], allow: GET /", "nobody is named"),
        (
            "name: x, as: [anonymous, anonymous], allow: GET /",
            "`anonymous` is there twice",
        ),
        ("name: x, as: anonymous, allow: [1]", "a request is not a text"),
        ("name: x, as: anonymous, allow: /map", "`/map` is not a request"),
        ("name: x, as: anonymous, allow: GET map", "does not begin with `/`"),
        ("name: x, as: anonymous, allow: get /map", "unknown method `get`"),
        ("name: x, as: anonymous, allow: GET /a/*/b", "has a `*` in its path"),
        ("name: x, as: anonymous, allow: GET /a**", "has a `*` in its path"),
        ("name: x, as: anonymous, allow: 'GET /a?b'", "has no meaning here"),
        ("name: x, matrix: {request: GET /}", "the matrix is not complete"),
        (
            "name: x, matrix: {request: GET /, allow: anonymous, deny: anonymous}",
            "`anonymous` is on both sides",
        ),
        ("name: x, as: anonymous, alow: GET /", "a test has no `alow`: did you mean"),
    ],
)
def test_what_is_wrong_with_a_test(test: str, expected: str):
    """No test is skipped because it is not understood."""
    found = problems(f"tests:\n  - {{{test}}}\n")

    assert any(expected in problem for problem in found), found
    assert all(problem.startswith("policy_test.yaml:2: ") for problem in found)


@pytest.mark.parametrize("mount", ["metrics", "/", "/a/*", "[]"])
def test_a_mount_is_a_prefix(mount: str):
    """Anything else is a problem."""
    found = problems(f"mounts: [{mount}]\n{GOOD.rpartition('mounts:')[0]}")

    assert len(found) == 1


def test_all_problems_at_once():
    """Every line that is wrong is named."""
    text = "people: {a: {role: x}}\ntests:\n  - name: x\n    as: b\n    allow: map\n"

    assert {problem.split(": ")[0] for problem in problems(text)} == {
        "policy_test.yaml:1",
        "policy_test.yaml:4",
        "policy_test.yaml:5",
    }


def test_a_deep_document():
    """Nesting without end is a problem, not a crash."""
    assert problems("tests: " + "[" * 20_000)


def test_a_huge_document():
    """So is a file of megabytes."""
    assert "the file has" in problems("#" * 2_000_000)[0]


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_no_text_crashes_the_reader(text: str):
    """Whatever it is, it is read or refused."""
    try:
        read_tests(text.encode(errors="replace"))
    except PolicyError as error:
        assert error.problems


@given(st.text())
def test_no_text_crashes_the_reader_of_requests(text: str):
    """Whatever it is, it is read or refused with a mend."""
    try:
        _, path, _ = parse_request(text)
    except ValueError as error:
        assert ": " in str(error)
    else:
        assert path.startswith("/")
