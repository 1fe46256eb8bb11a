"""The policy as an index: flat in the number of rules, equal to the scan.

A question is answered from its path: the path leads to the few rules it lies in
(`path_index`), and of those count the ones whose name the subject goes by
(`held_names`) and that speak of the method. Nothing is merged for a subject and nothing
is remembered for a question, so the first question of a stranger costs what the
thousandth of a regular does, but for a look-up of each of their names.

A scope (Casbin's domain) is part of a name: a scoped rule stands in the index under its
subject and its scope together, and the names somebody holds are found for a scope. The
path index does not change, and an unscoped policy never asks for a scope.

The index finds exactly the rules that a scan finds; `tests/differential` holds it to
that, and both to pycasbin.
"""

from collections.abc import Iterable
from typing import Final

from authz.decision import (
    AccessRequest,
    Asked,
    Decision,
    Explanation,
    Policy,
    alone,
    combine,
    no_rule,
)
from authz.policy.analysis.explain import explain
from authz.policy.held_names import HeldNames
from authz.policy.pacing import paced
from authz.policy.path_index import Cell, PathIndex

#: Combinations of rules whose common answer is remembered.
_COMBINATIONS: Final = 4_096


class CompiledPolicy:
    """A policy in the shipped language, ready to answer. Immutable to its callers."""

    def __init__(self, policy: Policy) -> None:
        self.source: Policy = policy
        self.revision: str = policy.revision
        self._silence = no_rule(policy.revision)
        self._names = HeldNames(
            policy.grants, {rule.subject for rule in paced(policy.deciding)}
        )
        self._owner = self._names.owner
        self._index = PathIndex(
            alone(rule, policy.revision) for rule in policy.deciding
        )
        # By the rules themselves, whatever question led to them.
        self._combined: dict[tuple[int, ...], Decision] = {}

    def decide(  # noqa: C901, PLR0912 - one frame: it runs for each request
        self, request: Asked
    ) -> Decision:
        """Return the policy's answer to *request*. Never raises, never does I/O."""
        path, index = request.path, self._index
        # What `PathIndex.find` does, without the call.
        segments = path.split("/", index.deepest)
        cell = index.literal.get(path)
        further: list[Cell] | None = None
        try:
            probes = index.by_head.get(segments[1], index.anywhere)[len(segments)]
        except IndexError:
            return self._silence  # no slash in it
        for literals, look_up, parameters in probes:
            found = look_up(literals(segments))
            if found is not None and not segments[0]:
                for parameter in parameters:
                    if not segments[parameter]:
                        break
                else:
                    if cell is None:
                        cell = found
                    elif further is None:
                        further = [found]
                    else:
                        further.append(found)
        if cell is None:
            return self._silence
        note = request.subject.memo
        if type(note) is tuple and note[0] is self._owner:
            names = note[1]
        else:
            names = self._names.of(request.subject)
        if further is None and isinstance(cell, tuple):
            name, methods, decision = cell
            if name in names and (methods is None or request.method in methods):
                return decision
            return self._silence
        return self._weigh((cell, *(further or ())), names, request.method)

    def explain(self, request: AccessRequest) -> Explanation:
        """Return the decision for *request* with every rule and chain behind it."""
        return explain(self.source, request, self.decide(request))

    def roles_of(self, names: Iterable[str]) -> frozenset[str]:
        """Return every role that somebody with *names* holds, however indirectly."""
        return self._names.roles_of(names)

    def parts(self) -> list[object]:
        """Return what most of its memory is taken by, to be let go bit by bit."""
        entries = paced(self._index.entries())
        return [*paced(self.source.grants), *paced(self.source.rules), *entries]

    def _weigh(
        self, cells: Iterable[Cell], names: frozenset[str], method: str
    ) -> Decision:
        """Return what the rules in *cells* say to somebody who goes by *names*."""
        found: list[Decision] = []
        for cell in cells:
            if isinstance(cell, tuple):
                name, methods, decision = cell
                if name in names and (methods is None or method in methods):
                    found.append(decision)
                continue
            # Somebody may hold a thousand roles; a path may concern as many.
            few, many = (names, cell) if len(names) < len(cell) else (cell, names)
            for name in few:
                if name in many:
                    for _, methods, decision in cell[name]:
                        if methods is None or method in methods:
                            found.append(decision)
        if len(found) == 1:
            return found[0]
        return self._combine(found) if found else self._silence

    def _combine(self, found: list[Decision]) -> Decision:
        """Return what the rules of all decisions *found* say together."""
        key = tuple(map(id, found))  # the index keeps them alive
        combined = self._combined.get(key)
        if combined is None:
            rules = tuple(decision.rules[0] for decision in found)
            combined = combine(rules, self.revision)
            if len(self._combined) >= _COMBINATIONS:
                self._combined.clear()
            self._combined[key] = combined
        return combined
