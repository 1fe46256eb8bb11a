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

from collections.abc import Iterable
from typing import Final

from authz.decision import (
    AccessRequest,
    Decision,
    Explanation,
    Rule,
    combine,
    no_rule,
)
from authz.policy.explain import explain
from authz.policy.matching import MAX_SEGMENTS, METHODS
from authz.policy.rules import Policy, closure, grants_by_member

#: Sets of names whose tables are remembered. Beyond it the memory starts afresh.
_REMEMBERED: Final = 16_384

# The marks stand where no path of a policy has a character. A request's path may hold
# them (a hostile one) and then finds only what the pattern would match anyway.
_PARAMETER: Final = "\x00"
_TAIL: Final = "\x01"

#: How to turn a path into a key: the number of segments (negative: that many, and
#: more after them) and which of them are parameters.
_Shape = tuple[int, tuple[int, ...]]


class _Table(dict[str, Decision | tuple[Decision, ...]]):
    """What the rules of one name say for one method: one hit, or several, by key."""

    __slots__ = ("shapes",)

    def __init__(
        self, hits: Iterable[Decision], interned: dict[_Shape, _Shape]
    ) -> None:
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
        self.shapes = tuple(shapes)

    def find_patterns(self, segments: list[str]) -> list[Decision]:
        """Return the hits of all patterns that match a path split at its slashes."""
        count = len(segments)
        found: list[Decision] = []
        for length, parameters in self.shapes:
            if count == length:
                key = segments.copy()
            elif length < 0 and count > -length:
                key = segments[:-length]
                key.append(_TAIL)
            else:
                continue
            for index in parameters:
                if not key[index]:
                    break  # a parameter is never empty
                key[index] = _PARAMETER
            else:
                hit = self.get("/".join(key))
                if hit is not None:
                    found.extend(_several(hit))
        return found


class CompiledPolicy:
    """A policy in the shipped language, ready to answer. Immutable to its callers."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.revision: str = policy.revision
        self._silence = no_rule(policy.revision)
        self._grants = grants_by_member(policy.grants)
        self._tables = _tables(policy)
        # The names with tables that each member leads to: walked once for a member,
        # not once for a request.
        self._reach: dict[str, tuple[str, ...]] = {}
        self._remembered: dict[str, dict[frozenset[str], tuple[_Table, ...]]] = {
            method: {} for method in METHODS
        }
        # Subjects that lead to the same tables share one tuple of them.
        self._shared: dict[tuple[str, ...], tuple[_Table, ...]] = {}

    def decide(self, request: AccessRequest) -> Decision:  # noqa: C901 - one flat path
        """Return the policy's answer to *request*. Never raises, never does I/O."""
        names = request.subject.names
        remembered = self._remembered.get(request.method)
        tables = None if remembered is None else remembered.get(names)
        if tables is None:
            tables = self._select(names, request.method)
        path = request.path
        found: list[Decision] | None = None
        single: Decision | None = None
        segments = None
        for table in tables:
            hit = table.get(path)
            if hit is not None:
                if single is None and found is None and type(hit) is Decision:
                    single = hit
                else:
                    found = [*(found or ()), *_several(hit)]
            if table.shapes:
                if segments is None:
                    # A policy path has at most MAX_SEGMENTS; what lies deeper stays
                    # in one piece, so a hostile path costs no more than that.
                    segments = path.split("/", MAX_SEGMENTS + 1)
                matched = table.find_patterns(segments)
                if matched:
                    found = matched if found is None else [*found, *matched]
        if found is None:
            return self._silence if single is None else single
        if single is not None:
            found.append(single)
        elif len(found) == 1:
            return found[0]
        return combine(
            tuple(dict.fromkeys(hit.rules[0] for hit in found)), self.revision
        )

    def explain(self, request: AccessRequest) -> Explanation:
        """Return the decision for *request* with every rule and chain behind it."""
        return explain(self.policy, request, self.decide(request))

    def roles_of(self, names: Iterable[str]) -> frozenset[str]:
        """Return every role that somebody with *names* holds, however indirectly."""
        reached = closure(names, self._grants)
        return frozenset(name for name in reached if name.startswith("role:"))

    def _select(self, names: frozenset[str], method: str) -> tuple[_Table, ...]:
        """Return the tables that count for *names*, and remember them."""
        reached = dict.fromkeys(
            ruled for name in sorted(names) for ruled in self._reached(name)
        )
        key = (method, *reached)
        tables = self._shared.get(key)
        if tables is None:
            tables = tuple(
                table
                for name in reached
                if (table := _for_method(self._tables[name], method)) is not None
            )
        # Only methods of HTTP are remembered: a client's words must not fill memory.
        if method in METHODS:
            if len(self._remembered[method]) >= _REMEMBERED:
                self._remembered[method] = {}
            self._remembered[method][names] = tables
            if len(self._shared) >= _REMEMBERED:
                self._shared = {}
            self._shared[key] = tables
        return tables

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
        hit = combine((rule,), policy.revision)
        by_method = by_name.setdefault(rule.subject, {})
        for method in _methods(rule):
            by_method.setdefault(method, []).append(hit)
    interned: dict[_Shape, _Shape] = {}
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


def _for_method(by_method: dict[str, _Table], method: str) -> _Table | None:
    table = by_method.get(method)
    return by_method.get("*") if table is None else table


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


def _several(hit: Decision | tuple[Decision, ...]) -> tuple[Decision, ...]:
    return hit if isinstance(hit, tuple) else (hit,)
