"""Running policy tests: what `**` means, what a failure says, what is covered."""

from dataclasses import replace
from fractions import Fraction

import pytest

from authz.errors import PolicyError
from authz.policy.analysis.tests_file import read_tests
from authz.policy.analysis.tests_run import RuleCoverage, TestResult, covered, run_tests
from authz.policy.route_tables import RoutePattern
from tests.policies import compiled, in_scopes, written

POLICY = """\
p, role:everyone, /health, GET
p, role:user, /api/*, GET
p, role:user, /api/private/:id, GET, deny
p, role:admin, /*, *
"""
ROUTES = tuple(
    RoutePattern(
        method=method, route=route, path=path, endpoint="", public=route == "/about"
    )
    for method, route, path in (
        ("GET", "/health", "/health"),
        ("GET", "/about", "/about"),
        ("GET", "/api/songs/<int:id>", "/api/songs/987654321"),
        ("GET", "/api/private/<name>", "/api/private/~sample"),
        ("POST", "/api/songs", "/api/songs"),
        ("GET", "/<path:page>", "/~sample/~sample"),
    )
)


def run(
    person: str, routes: tuple[RoutePattern, ...] = (), **expected: str
) -> TestResult:
    """Run one test as *person*."""
    lines = "".join(
        f"    {key}: {value.split(', ')}\n" for key, value in expected.items()
    )
    text = (
        "people: {kid: {roles: [user]}, anna: {roles: [admin]}, nobody: {}}\n"
        f"tests:\n  - name: x\n    as: {person}\n{lines}mounts: [/metrics]\n"
    )
    tests = read_tests(text.encode())
    ((result, _),) = run_tests(tests, compiled(POLICY), routes)
    return result


def surprises(result: TestResult) -> set[str]:
    """Return the places at which *result* is not what was expected."""
    return {str(s.place) for o in result.outcomes for s in o.surprises}


@pytest.mark.parametrize("routes", [(), ROUTES])
@pytest.mark.parametrize(
    ("person", "key", "request_line", "passes"),
    [
        ("anonymous", "allow", "GET /health", True),
        ("anonymous", "deny", "GET /health", False),
        ("anonymous", "deny", "GET /api/**", True),
        ("anonymous", "deny", "GET /**", False),
        ("kid", "allow", "GET /api/songs/:id", True),
        ("kid", "allow", "GET /api/songs/7", True),
        ("kid", "deny", "GET /api/private/:id", True),
        ("kid", "deny", "GET /api/private/**", False),  # deeper, no deny stands
        ("kid", "allow", "GET /api/**", False),
        ("kid", "deny", "* /api/**", False),
        ("kid", "deny", "POST /api/**", True),
        ("anna", "allow", "* /**", True),
        ("kid", "allow", "HEAD /health", True),
    ],
)
def test_with_and_without_routes(
    person: str,
    key: str,
    request_line: str,
    passes: bool,
    routes: tuple[RoutePattern, ...],
):
    """What the policy says of all paths, it says of the routes."""
    assert run(person, routes, **{key: request_line}).passed is passes


def test_below_without_routes_means_every_path():
    """One rule that opens something below makes a deny fail; one hole, an allow."""
    assert surprises(run("kid", deny="GET /api/**")) == {"GET /api/*"}
    assert surprises(run("kid", allow="GET /api/**")) == {"GET /api/private/:id"}


def test_below_with_routes_means_every_route():
    """Each route there is asked, and where rules tell paths of a route apart."""
    result = run("kid", ROUTES, deny="GET /api/**")

    assert surprises(result) == {
        "GET /api/songs/<int:id>",
        "GET /api/*",
    }


def test_a_catch_all_route_serves_what_is_below():
    """A route `/<path:page>` is below every path."""
    result = run("kid", (ROUTES[-1],), deny="GET /api/**")

    assert surprises(result) == {"GET /api/*"}


def test_what_the_app_declared_public():
    """It is allowed although no rule says so."""
    assert run("anonymous", ROUTES, allow="GET /about").passed
    assert not run("anonymous", allow="GET /about").passed


@pytest.mark.parametrize(
    ("request_line", "hint"),
    [
        ("GET /helth", "did you mean `/health`?"),
        ("POST /health", "the app has GET there"),
        ("GET|POST /health", "the app has GET there"),
        ("POST /nothing/**", "`flask authz routes`"),
        ("DELETE /api/songs/:id", "the app has GET there"),
    ],
)
def test_what_no_route_serves_is_a_problem(request_line: str, hint: str):
    """A test about a route that is not there would pass for the wrong reason."""
    routes = ROUTES[:-1]
    with pytest.raises(PolicyError, match="no route of the app is") as caught:
        run("anonymous", routes, deny=request_line)

    assert hint in str(caught.value)
    assert str(caught.value).startswith("policy_test.yaml:5: ")


def test_a_mounted_app_has_no_routes_here():
    """Below a declared mount, any path counts."""
    assert run("anonymous", ROUTES[:-1], deny="GET /metrics, GET /metrics/**").passed


def test_a_star_asks_the_methods_that_there_are():
    """`*` at one path means each method the app has there."""
    (outcome,) = run("anna", ROUTES[:-1], allow="* /health").outcomes

    assert outcome.places == 1


def test_a_failure_says_why():
    """The rule that decided, or that none did."""
    (allowed,) = run("kid", deny="GET /api/x").outcomes
    assert allowed.surprises[0].why == "got allow by policy.csv:2 (/api/*)"
    (denied,) = run("kid", allow="GET /x").outcomes
    assert denied.surprises[0].why == "got deny (no rule allows it)"
    (overruled,) = run("kid", allow="GET /api/private/x").outcomes
    assert overruled.surprises[0].why == "got deny by policy.csv:3 (/api/private/:id)"


def test_a_rule_is_covered_when_it_decides():
    """An overruled allow is not covered by a test of the deny."""
    policy = compiled(POLICY)
    text = (
        b"people: {kid: {roles: [user]}}\n"
        b"tests: [{name: x, as: kid, deny: GET /api/private/7}]"
    )
    ((_, decided),) = run_tests(read_tests(text), policy)
    report = covered(policy, decided)

    assert [rule.origin.line for rule in report.uncovered] == [1, 2, 4]
    assert report.percent == "25.0"


def test_coverage_is_never_rounded_up():
    """11 999 of 12 000 rules are 99.9 per cent, and not enough for 100."""
    (rule,) = written("p, role:user, /a, GET\n").rules
    rules = tuple(replace(rule, path=f"/{number}") for number in range(12_000))
    report = RuleCoverage(rules=rules, covered=frozenset(rules[1:]))

    assert report.percent == "99.9"
    assert report.share < 1
    assert RuleCoverage(rules=(), covered=frozenset()).share == Fraction(1)


SCOPED = """\
p, role:user, library:*, /map, GET
p, role:user, library:old, /map, GET, deny
g, user:kid, role:user, library:kids
g, user:kid, role:user, library:old
"""


def scoped_results(tests: str) -> list[bool]:
    """Return which of *tests* of a policy with scopes pass."""
    file = read_tests(f"people: {{kid: {{}}}}\ntests: [{tests}]".encode())
    return [result.passed for result, _ in run_tests(file, in_scopes(SCOPED))]


def test_a_test_asks_about_its_scope():
    """In one scope, in each of several, or, without the key, in some scope."""
    asked = "as: kid, allow: GET /map"
    assert scoped_results(
        f"{{name: a, scope: 'library:kids', {asked}}},"
        f"{{name: b, scope: 'library:old', {asked}}},"
        f"{{name: c, scope: ['library:kids', 'library:old'], {asked}}},"
        f"{{name: d, {asked}}}"
    ) == [True, False, False, True]
    denied = "as: kid, deny: GET /**"
    assert scoped_results(
        f"{{name: a, scope: 'library:old', {denied}}}, {{name: b, {denied}}}"
    ) == [True, False]


@pytest.mark.parametrize("scope", ["kids", "library:*", "[]", "Library:a"])
def test_what_is_no_scope_is_a_problem(scope: str):
    """A pattern or a bare id is never taken for no scope in particular."""
    with pytest.raises(PolicyError):
        scoped_results(f"{{name: a, scope: {scope}, as: kid, deny: GET /map}}")


def test_a_scope_needs_a_policy_with_scopes():
    """Where nothing depends on it, the test would say what it does not check."""
    with pytest.raises(PolicyError, match="the policy has none"):
        run("kid", scope="library:kids", allow="GET /api/songs")
