"""Which policy was right when, and whether an answer was."""

import threading
import time
from dataclasses import dataclass, field

from authz.decision import AccessRequest, Policy, signed_in
from authz.policy import scan
from authz.policy.build import build_policy
from authz.policy.compiled import CompiledPolicy
from tests.soak.app import ROUTES

USERS = ("anna", "ben", "carla")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer to one question, with when it was asked and answered."""

    user: str
    route: int
    asked: float
    answered: float
    #: 200, 403, 503, or 0 if the connection was cut.
    status: int
    revision: str = ""


@dataclass(slots=True)
class History:
    """Every policy that was in the store, and until when it was the newest.

    What a policy allows is worked out by the plain scan over its rules, not by the
    index that answers requests.
    """

    allowed: dict[str, frozenset[tuple[str, int]]] = field(default_factory=dict)
    #: When a policy stopped being the newest, for the last time.
    replaced: dict[str, float] = field(default_factory=dict)
    newest: str = ""
    #: From when to when nobody could read the store.
    away: list[tuple[float, float]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, model: str, data: bytes) -> str:
        """Learn what the policy *data* allows, before it is stored."""
        built = build_policy(model, data).policy
        assert isinstance(built, CompiledPolicy)
        self.allowed[built.revision] = _allowed(built.source)
        return built.revision

    def stored(self, revision: str) -> None:
        """Note that *revision* is the newest from now on."""
        with self._lock:
            if self.newest and self.newest != revision:
                self.replaced[self.newest] = time.monotonic()
            self.replaced.pop(revision, None)
            self.newest = revision

    def is_wrong(self, answer: Answer) -> bool:
        """Whether *answer* is not what the policy it names would say."""
        if answer.status not in {200, 403}:
            return False
        allowed = self.allowed.get(answer.revision)
        if allowed is None:
            return True  # a policy that nobody wrote
        return (answer.status == 200) is not ((answer.user, answer.route) in allowed)

    def staleness(self, answer: Answer) -> float:
        """Return for how many seconds the policy had been replaced when it answered."""
        if answer.status not in {200, 403}:
            return 0.0
        replaced = self.replaced.get(answer.revision)
        # Asked, not answered: a slow answer is not an old decision.
        return max(0.0, answer.asked - replaced) if replaced is not None else 0.0

    def staleness_while_readable(self, answer: Answer) -> float:
        """Return the same without the time in which nobody could read the store.

        What was replaced a moment before its store went away is not older because of
        how long that lasts: nothing changes meanwhile.
        """
        stale = self.staleness(answer)
        since = answer.asked - stale
        return stale - sum(
            max(0.0, min(until, answer.asked) - max(begun, since))
            for begun, until in self.away
        )


def _allowed(policy: Policy) -> frozenset[tuple[str, int]]:
    return frozenset(
        (user, route)
        for user in USERS
        for route in range(ROUTES)
        if scan.decide(
            policy,
            AccessRequest(
                subject=signed_in(f"user:{user}", source="soak", display_name=user),
                path=f"/r/{route}",
                method="GET",
            ),
        )
    )


def policy_text(number: int) -> str:
    """Return the policy of the edit *number*: rules, grants and denies come and go."""
    lines = ["p, role:admin, /*, *", "g, user:root, role:admin"]
    # Each policy is another one, whatever else is the same.
    lines.append(f"p, role:marker, /r/{number}/marker, GET")
    for route in range(ROUTES):
        if (number >> (route % 5)) & 1:
            lines.append(f"p, role:user, /r/{route}, GET")
        if (number + route) % 7 == 0:
            lines.append(f"p, user:ben, /r/{route}, GET, deny")
    lines += [
        f"g, user:{user}, role:user"
        for index, user in enumerate(USERS)
        if (number + index) % 4
    ]
    return "".join(f"{line}\n" for line in lines)
