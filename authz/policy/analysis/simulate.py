"""Decisions that were recorded, made again under a draft."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from authz.decision import About, AccessRequest, PolicyInForce, Reason, Subject, outcome
from authz.errors import InvalidValue

#: The events of the audit log that tell of a decision of the policy.
ALLOWED: Final = "decision:allow"
DENIED: Final = frozenset({"decision:deny", "decision:would-deny"})
#: Refusals that were not the policy's.
_NOT_THE_POLICY: Final = frozenset({Reason.CROSS_ORIGIN, Reason.EVALUATION_FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One decision, as the audit log holds it."""

    at: datetime
    asked: AccessRequest
    allowed: bool
    #: Whether it was allowed because the app declared the endpoint public.
    public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A request that the draft answers in another way, and how often it came."""

    subject: str
    method: str
    path: str
    #: Whether the draft allows it; it was denied before.
    opens: bool
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What became of all recorded decisions under a draft."""

    shifts: tuple[Shift, ...]
    same: int
    #: Records that tell too little to decide again, or of no decision of the policy.
    skipped: int = 0

    @property
    def opened(self) -> int:
        """How many requests would be allowed that were denied."""
        return sum(shift.times for shift in self.shifts if shift.opens)

    @property
    def closed(self) -> int:
        """How many requests would be denied that were allowed."""
        return sum(shift.times for shift in self.shifts if not shift.opens)

    @property
    def total(self) -> int:
        """How many decisions were made again."""
        return self.same + self.opened + self.closed


def replay(decisions: Iterable[Recorded | None], draft: PolicyInForce) -> Replay:
    """Make *decisions* again under *draft*; None stands for a record to skip."""
    same = skipped = 0
    shifts: Counter[tuple[str, str, str, bool]] = Counter()
    for recorded in decisions:
        if recorded is None:
            skipped += 1
            continue
        asked = recorded.asked
        # The app's declaration still counts where the draft is silent.
        allowed = bool(outcome(draft.decide(asked), declared_public=recorded.public))
        if allowed is recorded.allowed:
            same += 1
        else:
            shifts[asked.subject.name, asked.method, asked.path, allowed] += 1
    return Replay(
        shifts=tuple(
            Shift(subject=subject, method=method, path=path, opens=opens, times=times)
            for (subject, method, path, opens), times in shifts.most_common()
        ),
        same=same,
        skipped=skipped,
    )


def read_recorded(record: Mapping[str, Any]) -> Recorded | None:
    """Return the decision that a *record* of the audit log tells of.

    None if it tells of none, or too little to decide it again: a decision is over all
    names of a subject.

    Raises:
        ValueError: if it is no record of the audit log.
    """
    try:
        event, at = record["event"], datetime.fromisoformat(record["at"])
        if event != ALLOWED and event not in DENIED:
            return None
        names = record.get("names") or ()
        reason, detail = record.get("reason", ""), record.get("detail") or {}
        method, path, name = (
            record.get(key, "") for key in ("method", "path", "subject")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("this is not a record of the audit log") from error
    try:
        about = About.of_kept(detail)
    except InvalidValue:
        return None  # too long to be recorded whole
    if not names or reason in _NOT_THE_POLICY:
        return None
    if not all(text and isinstance(text, str) for text in (method, path, name, *names)):
        return None
    subject = Subject(name=name, names=frozenset(names), source="", display_name=name)
    return Recorded(
        at=at,
        asked=about.asked(subject, method, path),
        allowed=event == ALLOWED,
        public=reason == Reason.DECLARED_PUBLIC,
    )
