"""What lint finds in a policy with scopes, and what it leaves alone."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings

from authz.decision import AUTHENTICATED, EVERYONE, SCOPED_COLUMNS, AccessRequest
from authz.policy.csv_rows import spelled
from authz.policy.lint import Code, Finding, lint
from authz.policy.route_tables import RoutePattern
from authz.policy.scoped import ScopedPolicy
from tests.strategies import SEEDS, scoped_world

CLEAN = """\
p, role:everyone, *, /health, GET
p, role:user, *, /map, GET
p, role:user, library:*, /api/libraries/:library/songs, GET
p, role:admin, *, /*, *
g, group:admins, role:admin, *
g, user:bob, role:user, library:kids
g, user:anna, role:user, library:*
"""
ROUTES = tuple(
    RoutePattern(method="GET", route=route, path=path, endpoint="")
    for route, path in (
        ("/health", "/health"),
        ("/map", "/map"),
        ("/api/libraries/<library>/songs", "/api/libraries/x/songs"),
    )
)
DECLARED = {("GET", "/api/libraries/<library>/songs"): ["library"]}
GONE = {Code.RULE_SHADOWED, Code.RULE_OVERRULED}
ADMIN = "p, role:admin, *, /*, *\n"
KNOWN = ("library:kids", "library:originals")


def found(text: str) -> list[Finding]:
    """Return what lint finds in *text*, with all that an app tells."""
    return list(
        lint(
            text.encode(),
            routes=ROUTES,
            columns=SCOPED_COLUMNS,
            declared=DECLARED,
            scopes=KNOWN,
        )
    )


def test_a_clean_policy():
    """There is nothing to say about it."""
    assert found(CLEAN) == []


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("g, user:eve, role:user, library:kidz", Code.SCOPE_UNKNOWN, "`library:kids`?"),
        ("g, user:eve, role:user, librari:*", Code.SCOPE_UNKNOWN, "`library:*`?"),
        ("g, user:eve, role:user, library:Kids", Code.SCOPE_NEAR_TWIN, "in case only"),
        ("p, role:user, library:kids, /map, GET", Code.SCOPE_UNDECLARED, "no scope"),
        ("p, role:user, host:a, /api/libraries/:library/songs, GET",
         Code.SCOPE_UNDECLARED, "about a library"),
        ("p, role:user, library:kids, /map, GET", Code.RULE_SHADOWED, "the same and"),
        ("p, role:user, library:kids, /api/libraries/:library/songs, GET, deny",
         None, ""),
        ("p, role:user, library:kids, /nowhere, GET", Code.RULE_WITHOUT_ROUTE, ""),
        ("p, role:user, , /map, GET", Code.POLICY_INVALID, "a scope is empty"),
        ("p, role:user, /map, GET", Code.POLICY_INVALID, "4 or 5 fields"),
        ("p, role:user, library:k*, /map, GET", Code.POLICY_INVALID, "wrong place"),
    ],
)  # fmt: skip
def test_a_finding(line: str, code: Code | None, says: str):
    """It has its line and what to do about it."""
    findings = found(CLEAN + line + "\n")

    if code is None:
        assert findings == []
        return
    (finding, *_) = [f for f in findings if f.code is code]
    assert (finding.where.line, bool(finding.hint)) == (8, True)
    assert says in str(finding)


def test_a_role_that_gives_nothing_where_it_is_given():
    """All of its rules hold elsewhere."""
    text = CLEAN + (
        "p, role:dj, library:originals, /api/libraries/:library/songs, GET\n"
        "g, user:dora, role:dj, library:kids\n"
        "g, user:erik, role:dj, library:*\n"
    )
    (finding,) = found(text)

    assert (finding.code, finding.where.line) == (Code.SCOPE_NEVER_MET, 9)


def test_a_comment_allows_it():
    """As it does any other finding."""
    line = "# lint: allow scope-unknown\ng, user:eve, role:user, library:later\n"

    assert found(CLEAN + line) == []


def test_nothing_is_said_of_what_is_not_known():
    """Without an app, neither names nor declarations are missed."""
    text = CLEAN + "p, role:user, library:later, /other, GET\n"

    assert list(lint(text.encode(), columns=SCOPED_COLUMNS)) == []


@given(seed=SEEDS)
@example(seed=383)
@settings(max_examples=60)
def test_a_rule_that_changes_nothing_changes_nothing(seed: int):
    """Whatever lint calls shadowed or overruled can go, in every scope."""
    world = scoped_world(seed, 30)
    rules = world.policy.rules
    text = spelled(iter(rules), iter(world.policy.grants)) + ADMIN
    whole = ScopedPolicy(world.policy)
    for finding in lint(text.encode(), columns=SCOPED_COLUMNS):
        line = finding.where.line
        if finding.code in GONE and line <= len(rules):
            left = rules[: line - 1] + rules[line:]
            less = ScopedPolicy(replace(world.policy, rules=left))
            for asked in filter(_can_be, world.requests):
                assert bool(whole.decide(asked)) == bool(less.decide(asked)), finding


def _can_be(asked: AccessRequest) -> bool:
    """Whether there is such a person: everybody, and with a name of their own known."""
    names = asked.subject.names
    personal = any(name.startswith(("user:", "group:", "token:")) for name in names)
    return EVERYONE in names and (AUTHENTICATED in names or not personal)
