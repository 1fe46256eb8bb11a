"""Who may use each route: the quick answer is the one that asking everybody gives."""

from hypothesis import given
from werkzeug.routing import Map, Rule

from authz.decision import ANONYMOUS, AUTHENTICATED, EVERYONE, AccessRequest, Subject
from authz.policy.analysis.coverage import coverage
from authz.policy.compiled import CompiledPolicy
from authz.policy.parse_subject import parse_subject
from authz.policy.route_tables import RoutePattern, route_patterns
from tests.policies import compiled
from tests.strategies import SEEDS, world

POLICY = b"""
p, role:everyone, /health, GET
p, role:authenticated, /me, GET
p, auth:anonymous, /both, GET
p, role:authenticated, /both, GET
p, role:user, /map, GET
p, role:admin, /*, *
g, role:editor, role:user
g, user:alice, role:admin
"""


def pattern(route: str, method: str = "GET", *, public: bool = False) -> RoutePattern:
    """Return a route without parameters."""
    return RoutePattern(
        method=method, route=route, path=route, endpoint=route, public=public
    )


def covered(route: str, **more: bool) -> tuple[str, ...]:
    """Return who may GET *route*."""
    return coverage(compiled(POLICY), [pattern(route, **more)])[0].who


class TestCoverage:
    def test_names_reach_a_rule_through_roles(self):
        """A role that has another role may do what that one may."""
        assert covered("/map") == ("role:admin", "role:editor", "role:user")

    def test_everyone_speaks_for_all(self):
        """What is open to everyone names nobody else."""
        assert covered("/health") == (EVERYONE,)

    def test_the_signed_in_speak_for_all_who_are(self):
        """Whoever signed in may: nobody else is named."""
        assert covered("/me") == (AUTHENTICATED,)

    def test_strangers_and_the_signed_in_are_everyone(self):
        """Two rules that let in everybody together are as good as one."""
        assert covered("/both") == (EVERYONE,)

    def test_nobody(self):
        """A route that only the administrator's rule covers is the administrator's."""
        assert covered("/elsewhere") == ("role:admin",)

    @given(SEEDS)
    def test_it_agrees_with_asking_everybody(self, seed: int):
        """Leaving out those whom no rule speaks of leaves out nobody who may."""
        asked = world(seed, 8)
        policy = CompiledPolicy(asked.policy)
        for request in asked.requests:
            route = RoutePattern(
                method=request.method, route="", path=request.path, endpoint=""
            )
            (found,) = coverage(policy, [route])
            names = {rule.subject for rule in asked.policy.rules}
            grants = asked.policy.grants
            names |= {grant.role for grant in grants}
            names |= {g.member for g in grants if g.member.startswith("role:")}
            names |= {"auth:anonymous", AUTHENTICATED}
            allowed = {
                name
                for name in names - {EVERYONE}
                if policy.decide(
                    AccessRequest(
                        subject=_holder(name), path=request.path, method=request.method
                    )
                )
            }
            if {"auth:anonymous", AUTHENTICATED} <= allowed:
                assert found.who == (EVERYONE,)
            elif AUTHENTICATED in allowed:
                assert found.who == (AUTHENTICATED,)
            else:
                assert set(found.who) == allowed


class TestRoutePatterns:
    def test_each_method_of_each_route(self):
        """HEAD comes with GET, and OPTIONS that the framework answers is left out."""
        rule = Rule("/a/<int:x>", endpoint="a", methods=["GET", "POST", "OPTIONS"])
        rule.provide_automatic_options = True
        routes = Map([rule, Rule("/b", endpoint="b", methods=["GET"])]).iter_rules()

        found = route_patterns(routes, {"b"})

        assert [(r.method, r.route, r.public) for r in found] == [
            ("GET", "/a/<int:x>", False),
            ("POST", "/a/<int:x>", False),
            ("GET", "/b", True),
        ]
        assert found[0].path == "/a/987654321"


class TestAskedSubject:
    def test_a_stranger_has_two_spellings(self):
        """`anonymous` and `role:everyone` are the same question."""
        assert parse_subject("anonymous") is ANONYMOUS
        assert parse_subject(EVERYONE) is ANONYMOUS

    def test_a_group_may_be_named_without_its_kind(self):
        """Groups are names of the subject like any other."""
        names = parse_subject("authentik/eve", ["crew", "group:staff"]).names
        assert {"user:authentik/eve", "group:crew", "group:staff"} <= names


def _holder(name: str) -> Subject:
    if name in ANONYMOUS.names:
        return ANONYMOUS
    return Subject(
        name=name,
        names=frozenset({name, EVERYONE, AUTHENTICATED}),
        source="",
        display_name=name,
    )
