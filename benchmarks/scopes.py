"""What a scope adds to a decision: the same rules and questions without and with scopes."""

import re
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

from authz.decision import AccessRequest, PolicyInForce, Subject
from authz.policy.build import build_policy
from authz.scope import Scope
from benchmarks.engines import MODEL
from benchmarks.results import Bar
from benchmarks.turns import in_turns
from benchmarks.workload import SIZES, Question, Workload

SCOPES: Final = 100
QUESTIONS: Final = 8_000
#: How many times the same question without a scope.
MOST: Final = 1.5
_MODEL: Final = Path(__file__).parents[1] / "model-scoped.conf"
_NUMBER: Final = re.compile(r"(?:item|part|folder)(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoped:
    """Medians of the turns, in microseconds."""

    rules: int
    scopes: int
    plain_p50_us: float
    scoped_p50_us: float
    plain_p99_us: float
    scoped_p99_us: float
    #: How many times the other p50 one is, and how far that lies apart.
    times: float
    spread: str


def measure() -> Scoped:
    """Ask the same questions of the same rules without and with scopes, in turns."""
    workload = Workload(SIZES[2])
    data = workload.csv()
    plain = build_policy(MODEL.read_text(encoding="utf-8"), data).policy
    scoped = build_policy(_MODEL.read_text(encoding="utf-8"), _scoped(data)).policy
    people = [workload.subject(person) for person in range(workload.size.users)]
    stream = workload.questions(1)
    p99: dict[bool, list[float]] = {False: [], True: []}

    def ask(policy: PolicyInForce) -> float:
        questions = [*islice(stream, QUESTIONS // 2)]
        if policy is scoped:
            _agree(plain, scoped, people, questions[:100])
        first, last = _ask(policy, people, questions, scoped=policy is scoped)
        p99[policy is scoped].append(last)
        return first

    for policy in (plain, scoped):  # which fetches everything into the caches
        ask(policy)
    p50 = in_turns(lambda: ask(plain), lambda: ask(scoped))
    return Scoped(
        rules=workload.size.rules,
        scopes=SCOPES,
        plain_p50_us=round(p50.one, 3),
        scoped_p50_us=round(p50.other, 3),
        plain_p99_us=round(statistics.median(p99[False]), 3),
        scoped_p99_us=round(statistics.median(p99[True]), 3),
        times=round(p50.share, 3),
        spread=p50.spread,
    )


def _scoped(data: bytes) -> bytes:
    """Return the policy *data* with each rule in a scope, and each grant in all."""
    lines = []
    for line in data.decode().splitlines():
        kind, first, *rest = line.split(", ")
        if kind == "p":
            lines.append(", ".join((kind, first, _scope(rest[0]), *rest)))
        else:
            lines.append(f"{line}, *")
    return "".join(f"{line}\n" for line in lines).encode()


def _scope(path: str) -> str:
    """Return the scope of the rule that *path* belongs to, or one of a path of none."""
    number = _NUMBER.search(path)
    return f"library:l{int(number[1]) % SCOPES if number else 0}"


def _agree(
    plain: PolicyInForce,
    scoped: PolicyInForce,
    people: list[Subject],
    questions: list[Question],
) -> None:
    """Refuse to compare the speed of different answers."""
    for question in questions:
        asked = _asked(people, question, scoped=True)
        if bool(scoped.decide(asked)) is not bool(
            plain.decide(replace(asked, scope=None))
        ):
            raise AssertionError(question)


def _asked(people: list[Subject], question: Question, *, scoped: bool) -> AccessRequest:
    path = question.path.encode().decode()  # nothing about it is computed yet
    return AccessRequest(
        subject=people[question.person],
        path=path,
        method=question.method,
        scope=Scope(_scope(path)) if scoped else None,
    )


def _ask(
    policy: PolicyInForce,
    people: list[Subject],
    questions: list[Question],
    *,
    scoped: bool,
) -> tuple[float, float]:
    """Return p50 and p99 in microseconds."""
    decide, times = policy.decide, []
    for question in questions:
        request = _asked(people, question, scoped=scoped)
        begun = time.perf_counter_ns()
        decide(request)
        times.append(time.perf_counter_ns() - begun)
    times.sort()
    return times[len(times) // 2] / 1000, times[int(len(times) * 0.99)] / 1000


def bars(found: Scoped) -> Iterator[Bar]:
    """Yield what is promised of scopes, and what was measured."""
    yield Bar(
        promise=f"a question in one of {SCOPES} scopes at {found.rules:,} rules at most "
        f"{MOST} times the same one without scopes (p50)",
        measured=f"{found.times:.2f} times ({found.scoped_p50_us:.2f} us, without "
        f"{found.plain_p50_us:.2f}; {found.spread}; p99 {found.scoped_p99_us:.1f} us, "
        f"without {found.plain_p99_us:.1f})",
        holds=found.times <= MOST,
    )
