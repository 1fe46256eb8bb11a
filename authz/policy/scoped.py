"""A policy with scopes as an index: the unscoped one with a scope in each name.

A rule stands in the index under its subject and its scope pattern together. The names
somebody holds are found for a scope, by following the grants that hold there, and kept
with the subject. A question about none in particular, and the one for the scopes of a
path, are answered from sets of scopes: one for each name somebody holds.
"""

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, Final

from authz.decision import (
    AccessRequest,
    Asked,
    Decision,
    Effect,
    Explanation,
    Grant,
    Policy,
    Rule,
    Subject,
    combine,
)
from authz.policy.analysis.explain import explain_within
from authz.policy.combining import RuleCombining
from authz.policy.few_changes import Changed
from authz.policy.pacing import paced
from authz.policy.path_index import PathIndex
from authz.policy.path_tables import Cell, in_scope
from authz.policy.scan import joined
from authz.scope import ANY_SCOPE, AskedScope, Scope, ScopeSet, common, patterns_of

#: Scopes for which a subject's names are kept with it.
_NOTED: Final = 256
#: Sets of names that are shared by those who hold the same.
_SHARED: Final = 4_096

#: For each name somebody holds, the patterns of the scopes in which they do.
Held = Mapping[str, frozenset[str]]


class ScopedPolicy:
    """A policy in the shipped scoped language. Immutable to its callers."""

    def __init__(self, policy: Policy) -> None:
        #: The rules and grants, with their scopes.
        self.written: Policy = policy
        self.revision: str = policy.revision
        #: What looks through rules without asking for scopes may not see these.
        self.source: Policy | None = None
        self._names = ScopedNames(policy.grants, policy.deciding)
        self._index = PathIndex.of(policy.deciding, policy.revision)
        self._combining = RuleCombining(policy.revision)
        self._silence, self._combine = self._combining.silence, self._combining.decide
        self._owner = self._names.owner
        #: The same for all that share most of what they hold.
        self.kin = object()

    def changed(self, changed: Changed) -> "ScopedPolicy":
        """Return the policy in which a few rules have *changed*, and no names."""
        new = copy(self)
        new.written = changed.policy
        new.revision = changed.policy.revision
        new._combining = combining = RuleCombining(new.revision)  # noqa: SLF001
        new._silence = combining.silence  # noqa: SLF001
        new._combine = combining.decide  # noqa: SLF001
        new._index = self._index.changed(  # noqa: SLF001
            changed.removed, changed.added, new.revision
        )
        spoken = [
            {(rule.subject, rule.scope) for rule in rules}
            for rules in (changed.removed, changed.added)
        ]
        if spoken[0] != spoken[1]:
            policy = changed.policy
            new._names = ScopedNames(policy.grants, policy.deciding)  # noqa: SLF001
            new._owner = new._names.owner  # noqa: SLF001
        return new

    def decide(  # noqa: C901 - one frame: it runs for each request
        self, request: Asked
    ) -> Decision:
        """Return the policy's answer to *request*. Never raises, never does I/O."""
        about = request.scope
        if type(about) is not Scope:
            return self._decide_about(request, about)
        path, index = request.path, self._index
        # What `PathIndex.find` does, without the call; see `CompiledPolicy.decide`.
        segments = path.split("/", index.deepest)
        try:
            look, probes = index.by_head.get(segments[1], index.anywhere)[len(segments)]
        except IndexError:
            return self._silence  # no slash in it
        cells: list[Cell] = []
        if look is not None and (cell := look(path)) is not None:
            cells.append(cell)
        for literals, look_up, parameters in probes:
            cell = look_up(literals(segments))
            if cell is not None and not segments[0]:
                for parameter in parameters:
                    if not segments[parameter]:
                        break
                else:
                    cells.append(cell)
        if not cells:
            return self._silence
        note, scope = request.subject.memo, about.text
        names = None
        if type(note) is tuple and note[0] is self._owner:
            names = note[1].get(scope)
        if names is None:
            names = self._names.within(request.subject, scope)
        return self._combine(cells, names, request)

    def _decide_about(self, request: Asked, about: AskedScope) -> Decision:
        """Return the answer about several scopes, or about none in particular."""
        cells = self._index.find(request.path)
        if not cells:
            return self._silence
        if about is None:
            return self._somewhere(request, cells)
        every = (about,) if isinstance(about, Scope) else about
        names = self._names
        return joined(
            [
                self._combine(cells, names.within(request.subject, each.text), request)
                for each in every
            ],
            self.revision,
            any_will_do=False,
        )

    def scopes(
        self, subject: Subject, path: str, method: str, *, public: bool = False
    ) -> ScopeSet:
        """Return the scopes in which *subject* may use *method* on *path*."""
        cells = self._index.find(path)
        held = self._names.held(subject)
        allowed: set[str] = {ANY_SCOPE} if public else set()
        denied: set[str] = set()
        asked = AccessRequest(subject=subject, path=path, method=method)
        keys = self._names.anywhere(subject)
        for decision in RuleCombining.found(cells, keys, asked):
            (rule,) = decision.rules
            says = denied if rule.effect is Effect.DENY else allowed
            says |= _region(held, rule)
        return ScopeSet.where(allowed, denied)

    def explain(self, request: AccessRequest) -> Explanation:
        """Return the decision for *request* with every rule and chain behind it."""
        held = self._names.held(request.subject)
        return explain_within(self.written, request, self.decide(request), held)

    def roles_of(self, names: Iterable[str]) -> frozenset[str]:
        """Return every role that somebody with *names* holds in every scope.

        Who holds a role in one scope only does not hold it as far as the whole goes.
        """
        return frozenset(
            name
            for name, patterns in self._names.follow(names).items()
            if name.startswith("role:") and ANY_SCOPE in patterns
        )

    def roles_within(self, subject: Subject, scope: str) -> frozenset[str]:
        """Return every role that *subject* holds in *scope*, or everywhere."""
        within = frozenset(patterns_of(scope))
        return frozenset(
            name
            for name, patterns in self._names.held(subject).items()
            if name.startswith("role:") and not within.isdisjoint(patterns)
        )

    def held_by(self, subject: Subject) -> Held:
        """Return every name of *subject*, with the patterns of where it is theirs."""
        return self._names.held(subject)

    def parts(self) -> list[object]:
        """Return what most of its memory is taken by, to be let go bit by bit."""
        held = paced(self._index.entries())
        return [*paced(self.written.grants), *paced(self.written.rules), *held]

    def _somewhere(self, request: Asked, cells: Any) -> Decision:
        """Return the answer about none in particular: what some scope allows."""
        subject = request.subject
        found = RuleCombining.found(cells, self._names.anywhere(subject), request)
        if not found:
            return self._silence
        denies = [each for each in found if not each]
        allows = [each for each in found if each]
        if not denies:
            return self._combining.combine(found)
        held = self._names.held(subject)
        denied = frozenset().union(*[_region(held, each.rules[0]) for each in denies])
        left = [
            each.rules[0]
            for each in allows
            if ScopeSet.where(_region(held, each.rules[0]), denied)
        ]
        if not left and ANY_SCOPE not in denied:
            return self._silence  # as in a scope of which no rule speaks
        return combine(tuple(left or [each.rules[0] for each in denies]), self.revision)


class ScopedNames:
    """The names that a policy's rules may know somebody by, and in which scopes."""

    __slots__ = ("_keys", "_roles", "_shared", "owner")

    def __init__(self, grants: Iterable[Grant], rules: Iterable[Rule]) -> None:
        #: Stands for the policy in a note: a subject may have met an earlier one.
        self.owner = object()
        self._roles: dict[str, dict[str, list[str]]] = {}
        for grant in paced(grants):
            by_scope = self._roles.setdefault(grant.member, {})
            by_scope.setdefault(grant.scope, []).append(grant.role)
        #: For each name in rules: what the index calls it where a pattern holds.
        self._keys: dict[str, dict[str, str]] = {}
        for rule in paced(rules):
            keys = self._keys.setdefault(rule.subject, {})
            if rule.scope not in keys:
                keys[rule.scope] = in_scope(rule.subject, rule.scope)
        #: Many hold the same in the same scope: one set for all of them.
        self._shared: dict[frozenset[str], frozenset[str]] = {}

    def within(self, subject: Subject, scope: str) -> frozenset[str]:
        """Return what the index calls *subject* in *scope*."""
        noted = self._noted(subject)
        found = noted.get(scope)
        if found is None:
            if len(noted) >= _NOTED:
                noted.clear()
            names = subject.names_in(scope) if subject.scoped else subject.names
            found = noted[scope] = self._find(names, scope)
        return found

    def anywhere(self, subject: Subject) -> frozenset[str]:
        """Return what the index calls *subject* in some scope."""
        noted = self._noted(subject)
        found = noted.get("anywhere")
        if found is None:
            held = self.held(subject)
            found = noted["anywhere"] = frozenset(
                key
                for name, where in held.items()
                for pattern, key in self._keys.get(name, {}).items()
                if common(where, frozenset((pattern,)))
            )
        return found

    def held(self, subject: Subject) -> Held:
        """Return every name of *subject*, and the scopes in which it has it."""
        noted = self._noted(subject)
        found = noted.get("held")
        if found is None:
            found = noted["held"] = self.follow(subject.names, subject.scoped)
        return found

    def follow(
        self,
        names: Iterable[str],
        scoped: Iterable[tuple[str, frozenset[str]]] = (),
    ) -> Held:
        """Return every name that *names* lead to, and the scopes in which they do.

        The names in *scoped* are theirs in some scopes only.
        """
        everywhere = frozenset((ANY_SCOPE,))
        held = dict.fromkeys(names, everywhere)
        for name, where in scoped:
            held[name] = ScopeSet.where(held.get(name, frozenset()) | where).patterns
        queue = list(held)
        for name in queue:
            given: dict[str, set[str]] = {}
            for pattern, roles in self._roles.get(name, {}).items():
                where = common(held[name], frozenset((pattern,)))
                for role in roles if where else ():
                    given.setdefault(role, set()).update(where)
            # One merge for each role: somebody may have one in thousands of scopes.
            for role, patterns in given.items():
                before = held.get(role, frozenset())
                after = ScopeSet.where(before | patterns).patterns
                if after != before:
                    held[role] = after
                    queue.append(role)
        return held

    def _find(self, names: Iterable[str], scope: str) -> frozenset[str]:
        patterns = patterns_of(scope)
        reached = set(names)
        queue = list(reached)
        found: list[str] = []
        for name in queue:
            keys = self._keys.get(name)
            if keys is not None:
                found += [keys[pattern] for pattern in patterns if pattern in keys]
            by_scope = self._roles.get(name)
            if by_scope is None:
                continue
            for pattern in patterns:
                for role in by_scope.get(pattern, ()):
                    if role not in reached:
                        reached.add(role)
                        queue.append(role)
        shared, names = self._shared, frozenset(found)
        if len(shared) >= _SHARED:
            shared.clear()
        return shared.setdefault(names, names)

    def _noted(self, subject: Subject) -> dict[str, Any]:
        note = subject.memo
        if type(note) is tuple and note[0] is self.owner:
            return note[1]  # type: ignore[no-any-return]
        noted: dict[str, Any] = {}
        object.__setattr__(subject, "memo", (self.owner, noted))
        return noted


def _region(held: Held, rule: Rule) -> frozenset[str]:
    """Return the scopes in which somebody with the names *held* meets *rule*."""
    return common(held.get(rule.subject, frozenset()), frozenset((rule.scope,)))
