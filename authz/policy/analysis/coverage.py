"""Every route of an app, and who may use it under a policy.

A route is known by its pattern; the policy is asked about a path that the pattern
matches, with values in it that no rule is likely to name.
"""

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from authz.decision import (
    ANONYMOUS,
    ANONYMOUS_METHOD,
    AUTHENTICATED,
    EVERYONE,
    AccessRequest,
    Decision,
    Effect,
    Grant,
    PolicyInForce,
    Reason,
    Rule,
    Subject,
)
from authz.policy.compiled import RuleIndex

#: Values that no policy is likely to name, for the parameters of a route.
_SAMPLES: Final = {
    "int": "987654321",
    "float": "98765.4321",
    "path": "~sample/~sample",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_PARAMETER: Final = re.compile(r"<(?:(\w+)(?:\((.*?)\))?:)?\w+>")


class UrlRule(Protocol):
    """What is asked of one rule of a router's map (Werkzeug's `Rule` fits)."""

    @property
    def rule(self) -> str:
        """The pattern, such as `/api/similar/<int:id>`."""
        ...

    @property
    def endpoint(self) -> str:
        """What the app calls it."""
        ...

    @property
    def methods(self) -> set[str] | None:
        """The methods it takes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePattern:
    """One method of one route."""

    method: str
    #: The router's pattern.
    route: str
    #: A path that the pattern matches.
    path: str
    endpoint: str
    #: Whether the app declared it public.
    public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one route, and who may use it."""

    method: str
    route: str
    endpoint: str
    #: Names of the policy; empty if nobody may. `role:everyone` and
    #: `role:authenticated` stand for all of them.
    who: tuple[str, ...]
    declared_public: bool
    #: The rules that open it.
    rules: tuple[Rule, ...]
    #: A path that the route's pattern matches.
    path: str = ""

    @property
    def origins(self) -> tuple[str, ...]:
        """Where the rules that open it were written."""
        return tuple(dict.fromkeys(str(rule.origin) for rule in self.rules))

    @property
    def is_covered(self) -> bool:
        """Whether anybody may use it."""
        return bool(self.who) or self.declared_public

    @property
    def is_open(self) -> bool:
        """Whether people who have not signed in may use it."""
        return self.declared_public or not {EVERYONE, ANONYMOUS_METHOD}.isdisjoint(
            self.who
        )

    @property
    def access(self) -> str:
        """Who may use it, in words."""
        if self.declared_public:
            return "public (declared)"
        if not self.who:
            return "UNCOVERED: nobody may"
        return ", ".join("everyone" if w == EVERYONE else w for w in self.who)


def route_patterns(
    url_rules: Iterable[UrlRule], public_endpoints: Container[str] = ()
) -> list[RoutePattern]:
    """Return every route and method of a router's map, by route and method."""
    return sorted(
        (
            RoutePattern(
                method=method,
                route=rule.rule,
                path=sample_path(rule.rule),
                endpoint=rule.endpoint,
                public=rule.endpoint in public_endpoints,
            )
            for rule in url_rules
            for method in _methods(rule)
        ),
        key=lambda route: (route.route, route.method),
    )


def coverage(policy: PolicyInForce, routes: Iterable[RoutePattern]) -> list[Route]:
    """Return who may use each of *routes* under *policy*."""
    asker = _Asker(policy)
    return [asker.route(route) for route in routes]


def sample_path(rule: str) -> str:
    """Return a path that the route *rule* matches, with unlikely values in it."""

    def sample(match: re.Match[str]) -> str:
        converter, arguments = match.groups()
        if converter == "any" and arguments:
            return arguments.split(",")[0].strip(" '\"")
        return _SAMPLES.get(converter, "~sample")

    return _PARAMETER.sub(sample, rule)


def _methods(rule: UrlRule) -> set[str]:
    methods = set(rule.methods or ()) - {"HEAD"}
    if getattr(rule, "provide_automatic_options", False):
        methods.discard("OPTIONS")
    return methods


class _Asker:
    """Asks one policy about route after route."""

    def __init__(self, policy: PolicyInForce) -> None:
        self._policy = policy
        written = getattr(policy, "policy", None)
        rules: Sequence[Rule] = getattr(written, "rules", ())
        grants: Sequence[Grant] = getattr(written, "grants", ())
        #: The names worth asking about: all that the policy speaks of.
        self._names = {rule.subject for rule in rules} | {g.role for g in grants}
        self._names |= {g.member for g in grants if g.member.startswith("role:")}
        self._index = RuleIndex(rules)
        self._members: dict[str, list[str]] = {}
        for grant in grants:
            self._members.setdefault(grant.role, []).append(grant.member)
        self._holders: dict[str, Subject] = {}

    def route(self, route: RoutePattern) -> Route:
        stranger = self._ask(ANONYMOUS_METHOD, route)
        known = self._ask(AUTHENTICATED, route)
        allowed = {}
        if stranger and known:
            allowed[EVERYONE] = known
        elif known:
            allowed[AUTHENTICATED] = known
        else:
            if stranger:
                allowed[ANONYMOUS_METHOD] = stranger
            asked = {name: self._ask(name, route) for name in self._candidates(route)}
            allowed |= {name: decision for name, decision in asked.items() if decision}
        denied = stranger.reason is Reason.DENIED_BY_RULE
        return Route(
            method=route.method,
            route=route.route,
            endpoint=route.endpoint,
            who=tuple(allowed),
            declared_public=route.public and not denied,
            rules=tuple(
                dict.fromkeys(
                    rule for found in allowed.values() for rule in found.rules
                )
            ),
            path=route.path,
        )

    def _candidates(self, route: RoutePattern) -> list[str]:
        """Return the names of the policy that some rule might allow *route*.

        Asked when a person without further names may not: whoever no rule that allows
        speaks of, by no chain of roles, may not either.
        """
        reached = {
            rule.subject: None
            for rule in self._index.speaking_of(route.method, route.path)
            if rule.effect is Effect.ALLOW
        }
        queue = list(reached)
        for name in queue:
            for member in self._members.get(name, ()):
                if member not in reached:
                    reached[member] = None
                    queue.append(member)
        if EVERYONE in reached or AUTHENTICATED in reached:
            return []  # they may not, so a rule denies it to all who signed in
        return sorted((reached.keys() & self._names) - {ANONYMOUS_METHOD})

    def _ask(self, name: str, route: RoutePattern) -> Decision:
        holder = self._holders.get(name)
        if holder is None:
            holder = self._holders[name] = _holder(name)
        return self._policy.decide(
            AccessRequest(subject=holder, path=route.path, method=route.method)
        )


def _holder(name: str) -> Subject:
    """Return somebody who has *name* and what everybody, or everybody known, has."""
    if name in ANONYMOUS.names:
        return ANONYMOUS
    return Subject(
        name=name,
        names=frozenset({name, EVERYONE, AUTHENTICATED}),
        source="",
        display_name=name,
    )
