"""Every route of an app, and who may use it under a policy.

The policy is asked about a path that the route serves, with values in it that no rule
is likely to name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

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
    closure,
    grants_by_member,
)
from authz.policy.path_index import RuleIndex
from authz.policy.route_tables import RoutePattern
from authz.scope import ANY_SCOPE

#: A line without a scope, or for every one.
_EVERYWHERE: Final = frozenset({"", ANY_SCOPE})


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
    #: The lines by which people may use it, or may not, in some scopes only.
    limited_by: tuple[Rule | Grant, ...] = ()

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


def coverage(
    policy: PolicyInForce,
    routes: Iterable[RoutePattern],
    *,
    grants: Sequence[Grant] = (),
) -> list[Route]:
    """Return who may use each of *routes* under *policy*.

    *grants* are given besides those of the policy, by the names of groups.
    """
    asker = _Asker(policy, grants)
    return [asker.route(route) for route in routes]


class _Asker:
    """Asks one policy about route after route."""

    def __init__(self, policy: PolicyInForce, grants: Sequence[Grant]) -> None:
        self._policy = policy
        # Whoever a grant leads to in some scope is asked about; the policy decides.
        self._source = policy.written
        self._index = RuleIndex(self._source.rules if self._source else ())
        self._holders: dict[str, Subject] = {}
        own = self._source.grants if self._source else ()
        self._limited = _limited((*own, *grants))

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
            limited_by=tuple(
                dict.fromkeys(
                    self._limits(
                        route,
                        open_to_all=not {EVERYONE, AUTHENTICATED}.isdisjoint(allowed),
                    )
                )
            ),
        )

    def _limits(
        self, route: RoutePattern, *, open_to_all: bool
    ) -> Iterator[Rule | Grant]:
        """Yield the rules and grants for *route* that hold in some scopes only."""
        for rule in self._index.speaking_of(route.method, route.path):
            if rule.scope not in _EVERYWHERE:
                yield rule
            elif open_to_all or rule.effect is Effect.DENY:
                continue  # nobody needs a grant for it
            elif rule.subject in self._limited:
                yield self._limited[rule.subject]

    def _candidates(self, route: RoutePattern) -> list[str]:
        """Return the names of the policy that some rule might allow *route*.

        Asked when a person without further names may not: whoever no rule that allows
        speaks of, by no chain of roles, may not either.
        """
        if self._source is None:
            return []
        reached = self._source.members_of(
            *(
                rule.subject
                for rule in self._index.speaking_of(route.method, route.path)
                if rule.effect is Effect.ALLOW
            )
        )
        if EVERYONE in reached or AUTHENTICATED in reached:
            return []  # they may not, so a rule denies it to all who signed in
        asked = self._source.rules_by_subject.keys() | self._source.roles
        return sorted((reached.keys() & asked) - {ANONYMOUS_METHOD})

    def _ask(self, name: str, route: RoutePattern) -> Decision:
        holder = self._holders.get(name)
        if holder is None:
            holder = self._holders[name] = _holder(name)
        return self._policy.decide(
            AccessRequest(subject=holder, path=route.path, method=route.method)
        )


def _limited(grants: Sequence[Grant]) -> Mapping[str, Grant]:
    """Return every role that somebody has in some scopes only, and by which grant."""
    found: dict[str, Grant] = {}
    for grant in grants:
        if grant.scope not in _EVERYWHERE:
            found.setdefault(grant.role, grant)
    led_to = closure(found, grants_by_member(grants)) if found else {}
    return {
        role: found[chain[0].member if chain else role]
        for role, chain in led_to.items()
    }


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
