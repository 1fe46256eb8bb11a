"""The policy as an index: flat in the number of rules, equal to the scan.

Each name that rules speak of has one table for each method: a dictionary from a path
to what the rules say of it. Patterns are keys too. `/api/similar/:id` is stored with
a mark in place of the parameter, and its *shape* says which segments of a request's
path to replace by the mark before looking. A policy has few shapes however many rules
it has, so a decision is a handful of dictionary look-ups. A subject's names lead,
through its roles, to a few tables; which ones is remembered for each set of names.

The index finds exactly the rules that a scan finds; `tests/differential` holds it to
that, and both to pycasbin.
"""

import weakref
from collections.abc import Iterable
from typing import Any, Final

from authz.decision import (
    AccessRequest,
    Decision,
    Explanation,
    Rule,
    Subject,
    alone,
    combine,
    no_rule,
)
from authz.policy.explain import explain
from authz.policy.matching import MAX_SEGMENTS, METHODS
from authz.policy.rules import Policy, closure, grants_by_member

#: Sets of names whose tables are remembered. Beyond it the memory starts afresh.
_REMEMBERED: Final = 16_384

#: Small tables of one selection are merged into one; larger ones are looked at in turn.
_MERGED: Final = 256

# The marks stand where no path of a policy has a character. A request's path may hold
# them (a hostile one) and then finds only what the pattern would match anyway.
_PARAMETER: Final = "\x00"
_TAIL: Final = "\x01"

#: How to turn a path into a key: the number of segments (negative: that many, and
#: more after them) and which of them are parameters.
_Shape = tuple[int, tuple[int, ...]]


#: What one key leads to: one decision, or several of one rule each.
_Hit = Decision | tuple[Decision, ...]


class _Table(dict[str, _Hit]):
    """What the rules of one name say for one method: one hit, or several, by key."""

    __slots__ = ("shapes",)

    def __init__(self, hits: Iterable[Decision], interned: dict[Any, Any]) -> None:
        super().__init__()
        shapes: dict[_Shape, None] = {}
        for hit in hits:
            key, shape = _key(hit.rules[0].path)
            if shape is not None:
                shapes[interned.setdefault(shape, shape)] = None
            before = self.get(key)
            if before is None:
                self[key] = hit
            else:
                self[key] = (*_several(before), hit)
        # Most tables have the same few shapes: shared, they stay in the cache.
        all_shapes = tuple(sorted(shapes))
        self.shapes: tuple[_Shape, ...] = interned.setdefault(all_shapes, all_shapes)


class _Selection(dict[str, tuple[_Table, ...]]):
    """The tables that count for a set of names, by method, found when first asked."""

    __slots__ = ("__weakref__", "_by_name", "owner")

    def __init__(self, owner: object, by_name: Iterable[dict[str, _Table]]) -> None:
        super().__init__()
        #: Stands for the policy: a subject may have met an earlier one.
        self.owner = owner
        self._by_name = tuple(by_name)

    def add(self, method: str) -> tuple[_Table, ...]:
        """Return the tables for *method*, and remember them."""
        tables = tuple(
            table
            for by_method in self._by_name
            if (table := by_method.get(method, by_method.get("*"))) is not None
        )
        if len(tables) > 1 and sum(map(len, tables)) <= _MERGED:
            hits = (
                hit
                for table in tables
                for one in table.values()
                for hit in _several(one)
            )
            tables = (_Table(hits, {}),)
        # Only methods of HTTP: a client's words must not fill memory.
        if method in METHODS:
            self[method] = tables
        return tables


class CompiledPolicy:
    """A policy in the shipped language, ready to answer. Immutable to its callers."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.revision: str = policy.revision
        self._silence = no_rule(policy.revision)
        self._owner = object()
        self._grants = grants_by_member(policy.grants)
        self._tables = _tables(policy)
        # The names with tables that each member leads to: walked once for a member,
        # not once for a request.
        self._reach: dict[str, tuple[str, ...]] = {}
        # What subjects with these names lead to, for subjects made anew each time.
        self._remembered: dict[frozenset[str], _Selection] = {}
        # Subjects that lead to the same tables share one selection of them.
        self._shared: dict[tuple[str, ...], _Selection] = {}

    def decide(self, request: AccessRequest) -> Decision:  # noqa: C901, PLR0912 - flat
        """Return the policy's answer to *request*. Never raises, never does I/O."""
        note = request.subject.memo
        selection = note() if type(note) is weakref.ref else None
        if selection is None or selection.owner is not self._owner:
            selection = self._select(request.subject)
        tables = selection.get(request.method)
        if tables is None:
            tables = selection.add(request.method)
        path = request.path
        found: list[_Hit] = []
        segments: list[str] = []
        for table in tables:
            hit = table.get(path)
            if hit is not None:
                found.append(hit)
            for length, parameters in table.shapes:
                # A policy path has at most MAX_SEGMENTS; what lies deeper stays in one
                # piece, so a hostile path costs no more than that.
                segments = segments or path.split("/", MAX_SEGMENTS + 1)
                if length == len(segments):
                    key = segments.copy()
                elif 0 < -length < len(segments):
                    key = segments[:-length]
                    key.append(_TAIL)
                else:
                    continue
                for index in parameters:
                    if not key[index]:
                        break  # a parameter is never empty
                    key[index] = _PARAMETER
                else:
                    hit = table.get("/".join(key))
                    if hit is not None:
                        found.append(hit)
        if not found:
            return self._silence
        if len(found) == 1 and type(found[0]) is Decision:
            return found[0]
        rules = (each.rules[0] for hit in found for each in _several(hit))
        return combine(tuple(dict.fromkeys(rules)), self.revision)

    def explain(self, request: AccessRequest) -> Explanation:
        """Return the decision for *request* with every rule and chain behind it."""
        return explain(self.policy, request, self.decide(request))

    def roles_of(self, names: Iterable[str]) -> frozenset[str]:
        """Return every role that somebody with *names* holds, however indirectly."""
        reached = closure(names, self._grants)
        return frozenset(name for name in reached if name.startswith("role:"))

    def _select(self, subject: Subject) -> _Selection:
        """Return the tables that count for *subject*, and note them with it."""
        selection = self._remembered.get(subject.names)
        if selection is None:
            reached = tuple(
                dict.fromkeys(
                    ruled
                    for name in sorted(subject.names)
                    for ruled in self._reached(name)
                )
            )
            if len(self._remembered) >= _REMEMBERED:
                self._remembered, self._shared = {}, {}
            selection = self._shared.get(reached)
            if selection is None:
                selection = _Selection(
                    self._owner, (self._tables[name] for name in reached)
                )
                self._shared[reached] = selection
            self._remembered[subject.names] = selection
        # Weak: a subject that is not seen again must not keep an old policy alive.
        object.__setattr__(subject, "memo", weakref.ref(selection))
        return selection

    def _reached(self, name: str) -> tuple[str, ...]:
        if name not in self._grants:
            return (name,) if name in self._tables else ()
        reached = self._reach.get(name)
        if reached is None:
            reached = tuple(
                found
                for found in closure([name], self._grants)
                if found in self._tables
            )
            self._reach[name] = reached
        return reached


def _tables(policy: Policy) -> dict[str, dict[str, _Table]]:
    """Build the tables: name, then method (`*`: any method no rule of it names)."""
    # The one place where the index key is built; a scope would become part of it.
    by_name: dict[str, dict[str, list[Decision]]] = {}
    for rule in policy.rules:
        hit = alone(rule, policy.revision)
        by_method = by_name.setdefault(rule.subject, {})
        for method in _methods(rule):
            by_method.setdefault(method, []).append(hit)
    interned: dict[Any, Any] = {}
    return {
        name: {
            method: _Table(
                hits if method == "*" else [*hits, *by_method.get("*", ())], interned
            )
            for method, hits in by_method.items()
        }
        for name, by_method in by_name.items()
    }


def _methods(rule: Rule) -> Iterable[str]:
    if not rule.methods:
        return ("*",)
    return rule.methods | {"HEAD"} if "GET" in rule.methods else rule.methods


def _key(path: str) -> tuple[str, _Shape | None]:
    """Return the key a rule's path is stored under, and its shape if it has one."""
    segments = path.split("/")
    tail = segments[-1] == "*"
    if not tail and "/:" not in path:
        return path, None
    if tail:
        segments[-1] = _TAIL
    parameters = tuple(
        index for index, segment in enumerate(segments) if segment.startswith(":")
    )
    for index in parameters:
        segments[index] = _PARAMETER
    length = 1 - len(segments) if tail else len(segments)
    return "/".join(segments), (length, parameters)


def _several(hit: _Hit) -> tuple[Decision, ...]:
    return hit if isinstance(hit, tuple) else (hit,)
