"""A candidate policy in shadow: asked beside the one in force, it decides nothing.

A request only leaves a note. Somebody in the background asks the candidate the same
question, counts where it differs, and tells of each difference now and then.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from authz.background import Poller
from authz.decision import (
    AccessRequest,
    Decision,
    Effect,
    PolicyInForce,
    Reason,
    outcome,
)
from authz.policy.compiled import CompiledPolicy
from authz.policy.live import LivePolicy, PolicyStore
from authz.policy.rules import nothing_allowed

#: Notes that wait to be looked at. Beyond it the oldest are dropped, and counted.
MAX_WAITING: Final = 10_000
#: Different differences that are told apart. Beyond it they are only counted.
MAX_LISTED: Final = 500
#: The same difference is told again after so many seconds at the earliest.
QUIET: Final = 60.0
#: Seconds between two looks at what has come meanwhile.
_PAUSE: Final = 1.0
#: Refusals that no policy had a say in.
_NOT_THE_POLICY: Final = frozenset(
    {Reason.CROSS_ORIGIN, Reason.MALFORMED, Reason.INVALID_CREDENTIALS}
)

#: Stands for a candidate as long as none could be used.
_NONE: Final = CompiledPolicy(nothing_allowed())

Clock = Callable[[], float]


class Note(NamedTuple):
    """What a request leaves behind."""

    asked: AccessRequest
    #: The route that served it, or its path where there is none.
    route: str
    decision: Decision
    #: Whether the app declared the route public.
    public: bool


class Deviation(NamedTuple):
    """Somebody to whom the candidate would say something else."""

    subject: str
    method: str
    route: str
    #: Whether the candidate allows it; the policy in force denies.
    opens: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviated:
    """A deviation that is told: how often it came since it was told last."""

    deviation: Deviation
    times: int
    #: One question that the candidate answers otherwise.
    asked: AccessRequest
    #: The candidate's answer.
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowReport:
    """How the candidate fared so far, in this process."""

    #: The candidate's revision; empty while it cannot be used.
    revision: str
    #: Why the candidate file, as it is now, is not asked; None if it is.
    problem: str | None
    same: int
    opened: int
    closed: int
    #: Requests that were not compared: there were too many at once.
    dropped: int
    #: The deviations, the most frequent first.
    deviations: tuple[tuple[Deviation, int], ...]


class Shadow:
    """Asks a candidate what the policy in force was asked, and keeps count."""

    def __init__(
        self,
        store: PolicyStore[bytes],
        build: Callable[[bytes], PolicyInForce],
        *,
        tell: Callable[[Deviated], None],
        on_problem: Callable[[str], None],
        clock: Clock = time.monotonic,
    ) -> None:
        """Begin with the candidate in *store*, as soon as it can be used.

        *build* makes a policy of what it holds, or raises. *tell* is called with
        deviations, in the background and not too often; *on_problem* with why the
        candidate cannot be used, once for each reason.
        """
        self._tell = tell
        self._clock = clock
        self._waiting: deque[Note] = deque(maxlen=MAX_WAITING)
        self._noted = self._taken = 0
        self._start_afresh()
        # Taken in the background and by who asks for a report, never by a request.
        self._lock = threading.Lock()
        self._live = LivePolicy(
            store,
            build,
            on_reload=lambda _old, _new: self._start_afresh(),
            on_failure=on_problem,
            otherwise=_NONE,
        )
        if self._live.problem is not None:
            on_problem(self._live.problem)
        #: Asks the candidate in the background, once it is started.
        self.poller = Poller(self.refresh, interval=_PAUSE, name="authz-shadow")

    def note(self, note: Note) -> None:
        """Keep what a request was answered; it is looked at later."""
        self._noted += 1
        self._waiting.append(note)

    def refresh(self) -> None:
        """Look for another candidate, and ask it about what has been noted."""
        with self._lock:
            self._live.refresh()
            while self._waiting:
                self._compare(self._waiting.popleft())

    def report(self) -> ShadowReport:
        """Return how the candidate fared so far."""
        self.refresh()
        with self._lock:
            candidate = self._live.current
            return ShadowReport(
                revision="" if candidate is _NONE else candidate.revision,
                problem=self._live.problem,
                same=self._same,
                opened=self._counted[True],
                closed=self._counted[False],
                dropped=max(0, self._noted - self._taken - len(self._waiting)),
                deviations=tuple(self._times.most_common()),
            )

    def _start_afresh(self) -> None:
        self._same = 0
        self._counted: Counter[bool] = Counter()
        self._times: Counter[Deviation] = Counter()
        self._untold: Counter[Deviation] = Counter()
        self._told_at: dict[Deviation, float] = {}

    def _compare(self, note: Note) -> None:
        self._taken += 1
        candidate = self._live.current
        if candidate is _NONE or note.decision.reason in _NOT_THE_POLICY:
            return
        # A subject notes what the policy in force found out about it: leave it alone.
        asked = replace(note.asked, subject=replace(note.asked.subject))
        decision = candidate.decide(asked)
        opens = bool(outcome(decision, declared_public=note.public))
        if opens is _was_allowed(note.decision):
            self._same += 1
            return
        self._counted[opens] += 1
        deviation = Deviation(asked.subject.name, asked.method, note.route, opens)
        if deviation not in self._times and len(self._times) >= MAX_LISTED:
            return
        self._times[deviation] += 1
        self._untold[deviation] += 1
        now = self._clock()
        if now - self._told_at.get(deviation, -QUIET) >= QUIET:
            self._told_at[deviation] = now
            self._tell(
                Deviated(
                    deviation=deviation,
                    times=self._untold.pop(deviation),
                    asked=asked,
                    decision=decision,
                )
            )


def _was_allowed(decision: Decision) -> bool:
    # In report-only mode a refusal lets through; it is a refusal all the same.
    return decision.effect is Effect.ALLOW and decision.reason is not Reason.REPORT_ONLY
