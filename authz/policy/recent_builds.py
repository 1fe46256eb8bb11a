"""Policies that were built a moment ago: a change is checked, and then put in force.

Both times it is the same policy, and at ten thousand rules half a second each.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable

from authz.policy.build import BuiltPolicy
from authz.policy.compiled import CompiledPolicy
from authz.policy.pacing import let_go
from authz.policy.records import Entry

#: The state before a change, the one after it, and what somebody only looks at.
_KEPT = 3


class RecentBuilds:
    """The policies of a few states, by their entries. Threads may share it."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Hashable, tuple[Entry, ...], BuiltPolicy]] = deque()

    def get(
        self,
        entries: Iterable[Entry],
        *,
        model: Hashable,
        build: Callable[[tuple[Entry, ...]], BuiltPolicy],
    ) -> BuiltPolicy:
        """Return the policy of *entries* with *model*, or what *build* makes of them.

        Most entries of two states are the same objects: to compare them takes no time.
        """
        entries = tuple(entries)
        for known, same, built in list(self._kept):
            if known == model and same == entries:
                return built
        built = build(entries)
        self._kept.append((model, entries, built))
        while len(self._kept) > _KEPT:
            _free(self._kept.popleft()[2])
        return built


def _free(built: BuiltPolicy) -> None:
    """Let go of a policy bit by bit; what is still in force is kept by who uses it."""
    policy, parts = built.policy, list[object](built.rows)
    if isinstance(policy, CompiledPolicy):
        parts += policy.parts()
    del built, policy
    let_go(parts)
