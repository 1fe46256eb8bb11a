"""The policy as an index: flat in the number of rules, equal to the scan.

Each name that rules speak of has one table: a dictionary from a method and a path to
what the rules say of them. Patterns are keys too. `/api/similar/:id` is stored with a
mark in place of the parameter, and its *shape* says which segments of a request's path
to replace by the mark before looking. Few shapes fit one path, however many rules there
are, so a decision is a handful of dictionary look-ups. A subject's names lead, through
its roles, to a table or a few; which ones is remembered for each set of names.

The index finds exactly the rules that a scan finds; `tests/differential` holds it to
that, and both to pycasbin.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final
from weakref import ref

from authz.decision import (
    AccessRequest,
    Asked,
    Decision,
    Explanation,
    Policy,
    Rule,
    Subject,
    alone,
    closure,
    combine,
    grants_by_member,
    no_rule,
)
from authz.policy.analysis.explain import explain
from authz.policy.patterns import MAX_SEGMENTS

#: Sets of names whose tables are remembered. Beyond it the memory starts afresh.
_REMEMBERED: Final = 16_384
#: Small tables that one subject reaches are merged into one of up to this many keys.
_MERGED: Final = 256
#: Keys that all merged tables may have together.
_ALL_MERGED: Final = 262_144

# The marks stand where no path of a policy has a character. A request's path may hold
# them (a hostile one) and then finds only what the pattern would match anyway.
_PARAMETER: Final = "\x00"
_TAIL: Final = "\x01"
#: How a table spells the methods that none of its rules names.
_OTHER: Final = "*"

#: How many segments a pattern has, whether more may follow, and which are parameters.
_Shape = tuple[int, bool, tuple[int, ...]]
#: The shapes that fit paths of 0, 1, 2... segments (the last: of that many or more),
#: each as how many segments to keep and which to mark. None kept: a literal path.
_Fitting = tuple[tuple[tuple[int, tuple[int, ...]], ...], ...]
#: How a table spells a method; what fits paths with this first segment, and others.
_Form = tuple[str, Mapping[str, _Fitting], _Fitting]
#: By method.
_Forms = Mapping[str, _Form]

#: What one key leads to: one decision, or several of one rule each.
_Hit = Decision | tuple[Decision, ...]


class _Table(dict[str, _Hit]):
    """What some rules say, by key: a method as the table spells it, then a path."""

    __slots__ = ("__weakref__", "forms", "owner", "rest")

    def __init__(
        self,
        hits: Iterable[Decision],
        *,
        owner: object,
        forms: dict[Hashable, _Forms],
        rest: tuple["_Table", ...] = (),
    ) -> None:
        """Hold *hits*, of one rule each; *forms* are what other tables have."""
        super().__init__()
        #: Stands for the policy: a subject may have met an earlier one.
        self.owner = owner
        #: More tables to look at, for a subject that reaches too much for one.
        self.rest = rest
        hits = tuple(hits)
        spelling = _spelling(hit.rules[0] for hit in hits)
        shapes: set[tuple[str, str | None, _Shape]] = set()
        for hit in hits:
            rule = hit.rules[0]
            path, head, shape = _marked(rule.path)
            for method in _spelled(rule, spelling):
                shapes.add((method, head, shape))
                before = self.setdefault(method + path, hit)
                if before is not hit:
                    self[method + path] = (*_several(before), hit)
        # Most tables have the same forms: shared, they stay in the processor's cache.
        key = frozenset(spelling.items()), frozenset(shapes)
        known = forms.get(key)
        self.forms: _Forms = _forms(spelling, shapes) if known is None else known
        forms[key] = self.forms

    def find(self, method: str, path: str) -> list[_Hit]:
        """Return what the rules of this table say of *method* on *path*."""
        found: list[_Hit] = []
        forms = self.forms
        form = forms[method] if method in forms else forms.get(_OTHER)
        # A policy path has at most MAX_SEGMENTS; what lies deeper stays in one piece,
        # so a hostile path costs no more than that.
        segments = path.split("/", MAX_SEGMENTS + 1)
        depth = len(segments)
        if form is None or segments[0] or depth == 1:
            return found  # every path of a policy begins with a slash
        segments[0], by_head, otherwise = form
        fitting = by_head.get(segments[1], otherwise)
        for kept, parameters in fitting[depth if depth < len(fitting) else -1]:
            if kept:
                marked = segments[:kept]
                if kept < depth:
                    marked.append(_TAIL)
                for index in parameters:
                    if not marked[index]:
                        break  # a parameter is never empty
                    marked[index] = _PARAMETER
                else:
                    hit = self.get("/".join(marked))
                    if hit is not None:
                        found.append(hit)
            else:
                hit = self.get(segments[0] + path)
                if hit is not None:
                    found.append(hit)
        return found


class CompiledPolicy:
    """A policy in the shipped language, ready to answer. Immutable to its callers."""

    def __init__(self, policy: Policy) -> None:
        self.source: Policy = policy
        self.revision: str = policy.revision
        self._silence = no_rule(policy.revision)
        self._owner = object()
        self._grants = grants_by_member(policy.grants)
        self._forget()
        # The one place where the index is built; a scope would become part of a key.
        by_name: dict[str, list[Rule]] = {}
        for rule in policy.rules:
            by_name.setdefault(rule.subject, []).append(rule)
        self._tables = {
            name: _Table(
                (alone(rule, policy.revision) for rule in rules),
                owner=self._owner,
                forms=self._forms,
            )
            for name, rules in by_name.items()
        }

    def decide(self, request: Asked) -> Decision:
        """Return the policy's answer to *request*. Never raises, never does I/O."""
        note = request.subject.memo
        table = note() if type(note) is ref else None
        if table is None or table.owner is not self._owner:
            table = self._select(request.subject)
        found = table.find(request.method, request.path)
        if table.rest:
            for further in table.rest:
                found += further.find(request.method, request.path)
        if not found:
            return self._silence
        if len(found) == 1:
            (hit,) = found
            if type(hit) is Decision:
                return hit
        return combine(tuple(hit.rules[0] for hit in _each(found)), self.revision)

    def explain(self, request: AccessRequest) -> Explanation:
        """Return the decision for *request* with every rule and chain behind it."""
        return explain(self.source, request, self.decide(request))

    def roles_of(self, names: Iterable[str]) -> frozenset[str]:
        """Return every role that somebody with *names* holds, however indirectly."""
        reached = closure(names, self._grants)
        return frozenset(name for name in reached if name.startswith("role:"))

    def _forget(self) -> None:
        """Start the memory afresh. It is bounded, whoever asks."""
        # What subjects with these names lead to, for subjects made anew each time.
        self._remembered: dict[frozenset[str], _Table] = {}
        # Subjects that reach the same names share one table.
        self._merged: dict[tuple[str, ...], _Table] = {}
        self._room = _ALL_MERGED
        self._forms: dict[Hashable, _Forms] = {}

    def _select(self, subject: Subject) -> _Table:
        """Return the table to begin with for *subject*, and note it with them."""
        table = self._remembered.get(subject.names)
        if table is None:
            if len(self._remembered) >= _REMEMBERED:
                self._forget()
            names = closure(subject.names, self._grants).keys() & self._tables.keys()
            reached = tuple(sorted(names))
            table = self._merged.get(reached)
            if table is None:
                table = self._merge([self._tables[name] for name in reached])
                self._merged[reached] = table
            self._remembered[subject.names] = table
        # Weak: a subject that is not seen again must not keep an old policy alive.
        object.__setattr__(subject, "memo", ref(table))
        return table

    def _merge(self, tables: Sequence[_Table]) -> _Table:
        """Return one table that leads to all *tables*."""
        if len(tables) == 1:
            return tables[0]
        room = min(_MERGED, self._room)
        small: list[_Hit] = []
        rest: list[_Table] = []
        for table in sorted(tables, key=len):
            if len(table) <= room:
                room -= len(table)
                small.extend(table.values())
            else:
                rest.append(table)
        merged = _Table(
            _each(small), owner=self._owner, forms=self._forms, rest=tuple(rest)
        )
        self._room -= len(merged)
        return merged


class RuleIndex:
    """Finds the rules that speak of a method on a path, whoever asks."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._table = _Table((alone(rule, "") for rule in rules), owner=None, forms={})

    def speaking_of(self, method: str, path: str) -> tuple[Rule, ...]:
        """Return every rule that matches *method* and *path*."""
        found = self._table.find(method, path)
        return tuple(hit.rules[0] for hit in _each(found))


def _spelling(rules: Iterable[Rule]) -> dict[str, str]:
    """Return how a table of *rules* spells each method that they name."""
    spelling = {method: method for rule in rules for method in rule.methods}
    if "GET" in spelling:
        spelling.setdefault("HEAD", "GET")
    return spelling


def _spelled(rule: Rule, spelling: Mapping[str, str]) -> set[str]:
    """Return the methods of *rule* as its table spells them."""
    if not rule.methods:
        return {*spelling.values(), _OTHER}
    methods = {spelling[method] for method in rule.methods}
    return methods | {spelling["HEAD"]} if "GET" in rule.methods else methods


def _marked(path: str) -> tuple[str, str | None, _Shape]:
    """Return a rule's path with its marks, its first segment, and its shape.

    The first segment is None if any will do.
    """
    segments = path.split("/")
    tail = segments[-1] == "*"
    if not tail and "/:" not in path:
        return path, segments[1], (len(segments), False, ())
    if tail:
        segments[-1] = _TAIL
    parameters = tuple(
        index for index, segment in enumerate(segments) if segment.startswith(":")
    )
    for index in parameters:
        segments[index] = _PARAMETER
    head = None if segments[1] in {_PARAMETER, _TAIL} else segments[1]
    return "/".join(segments), head, (len(segments) - tail, tail, parameters)


def _forms(
    spelling: Mapping[str, str], shapes: Iterable[tuple[str, str | None, _Shape]]
) -> _Forms:
    """Return the form of each method, given what is *spelling* and which *shapes*."""
    heads: dict[str, dict[str | None, set[_Shape]]] = {}
    for spelled, head, shape in shapes:
        heads.setdefault(spelled, {}).setdefault(head, set()).add(shape)
    forms = {spelled: _form(spelled, by_head) for spelled, by_head in heads.items()}
    return forms | {method: forms[spelled] for method, spelled in spelling.items()}


def _form(spelled: str, by_head: Mapping[str | None, set[_Shape]]) -> _Form:
    anywhere = by_head.get(None, set())
    fitting = {
        head: _fitting(frozenset(shapes | anywhere))
        for head, shapes in by_head.items()
        if head is not None
    }
    return spelled, fitting, _fitting(frozenset(anywhere))


@lru_cache(maxsize=1024)
def _fitting(shapes: frozenset[_Shape]) -> _Fitting:
    deepest = max((length for length, *_ in shapes), default=0)
    return tuple(
        tuple(
            (length if tail or parameters else 0, parameters)
            for length, tail, parameters in sorted(shapes)
            if (length < depth if tail else length == depth)
        )
        for depth in range(deepest + 2)
    )


def _several(hit: _Hit) -> tuple[Decision, ...]:
    return hit if isinstance(hit, tuple) else (hit,)


def _each(hits: Iterable[_Hit]) -> Iterable[Decision]:
    """Return every decision in *hits* once: a rule may lie under several keys."""
    return {id(one): one for hit in hits for one in _several(hit)}.values()
