"""An administrator asks the policy, and is told why."""

import time
from dataclasses import replace

import pytest

from authz.admin import changes, decisions
from authz.admin.changes import Draft
from authz.admin.context import AdminContext
from authz.admin.rules import grant_row, rule_row
from authz.decision import Reason, signed_in
from authz.errors import NotFound, PolicyError
from authz.policy.records import Add
from authz.policy.route_tables import RoutePattern
from tests.unit.admin.conftest import ALICE

ROUTES = tuple(
    RoutePattern(method=method, route=path, path=path, endpoint=path, public=public)
    for method, path, public in (
        ("GET", "/map", False),
        ("GET", "/health", True),
        ("POST", "/api/playlists/7", False),
    )
)


@pytest.fixture(name="context")
def _office(context: AdminContext) -> AdminContext:
    def find(method: str, path: str) -> RoutePattern | None:
        return next((r for r in ROUTES if (r.method, r.path) == (method, path)), None)

    return replace(context, routes=lambda: ROUTES, find_route=find)


def test_may_somebody(context: AdminContext):
    """The answer has the rules, the chain, the route, and how long it took itself."""
    begun = time.perf_counter()
    answer = decisions.check(
        context, decisions.named(context, "carol"), "POST", "/api/playlists/7"
    )
    whole = time.perf_counter() - begun

    assert answer.allowed
    assert answer.reason is Reason.ALLOWED_BY_RULE
    assert answer.explanation.because[0].names == ("user:carol", "role:editor")
    assert answer.route == ROUTES[2]
    assert 0 < answer.seconds < whole


def test_what_the_app_declared_public(context: AdminContext):
    """Strangers get through although no rule says so."""
    answer = decisions.check(
        context, decisions.named(context, "anonymous"), "GET", "/health"
    )

    assert answer.allowed
    assert not answer.decision
    assert answer.reason is Reason.DECLARED_PUBLIC


def test_a_refusal(context: AdminContext):
    """It names what comes nearest; there may be no route."""
    answer = decisions.check(
        context, decisions.named(context, "user:dave"), "GET", "/nowhere"
    )

    assert not answer.allowed
    assert answer.reason is Reason.NO_RULE
    assert [r.subject for r in answer.explanation.nearest] == ["role:admin"]
    assert answer.route is None


@pytest.mark.parametrize("text", ["", "user:", "x:y", "user:a\nb", "a" * 300])
def test_nobody_of_that_name(context: AdminContext, text: str):
    """What cannot be a name is said, not asked about."""
    with pytest.raises(NotFound):
        decisions.named(context, text)


def test_under_a_draft(context: AdminContext):
    """The question can be put to the policy that a draft would make."""
    base = changes.state(context).etag
    more = Add(row=grant_row(member="user:dave", role="role:editor"))
    policy = decisions.policy_for(context, ALICE, Draft(base=base, changes=(more,)))
    dave = decisions.named(context, "dave")

    assert not decisions.check(context, dave, "GET", "/map").allowed
    assert decisions.check(context, dave, "GET", "/map", policy=policy).allowed
    assert decisions.policy_for(context, ALICE) is context.policy

    worse = Add(row=rule_row(subject="user:alice", path="/*", effect="deny"))
    with pytest.raises(PolicyError, match="user:alice"):
        decisions.policy_for(context, ALICE, Draft(base=base, changes=(worse,)))


def test_who_may(context: AdminContext):
    """Names of the policy, and people who are asked about, each with the reason."""
    carol = signed_in("user:carol", source="local", display_name="Carol")
    dave = signed_in("user:dave", source="local", display_name="Dave")

    found = decisions.who_can(
        context, "GET", "/map", people={p.name: p for p in (carol, dave)}
    )

    assert {h.subject.name: h.because[0].names for h in found} == {
        "role:admin": ("role:admin",),
        "role:editor": ("role:editor", "role:user"),
        "role:user": ("role:user",),
        "user:carol": ("user:carol", "role:editor", "role:user"),
    }


def test_what_somebody_may(context: AdminContext):
    """One line for each route."""
    found = decisions.what_can(context, decisions.named(context, "carol"))

    assert [(a.route.path, a.allowed) for a in found] == [
        ("/map", True),
        ("/health", True),
        ("/api/playlists/7", True),
    ]
    stranger = decisions.what_can(context, decisions.named(context, "anonymous"))
    assert [a.allowed for a in stranger] == [False, True, False]


def test_every_route(context: AdminContext):
    """Who may use each route, or that it is declared public."""
    found = decisions.covered(context)

    assert [(r.path, r.is_open, "role:editor" in r.who) for r in found] == [
        ("/map", False, True),
        ("/health", True, False),
        ("/api/playlists/7", False, True),
    ]
