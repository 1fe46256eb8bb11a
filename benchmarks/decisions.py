"""What a decision costs: the compiled policy beside its peers, in one run.

Every mix of questions is asked in turns with the others, so that what slows the
machine down slows all of them. No question comes twice, except in the mix that says
so. In the mixes of new subjects, whoever asks has never been seen by the policy.

Loads and decisions a second are counted in seconds of the processor, which other work on
the machine changes less. A single decision is too short for that clock.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

from authz.decision import AccessRequest, PolicyInForce, Subject
from benchmarks.engines import HAS_OSO, Ask, load_oso, load_ours, load_stock
from benchmarks.memory import write
from benchmarks.results import Bar
from benchmarks.turns import Compared, in_turns
from benchmarks.workload import SIZES, Layered, Question, Workload

ROUNDS: Final = 7
#: A policy of 100,000 rules is made anew for each mix of new subjects.
LARGE_ROUNDS: Final = 3
#: A load is too long to be measured more often.
LOAD_TURNS: Final = 5
EACH_ROUND: Final = 4_000
#: Questions before each round that are not timed: what ran before emptied the caches.
WARM_UP: Final = 15_000
#: Paths that new subjects ask for again and again, where only they are new.
KNOWN_PATHS: Final = 500
#: Stock looks at every rule, so it is asked less where there are many.
STOCK_EACH_ROUND: Final = {20: 600, 1_000: 60, 10_000: 8, 100_000: 2}
OSO_EACH_ROUND: Final = 150
#: Stock's p50 at 20 rules, in microseconds, on the machine that bars in microseconds
#: are meant for. On another one they are scaled by what stock takes there.
STOCK_THERE: Final = 116.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one engine was measured at; times in microseconds."""

    workload: str
    rules: int
    engine: str
    #: `known`: everybody has asked before, every path is new. `repeated`: few questions,
    #: again and again. `new subjects`: nobody has asked before. `all new`: both are new.
    mix: str
    p50_us: float
    p99_us: float
    #: Answers in a second of the processor; ours without reading a clock in between.
    per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What it takes to have a policy ready: seconds of the processor, and MiB."""

    workload: str
    engine: str
    seconds: float
    mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that was measured."""

    rows: tuple[Row, ...]
    loads: tuple[Load, ...]
    #: How long stock's loads and ours take, by workload.
    loading: dict[str, Compared]
    #: The p50 of known subjects at 20 rules and at 100,000, in turns.
    growth: Compared

    def row(self, workload: str, engine: str, mix: str) -> Row:
        """Return one row."""
        wanted = workload, engine, mix
        return next(r for r in self.rows if (r.workload, r.engine, r.mix) == wanted)

    def load(self, workload: str, engine: str) -> Load:
        """Return one load."""
        wanted = workload, engine
        return next(r for r in self.loads if (r.workload, r.engine) == wanted)

    def json(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows as JSON knows them."""
        return {
            "decisions": [asdict(row) for row in self.rows],
            "loads": [asdict(load) for load in self.loads],
        }


def workloads() -> list[Workload]:
    """Return every workload."""
    return [*map(Workload, SIZES), Layered()]


class _Measured:
    """One workload with the engines that answer it."""

    def __init__(self, workload: Workload, folder: Path) -> None:
        self.workload = workload
        self._path = write(workload, folder)
        self._times: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
        self._people: dict[int, Subject] = {}
        self._streams = {
            "known": workload.questions(1),
            "repeated": workload.repeated(2),
            "stock": workload.questions(3),
            "oso": workload.questions(4),
        }
        paths = islice(workload.questions(5), KNOWN_PATHS)
        self._known_paths = [(question.path, question.method) for question in paths]
        self.loading = in_turns(self._load_stock, self._load_ours, turns=LOAD_TURNS)
        # Peers ask for one name each, and follow chains of roles only so far.
        self._plain = type(workload) is Workload
        self._oso: Ask | None = None
        took = {"authz": self.loading.other, "pycasbin": self.loading.one}
        if HAS_OSO and self._plain:
            took["oso"], self._oso = _timed(load_oso, self._path)
            self._agree(self._oso)
        #: What it takes to have the policy ready.
        self.loads = [
            Load(
                workload=workload.size.label,
                engine=engine,
                seconds=round(seconds, 4),
                mib=_memory(engine, self._path),
            )
            for engine, seconds in took.items()
        ]

    def _load_ours(self) -> float:
        self._ours: PolicyInForce
        seconds, self._ours = _timed(load_ours, self._path)
        return seconds

    def _load_stock(self) -> float:
        self._stock: Ask
        seconds, self._stock = _timed(load_stock, self._path)
        return seconds

    def _agree(self, oso: Ask) -> None:
        """Refuse to compare the speed of different answers."""
        for question in islice(self.workload.questions(6), 200):
            ours = bool(self._ours.decide(self._asked(question)))
            if ours is not oso(
                f"user:u{question.person}", question.path, question.method
            ):
                raise AssertionError(question)

    def round(self, number: int) -> None:
        """Ask each mix, and the peers, once more."""
        for mix in ("known", "repeated"):
            self._note("authz", mix, self._asked_warm(mix))
        for mix in ("new subjects", "all new"):
            # A policy that has not been asked anything by anybody.
            policy = load_ours(self._path)
            questions = self.workload.questions(number, self.workload.everybody())
            if mix == "new subjects":
                questions = self._to_known_paths(questions)
            # The code is in the caches; the policy and the people are where they are.
            self._ask(self._ours, islice(self._streams["known"], EACH_ROUND))
            found = self._ask(policy, islice(questions, 2 * EACH_ROUND), new=True)
            self._note("authz", mix, found)
        if self._plain:
            count = STOCK_EACH_ROUND[self.workload.size.rules]
            self._note("pycasbin", "known", self._ask_peer(self._stock, "stock", count))
        if self._oso is not None:
            found = self._ask_peer(self._oso, "oso", OSO_EACH_ROUND)
            self._note("oso", "all new", found)

    def known(self) -> float:
        """Return the p50 of people who have asked before."""
        return self._asked_warm("known")[0]

    def _asked_warm(self, mix: str) -> tuple[float, float, float]:
        self._ask(self._ours, islice(self._streams[mix], WARM_UP))
        return self._ask(self._ours, self._some(mix))

    def rows(self) -> Iterator[Row]:
        """Yield the medians over the rounds."""
        for (engine, mix), found in self._times.items():
            yield Row(
                workload=self.workload.size.label,
                rules=self.workload.size.rules,
                engine=engine,
                mix=mix,
                p50_us=round(statistics.median(one for one, _, _ in found), 3),
                p99_us=round(statistics.median(one for _, one, _ in found), 3),
                per_second=round(statistics.median(one for _, _, one in found)),
            )

    def _note(self, engine: str, mix: str, found: tuple[float, float, float]) -> None:
        self._times.setdefault((engine, mix), []).append(found)

    def _some(self, mix: str) -> Iterator[Question]:
        return islice(self._streams[mix], 2 * EACH_ROUND)

    def _to_known_paths(self, questions: Iterable[Question]) -> Iterator[Question]:
        for one, (path, method) in zip(questions, cycle(self._known_paths)):
            yield Question(one.person, path, method)

    def _asked(self, question: Question, *, new: bool = False) -> AccessRequest:
        """Return the request as a server makes it: it has just been received.

        *new* says that the person has not been identified before.
        """
        person = question.person
        subject = None if new else self._people.get(person)
        if subject is None:
            subject = self.workload.subject(person)
        if not new:
            self._people[person] = subject
        path = question.path.encode().decode()  # nothing about it is computed yet
        return AccessRequest(subject=subject, path=path, method=question.method)

    def _ask(
        self, policy: PolicyInForce, questions: Iterator[Question], *, new: bool = False
    ) -> tuple[float, float, float]:
        """Ask with a look at the clock for each question, then as many without."""
        decide, times = policy.decide, []
        both = list(questions)
        half = len(both) // 2
        for question in both[:half]:
            # As in a server: the request has just been made when it is decided.
            request = self._asked(question, new=new)
            begun = time.perf_counter_ns()
            decide(request)
            times.append(time.perf_counter_ns() - begun)
        asked = [self._asked(question, new=new) for question in both[half:]]
        begun = time.thread_time_ns()
        for request in asked:
            decide(request)
        took = time.thread_time_ns() - begun
        return (*_percentiles(times), 1e9 * len(asked) / took)

    def _ask_peer(self, ask: Ask, mix: str, count: int) -> tuple[float, float, float]:
        times = []
        all_begun = time.thread_time_ns()
        for person, path, method in islice(self._streams[mix], count):
            name = f"user:u{person}"
            begun = time.perf_counter_ns()
            ask(name, path, method)
            times.append(time.perf_counter_ns() - begun)
        took = time.thread_time_ns() - all_begun
        return (*_percentiles(times), 1e9 * count / took)


def measure() -> Figures:
    """Measure all workloads, in turns, and return the medians over the rounds."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        every = []
        for number, workload in enumerate(workloads()):
            (folder / str(number)).mkdir()
            every.append(_Measured(workload, folder / str(number)))
        for number in range(ROUNDS):
            for one in every:
                if number < LARGE_ROUNDS or one.workload.size.rules < 100_000:
                    one.round(number)
        by_rules = {one.workload.size.label: one for one in every}
        few, many = (by_rules[SIZES[size].label] for size in (0, 3))
        growth = in_turns(few.known, many.known)
    return Figures(
        rows=tuple(row for one in every for row in one.rows()),
        loads=tuple(load for one in every for load in one.loads),
        loading={one.workload.size.label: one.loading for one in every},
        growth=growth,
    )


def _timed(load: Callable[[Path], Any], path: Path) -> tuple[float, Any]:
    """Return what a load takes, in seconds of the processor, and what it gives."""
    begun = time.process_time()
    loaded = load(path)
    return time.process_time() - begun, loaded


def _percentiles(times: list[int]) -> tuple[float, float]:
    times.sort()
    return times[len(times) // 2] / 1000, times[int(len(times) * 0.99)] / 1000


def _memory(engine: str, path: Path) -> float:
    """Return how much a loaded policy adds to a process of its own, in MiB."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", engine, str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def bars(figures: Figures) -> Iterator[Bar]:
    """Yield what is promised of decisions, and what was measured."""
    labels = [size.label for size in SIZES]
    known = {label: figures.row(label, "authz", "known") for label in labels}
    stock = {label: figures.row(label, "pycasbin", "known") for label in labels}
    scale = stock[labels[0]].p50_us / STOCK_THERE
    scaled = f"here {STOCK_THERE:.0f} us are {stock[labels[0]].p50_us:.0f}"
    for label, factor in zip(labels, (40, 1_000, 10_000), strict=False):
        times = stock[label].p50_us / known[label].p50_us
        yield Bar(
            promise=f"at {label} rules at least {factor:,} times stock",
            measured=f"{times:,.0f} times ({known[label].p50_us:.2f} us, "
            f"stock {stock[label].p50_us:,.0f} us)",
            holds=times >= factor,
        )
    growth = figures.growth
    yield Bar(
        promise=f"p50 at {labels[3]} rules at most 2 times that at {labels[0]}",
        measured=f"{growth.share:.2f} ({growth.other:.2f} us, {growth.one:.2f} us; "
        f"{growth.spread})",
        holds=growth.share <= 2,
    )
    for label in labels[:2]:
        yield Bar(
            promise=f"a known subject's new question at {label} rules: p50 at most "
            f"{0.7 * scale:.2f} us",
            measured=f"{known[label].p50_us:.2f} us (0.7 us, scaled: {scaled})",
            holds=known[label].p50_us <= 0.7 * scale,
        )
    for label in (*labels, Layered().size.label):
        first = figures.row(label, "authz", "new subjects")
        then = figures.row(label, "authz", "known")
        yield Bar(
            promise=f"at {label} rules the first question of a subject at most "
            "4 times the p50 of a known one",
            measured=f"{first.p50_us / then.p50_us:.2f} times "
            f"({first.p50_us:.2f} us, p99 {first.p99_us:.2f}; known {then.p50_us:.2f})",
            holds=first.p50_us <= 4 * then.p50_us,
        )
    new = figures.row(labels[2], "authz", "all new")
    yield Bar(
        promise=f"at {labels[2]} rules, every subject and path new: p99 at most "
        f"{10 * scale:.1f} us",
        measured=f"{new.p99_us:.2f} us, p50 {new.p50_us:.2f} (10 us, scaled: {scaled})",
        holds=new.p99_us <= 10 * scale,
    )
    yield Bar(
        promise=f"in the same mix at least {300_000 / scale:,.0f} decisions a second",
        measured=f"{new.per_second:,.0f} (300,000, scaled: {scaled})",
        holds=new.per_second >= 300_000 / scale,
    )
    yield _beside_oso(figures, new)
    yield from _load_bars(figures, labels)


def _beside_oso(figures: Figures, new: Row) -> Bar:
    promise = "in the same mix at least 20 times oso"
    if not HAS_OSO:
        return Bar(promise=promise, measured="oso is not installed", holds=None)
    theirs = figures.row(new.workload, "oso", "all new")
    times = new.per_second / theirs.per_second
    return Bar(
        promise=promise,
        measured=f"{times:,.0f} times (oso {theirs.per_second:,.0f} a second)",
        holds=times >= 20,
    )


def _load_bars(figures: Figures, labels: list[str]) -> Iterator[Bar]:
    for label in labels[3:]:
        load = figures.loading[label]
        yield Bar(
            promise=f"load of {label} rules at most 1.5 times stock's",
            measured=f"{load.share:.2f} ({load.other:.2f} s, stock {load.one:.2f} s; "
            f"{load.spread})",
            holds=load.share <= 1.5,
        )
    ours, stock = figures.load(label, "authz"), figures.load(label, "pycasbin")
    memory = ours.mib / stock.mib
    yield Bar(
        promise=f"memory of {label} rules at most 1.5 times stock's",
        measured=f"{memory:.2f} ({ours.mib:.0f} MiB, stock {stock.mib:.0f} MiB)",
        holds=memory <= 1.5,
    )


def tables(figures: Figures) -> Iterator[str]:
    """Yield the figures as lines of two tables."""
    yield "| rules | engine | mix | p50 us | p99 us | a second |"
    yield "|---|---|---|---:|---:|---:|"
    for row in figures.rows:
        yield (
            f"| {row.workload} | {row.engine} | {row.mix} | {row.p50_us:,.2f} | "
            f"{row.p99_us:,.2f} | {row.per_second:,.0f} |"
        )
    yield ""
    yield "| rules | engine | load s | MiB |"
    yield "|---|---|---:|---:|"
    for load in figures.loads:
        yield (
            f"| {load.workload} | {load.engine} | {load.seconds:.3f} | {load.mib:.0f} |"
        )
