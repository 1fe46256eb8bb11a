"""Policy tests with `paths: all`: promises of every path there can be."""

from pathlib import Path

import pytest

from authz.errors import PolicyError
from authz.policy.analysis.tests_file import read_tests
from authz.policy.analysis.tests_run import Outcome, run_tests
from tests.policies import compiled, in_scopes

ROOT = Path(__file__).parents[3]
POLICY = "p, role:user, /api/*, GET\np, role:admin, /*, *\ng, group:a, role:admin\n"
SCOPED = "p, role:user, library:*, /x, GET\ng, user:u, role:user, library:kids\n"


def run(test: str, policy: str = POLICY) -> Outcome:
    """Return what comes of one expectation, with `paths: all`."""
    text = (
        "people: {kid: {roles: [user]}, u: {}}\n"
        f"tests: [{{name: x, paths: all, {test}}}]\n"
    )
    in_force = in_scopes(policy) if policy == SCOPED else compiled(policy)
    ((result, _),) = run_tests(read_tests(text.encode()), in_force)
    (outcome,) = result.outcomes
    assert result.passed is outcome.passed
    return outcome


@pytest.mark.parametrize(
    "test",
    [
        'as: anyone, but: "role:admin", deny: "change /**"',
        'as: anonymous, deny: "* /**"',
        'as: kid, allow: "GET /api/**"',
        'as: anyone, but: ["role:admin", "role:user"], deny: "* /**"',
    ],
)
def test_what_holds_on_every_path(test: str):
    """Whatever routes there will be."""
    assert run(test).passed


@pytest.mark.parametrize(
    ("test", "place"),
    [
        ('as: anyone, deny: "change /**"', "POST / by somebody with `role:admin`"),
        ('as: kid, allow: "GET /**"', "GET / by somebody with"),
        ('as: kid, allow: "* /api/:id"', "POST /api/x by somebody with"),
    ],
)
def test_the_smallest_request_that_breaks_it(test: str, place: str):
    """It is the place that a failure names."""
    (surprise,) = run(test).surprises

    assert surprise.where.startswith(place)


def test_each_scope_is_meant():
    """Unless the test names one."""
    assert not run('as: u, deny: "* /**"', SCOPED).passed
    assert run('as: u, scope: "library:kids", allow: "GET /x"', SCOPED).passed
    assert not run('as: u, allow: "GET /x"', SCOPED).passed


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ('as: anyone, but: "role:admn", deny: "* /**"', "did you mean `role:admin`"),
        ('as: kid, scope: "library:x", deny: "* /**"', "no scopes"),
        ('as: nobody, deny: "* /**"', "no person `nobody`"),
        ('as: kid, scope: ["a:b", "a:c"], deny: "* /**"', "one scope, or about each"),
        ('as: kid, deny: "CHNGE /**"', "unknown method"),
        ('as: kid, but: "admin", deny: "* /**"', "what kind of name"),
    ],
)
def test_what_cannot_be_promised(test: str, said: str):
    """A problem with its place, never a promise that holds for nobody."""
    with pytest.raises(PolicyError, match=said):
        run(test)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("but: role:admin", "leaves nobody out"),
        ("paths: every", "`paths` is `every`"),
    ],
)
def test_what_belongs_to_every_path_only(more: str, said: str):
    """It is refused beside today's routes."""
    text = f'tests: [{{name: x, as: anonymous, deny: "GET /", {more}}}]'
    with pytest.raises(PolicyError, match=said):
        read_tests(text.encode())
    with pytest.raises(PolicyError, match="no person `anyone`"):
        read_tests(b'tests: [{name: x, as: anyone, deny: "GET /"}]')


@pytest.mark.parametrize(
    ("tests", "policy"),
    [
        ("policy_test.yaml", "policy.csv"),
        ("examples/demo/libraries_test.yaml", "examples/demo/libraries.csv"),
    ],
)
def test_what_is_shipped_keeps_its_promises(tests: str, policy: str):
    """On every path there can be, in every scope."""
    of_text = in_scopes if "libraries" in policy else compiled
    in_force = of_text((ROOT / policy).read_bytes())
    file = read_tests((ROOT / tests).read_bytes())

    for result, _ in run_tests(file, in_force):
        assert result.passed, result
    assert any(each.promised for test in file.tests for each in test.expectations)
