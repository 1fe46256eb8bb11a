"""What several rules say together, found once for each combination of rules."""

from collections.abc import Iterable, Sequence
from typing import Final

from authz.decision import Asked, Decision, alone, combine, no_rule
from authz.policy.held_names import Names
from authz.policy.path_tables import Cell

#: Combinations of rules whose common answer is remembered.
_COMBINATIONS: Final = 4_096


class RuleCombining:
    """Combines the rules that a path concerns, for one policy."""

    __slots__ = ("_combined", "revision", "silence")

    def __init__(self, revision: str) -> None:
        self.revision = revision
        #: The answer where no rule speaks.
        self.silence = no_rule(revision)
        # By the rules themselves, whatever question led to them.
        self._combined: dict[tuple[int, ...], Decision] = {}

    def decide(self, cells: Sequence[Cell], names: Names, asked: Asked) -> Decision:
        """Return what the rules in *cells* say to who goes by *names* and *asked*."""
        method, said = asked.method, None
        for cell in cells:
            if type(cell) is not tuple:
                break
            name, methods, decision, _ = cell
            if name in names and (methods is None or method in methods):
                if said is not None:
                    break
                said = decision
        else:  # several patterns fit most paths, and one of their rules speaks
            return self.silence if said is None else self.own(said)
        found = self.found(cells, names, asked)
        if len(found) == 1:
            return self.own(found[0])
        return self.combine(found) if found else self.silence

    def own(self, decision: Decision) -> Decision:
        """Return what one rule says, as what this policy says."""
        if decision.revision is self.revision:
            return decision
        return alone(decision.rules[0], self.revision)

    @staticmethod
    def found(cells: Iterable[Cell], names: Names, asked: Asked) -> list[Decision]:
        """Return what the rules in *cells* say to *names* of what is *asked*."""
        method = asked.method
        found: list[Decision] = []
        for cell in cells:
            if isinstance(cell, tuple):
                name, methods, decision, _ = cell
                if name in names and (methods is None or method in methods):
                    found.append(decision)
                continue
            # Somebody may hold a thousand roles; a path may concern as many.
            few, many = (names, cell) if len(names) < len(cell) else (cell, names)
            for name in few:
                if name in many:
                    for _, methods, decision, _ in cell[name]:
                        if methods is None or method in methods:
                            found.append(decision)
        return found

    def combine(self, found: list[Decision]) -> Decision:
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
