"""The policy as an index: flat in the number of rules, equal to the scan.

A question is answered from its path: the path leads to the few rules it lies in
(`path_index`), and of those count the ones whose name the subject goes by
(`held_names`) and that speak of the method. Nothing is merged for a subject and nothing
is remembered for a question, so the first question of a stranger costs what the
thousandth of a regular does, but for a look-up of each of their names.

An unscoped policy never asks for a scope; one with scopes is answered by
`policy/scoped.py`, from the same index.

The index finds exactly the rules that a scan finds; `tests/differential` holds it to
that, and both to pycasbin.
"""

from collections.abc import Iterable, Mapping
from copy import copy

from authz.decision import (
    AccessRequest,
    Asked,
    Decision,
    Explanation,
    Policy,
    Subject,
    outcome,
)
from authz.policy.analysis.explain import explain
from authz.policy.combining import RuleCombining
from authz.policy.few_changes import Changed
from authz.policy.held_names import HeldNames
from authz.policy.pacing import paced
from authz.policy.path_index import PathIndex
from authz.policy.path_tables import Cell
from authz.scope import ANY_SCOPE, ScopeSet


class CompiledPolicy:
    """A policy in the shipped language, ready to answer. Immutable to its callers."""

    def __init__(self, policy: Policy) -> None:
        self.source: Policy = policy
        self.written: Policy = policy
        self.revision: str = policy.revision
        combining = RuleCombining(policy.revision)
        self._silence, self._combine = combining.silence, combining.decide
        self._names = HeldNames(
            policy.grants, {rule.subject for rule in paced(policy.deciding)}
        )
        self._owner = self._names.owner
        self._index = PathIndex.of(policy.deciding, policy.revision)
        #: The same for all that share most of what they hold.
        self.kin = object()

    def changed(self, changed: Changed) -> "CompiledPolicy":
        """Return the policy in which a few rules have *changed*, and no names."""
        new = copy(self)
        new.source = new.written = changed.policy
        new.revision = changed.policy.revision
        combining = RuleCombining(new.revision)
        new._silence = combining.silence  # noqa: SLF001
        new._combine = combining.decide  # noqa: SLF001
        new._index = self._index.changed(  # noqa: SLF001
            changed.removed, changed.added, new.revision
        )
        return new

    def decide(self, request: Asked) -> Decision:
        """Return the policy's answer to *request*. Never raises, never does I/O."""
        path, index = request.path, self._index
        # What `PathIndex.find` does, without the call.
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
        note = request.subject.memo
        if type(note) is tuple and note[0] is self._owner:
            names = note[1]
        else:
            names = self._names.of(request.subject)
        return self._combine(cells, names, request)

    def explain(self, request: AccessRequest) -> Explanation:
        """Return the decision for *request* with every rule and chain behind it."""
        return explain(self.source, request, self.decide(request))

    def scopes(
        self, subject: Subject, path: str, method: str, *, public: bool = False
    ) -> ScopeSet:
        """Return every scope if *subject* may use *method* on *path*, else none."""
        asked = AccessRequest(subject=subject, path=path, method=method)
        allowed = outcome(self.decide(asked), declared_public=public)
        return ScopeSet.where((ANY_SCOPE,) if allowed else ())

    def roles_of(self, names: Iterable[str]) -> frozenset[str]:
        """Return every role that somebody with *names* holds, however indirectly."""
        return self._names.roles_of(names)

    def roles_within(
        self,
        subject: Subject,
        scope: str,  # noqa: ARG002 - there are none
    ) -> frozenset[str]:
        """Return every role that *subject* holds."""
        return self.roles_of(subject.names)

    def held_by(self, subject: Subject) -> Mapping[str, frozenset[str]]:
        """Return every name of *subject*; without scopes, it is theirs everywhere."""
        names = subject.names | self._names.roles_of(subject.names)
        return dict.fromkeys(names, frozenset((ANY_SCOPE,)))

    def parts(self) -> list[object]:
        """Return what most of its memory is taken by, to be let go bit by bit."""
        entries = paced(self._index.entries())
        return [*paced(self.source.grants), *paced(self.source.rules), *entries]
