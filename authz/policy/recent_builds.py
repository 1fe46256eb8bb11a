"""Policies that were built a moment ago: a change is checked, and then put in force.

Both times it is the same policy, and at ten thousand rules half a second each.
"""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Final

from authz.decision import PolicyInForce
from authz.policy.build import BuiltPolicy
from authz.policy.compiled import CompiledPolicy
from authz.policy.csv_rows import Row
from authz.policy.pacing import let_go
from authz.policy.recent_rows import RecentRows
from authz.policy.scoped import ScopedPolicy

#: The state before a change, the one after it, and what somebody only looks at.
_KEPT: Final = 3
#: How many rows they may have together. What is larger is one state.
_ROWS: Final = 60_000


class RecentBuilds:
    """The policies of a few states, by their rows. Threads may share it."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Hashable, tuple[Row, ...], BuiltPolicy]] = deque()
        #: What the rows of files are read by.
        self.rows = RecentRows()

    def get(
        self,
        rows: tuple[Row, ...],
        model: Hashable,
        build: Callable[[tuple[Row, ...], BuiltPolicy | None], BuiltPolicy],
    ) -> BuiltPolicy:
        """Return the policy of *rows* with *model*, or what *build* makes of them.

        It is given the newest policy with that model as well. Most rows of two states
        are the same objects: to compare them takes no time.
        """
        newest = None
        for known, same, built in list(self._kept):
            if known == model:
                if same == rows:
                    return built
                newest = built
        built = build(rows, newest)
        self._kept.append((model, rows, built))
        while len(self._kept) > _KEPT or (len(self._kept) > 1 and self._is_much()):
            old = self._kept.popleft()[2]
            parts = parts_of(old.policy, built.policy)
            if parts:
                parts += old.rows
            del old
            let_go(parts)
        return built

    def _is_much(self) -> bool:
        return sum(len(rows) for _, rows, _ in list(self._kept)) > _ROWS


def parts_of(policy: PolicyInForce, newer: PolicyInForce) -> list[object]:
    """Return the parts of *policy* that are to be let go bit by bit: it is followed.

    None if it has most of them in common with the *newer* one.
    """
    if not isinstance(policy, CompiledPolicy | ScopedPolicy):
        return []
    is_kin = (
        isinstance(newer, CompiledPolicy | ScopedPolicy) and newer.kin is policy.kin
    )
    return [] if is_kin else policy.parts()
