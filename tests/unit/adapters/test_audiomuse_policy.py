"""The policy for AudioMuse-AI gives every route to those it is meant for, no others."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from authz.decision import (
    ANONYMOUS,
    AccessRequest,
    Grant,
    Origin,
    Policy,
    Subject,
    signed_in,
)
from authz.policy.analysis.tests_file import read_tests
from authz.policy.analysis.tests_run import run_tests
from authz.policy.compiled import CompiledPolicy
from authz.policy.csv_rows import read_rows
from authz.policy.patterns import METHODS, method_match, path_match
from authz.policy.rules import policy_from_rows

POLICY_FILE = Path(__file__).parents[3] / "adapters" / "audiomuse" / "policy.csv"
ROUTES_FILE = Path(__file__).with_name("routes_audiomuse.csv")

#: What may stand in a route's parameter, by converter: plain and hostile.
VALUES = {
    "int": ("7", "0", "99999999999999999999"),
    "string": (
        "3f2a9c",
        "libraries",
        "run",
        "warmup",
        "..",
        "*",
        ":id",
        "a|b",
        "a,b",
        "%2e%2e",
        "\x00",
        "\x01",
        "role:admin",
        "ünï-\u202ecode",
        "x" * 5000,
    ),
    "path": ("style.css", "a/b/c.js", "../login", "x/", "\x00/\x01", "a/" * 200 + "z"),
}
_PARAMETER = re.compile(r"<(?:(\w+):)?\w+>")


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table: a route of the app, a method, and who it is meant for."""

    path: str
    method: str
    endpoint: str
    proposed: str

    @property
    def has_parameter(self) -> bool:
        """Whether part of the path varies."""
        return "<" in self.path

    def paths(self) -> Iterator[str]:
        """Yield the path with concrete values for its parameters."""
        kinds = [kind or "string" for kind in _PARAMETER.findall(self.path)]
        for values in product(*(VALUES[kind] for kind in kinds)):
            left = iter(values)
            yield _PARAMETER.sub(lambda _: next(left), self.path)  # noqa: B023


def _read_routes() -> list[Route]:
    with ROUTES_FILE.open(encoding="utf-8", newline="") as file:
        return [
            Route(row["path"], row["methods"], row["endpoint"], row["proposed"])
            for row in csv.DictReader(file)
        ]


ROUTES = _read_routes()
#: The classes of routes that are open to each of the three.
OPEN_TO = {
    "anonymous": {"public"},
    "user": {"public", "user"},
    "admin": {"public", "user", "admin"},
}
SUBJECTS = {
    "anonymous": ANONYMOUS,
    "user": signed_in("user:bob", source="local", display_name="Bob"),
    "admin": signed_in("user:alice", source="local", display_name="Alice"),
}
GRANTS = (
    Grant(member="user:alice", role="role:admin", origin=Origin("AUTHZ_ADMIN")),
    Grant(member="user:bob", role="role:user", origin=Origin("AUTHZ_USER")),
)


@pytest.fixture(name="policy", scope="module")
def _policy() -> Policy:
    rows = read_rows(POLICY_FILE.read_bytes(), source="policy.csv")
    return policy_from_rows(rows.rows, grants=GRANTS)


@pytest.fixture(name="compiled", scope="module")
def _compiled(policy: Policy) -> CompiledPolicy:
    return CompiledPolicy(policy)


def _may(compiled: CompiledPolicy, subject: Subject, method: str, path: str) -> bool:
    request = AccessRequest(subject=subject, path=path, method=method)
    return bool(compiled.decide(request))


def _methods_meant_for(who: str, path: str) -> set[str]:
    """Return the methods that the table gives *who* on the route *path*."""
    meant = {
        route.method
        for route in ROUTES
        if route.path == path and route.proposed in OPEN_TO[who]
    }
    return meant | ({"HEAD"} if "GET" in meant else set())


class TestTheFile:
    """What the file holds."""

    def test_it_is_read_without_a_warning(self):
        """The shipped file has no problem, and without settings no warning either."""
        rows = read_rows(POLICY_FILE.read_bytes(), source="policy.csv")

        assert rows.warnings == ()
        assert policy_from_rows(rows.rows).warnings == ()

    def test_every_line_opens_a_route(self, policy: Policy):
        """No rule stands there for nothing: each matches a route of the table.

        Those of authz itself are in no table of the app's.
        """
        idle = [
            str(rule.origin)
            for rule in policy.rules
            if not rule.path.startswith("/authz/")
            and not any(
                method_match(route.method, rule.method_field)
                and path_match(path, rule.path)
                for route in ROUTES
                for path in route.paths()
            )
        ]

        assert idle == []

    def test_groups_of_the_identity_provider_have_the_roles(self, policy: Policy):
        """Membership in the two AudioMuse groups is enough, without local accounts."""
        compiled = CompiledPolicy(policy)
        carol, dan = (
            signed_in(
                f"user:authentik/{name}",
                source="authentik",
                display_name=name,
                groups=frozenset({group}),
            )
            for name, group in (
                ("carol", "group:audiomuse-admins"),
                ("dan", "group:audiomuse-users"),
            )
        )

        assert compiled.roles_of(carol.names) >= {"role:admin"}
        assert _may(compiled, carol, "POST", "/api/analysis/start")
        assert _may(compiled, dan, "POST", "/api/create_playlist")
        assert not _may(compiled, dan, "POST", "/api/analysis/start")

    def test_signing_in_alone_opens_nothing(self, compiled: CompiledPolicy):
        """Somebody without a role may do what everyone may, no matter who they are."""
        eve = signed_in("user:eve", source="local", display_name="Eve")

        opened = {
            (route.method, path)
            for route in ROUTES
            for path in route.paths()
            if _may(compiled, eve, route.method, path) and route.proposed != "public"
        }

        assert opened == set()


class TestEveryRoute:
    """Every route and method of the app, and what lies near them."""

    def test_the_table_is_whole(self):
        """The table has the 156 pairs of route and method that the app has."""
        assert len(ROUTES) == 156
        assert {route.proposed for route in ROUTES} == OPEN_TO["admin"]

    @pytest.mark.parametrize("who", SUBJECTS)
    def test_each_method_is_open_to_those_it_is_meant_for(
        self, compiled: CompiledPolicy, who: str
    ):
        """Everybody may use exactly what is meant for them, whatever the parameters.

        HEAD follows GET; OPTIONS, which no route lists, is left to administrators.
        """
        wrong = [
            (method, path)
            for route in ROUTES
            for path in route.paths()
            for method in METHODS
            if _may(compiled, SUBJECTS[who], method, path)
            is not (who == "admin" or method in _methods_meant_for(who, route.path))
            # A value may spell another route's name; that route's own turn decides.
            and not any(other.path == path != route.path for other in ROUTES)
        ]

        assert wrong == []

    @pytest.mark.parametrize("who", ["anonymous", "user"])
    def test_what_is_near_a_route_stays_closed(
        self, compiled: CompiledPolicy, who: str
    ):
        """A path that only resembles an open one is refused, whatever the method."""
        known = {route.path for route in ROUTES}
        near = {
            path
            for route in ROUTES
            if not route.has_parameter
            for path in (
                f"{route.path}x",
                f"{route.path};x",
                f"{route.path}//x",
                f"{route.path.rstrip('/')}/x",
                f"{route.path.rstrip('/')}/*",
                f"{route.path.rstrip('/')}/.",
                f"/{route.path}",
                f"/x{route.path}",
                route.path.swapcase(),
                f"{route.path}/",
                route.path.rstrip("/"),
            )
            if path not in known
        }

        opened = {
            (method, path)
            for path in near
            for method in METHODS
            if _may(compiled, SUBJECTS[who], method, path)
        }

        assert opened == set()


class TestTraps:
    """Single pairs that a policy by path or by method alone would get wrong."""

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            # The same path, another method.
            ("GET", "/api/servers"),
            ("GET", "/api/anchors"),
            ("GET", "/api/radios"),
            ("GET", "/api/sonic_fingerprint/generate"),
            ("POST", "/api/sonic_fingerprint/generate"),
            # A POST that only reads, or only warms up.
            ("POST", "/api/alchemy"),
            ("POST", "/api/clap/search"),
            ("POST", "/api/clap/warmup"),
            ("POST", "/api/lyrics/search/text"),
            ("POST", "/chat/api/chatPlaylistStream"),
            # A literal beside a longer literal, a slash at the end.
            ("GET", "/api/lyrics/warmup/status"),
            ("GET", "/chat/"),
            ("GET", "/api/config"),
            ("GET", "/api/config/defaults"),
        ],
    )
    def test_users_may(self, compiled: CompiledPolicy, method: str, path: str):
        """A user may use what the pages for users need."""
        assert _may(compiled, SUBJECTS["user"], method, path)
        assert not _may(compiled, SUBJECTS["anonymous"], method, path)

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/api/servers"),
            ("GET", "/api/servers/7"),
            ("POST", "/api/servers/test"),
            ("POST", "/api/servers/7/default"),
            ("POST", "/api/anchors"),
            ("PUT", "/api/anchors/7"),
            ("POST", "/api/radios"),
            ("DELETE", "/api/radios/7"),
            ("POST", "/api/radios/run"),
            ("POST", "/api/users"),
            ("DELETE", "/api/users/7"),
            ("PUT", "/api/users/7"),
            ("POST", "/api/users/7/password"),
            ("PUT", "/api/users//password"),
            ("PUT", "/api/users/7/x/password"),
            ("GET", "/api/clap/warmup"),
            ("POST", "/api/clap/cache/refresh"),
            ("POST", "/api/lyrics/warmup/status"),
            ("POST", "/api/cancel/7"),
            ("POST", "/api/cancel_all/main"),
            ("GET", "/api/sync"),
            ("GET", "/api/setup"),
            ("GET", "/api/backup/download/backup.sql"),
            ("POST", "/chat/"),
            ("GET", "/chat/api/chatPlaylist"),
            ("POST", "/chat/static/x.js"),
            ("GET", "/plugins"),
            ("GET", "/plugins/lastfm/"),
            ("POST", "/plugins/lastfm/settings"),
            ("GET", "/a-route-of-tomorrow"),
        ],
    )
    def test_users_may_not(self, compiled: CompiledPolicy, method: str, path: str):
        """A user is refused what changes the server or is everybody's; unknown too."""
        assert not _may(compiled, SUBJECTS["user"], method, path)
        assert _may(compiled, SUBJECTS["admin"], method, path)


class TestPromises:
    """What `policy_test.yaml` promises of every request there can be."""

    def test_they_hold(self, policy: Policy):
        """Proven, for routes too that no release has yet."""
        file = read_tests(POLICY_FILE.with_name("policy_test.yaml").read_bytes())

        for result, _ in run_tests(file, CompiledPolicy(policy)):
            assert result.passed, result

    def test_the_list_is_every_route_that_changes_more_than_a_user_may(self):
        """The sentence is this list: neither more routes nor fewer."""
        file = read_tests(POLICY_FILE.with_name("policy_test.yaml").read_bytes())
        listed = {
            (method, re.sub(r"/:\w+", "/:any", str(each.promised[1])))
            for each in file.tests[0].expectations
            if each.promised
            for method in each.promised[0]
        }
        changing = {
            (route.method, _PARAMETER.sub(":any", route.path))
            for route in ROUTES
            if route.proposed == "admin"
            and route.method in {"POST", "PUT", "PATCH", "DELETE"}
        }

        assert listed == changing
        assert all(each.but == ("role:admin",) for each in file.tests[0].expectations)
