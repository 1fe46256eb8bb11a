"""What a decision costs: the compiled policy beside stock pycasbin, in one run."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import casbin

from authz.decision import AccessRequest, PolicyInForce
from authz.policy.build import build_policy
from authz.policy.matching import method_match, path_match
from benchmarks.workload import SIZES, Size, Workload

MODEL = Path(__file__).parents[1] / "model.conf"
ROUNDS = 7
OURS_EACH_ROUND = 4_000
#: Questions before each round that are not timed: every user has come by once or twice.
OURS_WARM_UP = 15_000
#: Stock looks at every rule, so it is asked less where there are many.
STOCK_EACH_ROUND = {20: 600, 1_000: 60, 10_000: 8, 100_000: 2}

Question = tuple[str, bytes, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured at one size; times in microseconds, loads in seconds."""

    size: Size
    ours_p50: float
    ours_p99: float
    repeated_p50: float
    stock_p50: float
    stock_p99: float
    ours_load: float
    stock_load: float
    ours_mib: float
    stock_mib: float

    @property
    def times_faster(self) -> float:
        """How many of our decisions stock's takes."""
        return self.stock_p50 / self.ours_p50


def measure() -> list[Figures]:
    """Measure all sizes, in turns, and return the medians over the rounds."""
    workloads = [Workload(size) for size in SIZES]
    built = [_load(workload) for workload in workloads]
    asked = {
        (index, mix): getattr(workload, mix)(seed=index)
        for index, workload in enumerate(workloads)
        for mix in ("questions", "repeated")
    }
    times: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for _ in range(ROUNDS):
        for index, workload in enumerate(workloads):
            ours, stock, *_ = built[index]
            for mix in ("questions", "repeated"):
                # What ran before this, stock on another policy, emptied the caches.
                _time_ours(ours, workload, islice(asked[index, mix], OURS_WARM_UP))
                questions = islice(asked[index, mix], OURS_EACH_ROUND)
                times.setdefault((index, mix), []).append(
                    _time_ours(ours, workload, questions)
                )
            few = islice(
                asked[index, "questions"], STOCK_EACH_ROUND[workload.size.rules]
            )
            times.setdefault((index, "stock"), []).append(
                _time_stock(stock, workload, few)
            )
    return [
        Figures(
            size=workload.size,
            ours_p50=_median(times[index, "questions"], 0),
            ours_p99=_median(times[index, "questions"], 1),
            repeated_p50=_median(times[index, "repeated"], 0),
            stock_p50=_median(times[index, "stock"], 0),
            stock_p99=_median(times[index, "stock"], 1),
            ours_load=built[index][2],
            stock_load=built[index][3],
            ours_mib=_memory("ours", index),
            stock_mib=_memory("stock", index),
        )
        for index, workload in enumerate(workloads)
    ]


def load_ours(data: bytes) -> PolicyInForce:
    """Return our policy, from the bytes of a file to ready to answer."""
    return build_policy(MODEL.read_text(encoding="utf-8"), data).policy


def load_stock(path: Path) -> casbin.Enforcer:
    """Return stock pycasbin, from a file to ready to answer."""
    enforcer = casbin.Enforcer(str(MODEL), str(path))
    enforcer.add_function("pathMatch", path_match)
    enforcer.add_function("methodMatch", method_match)
    return enforcer


def _load(workload: Workload) -> tuple[PolicyInForce, casbin.Enforcer, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.csv"
        path.write_bytes(workload.csv())
        ours_times, stock_times = [], []
        for _ in range(3):
            begun = time.perf_counter()
            ours = load_ours(path.read_bytes())
            ours_times.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            stock = load_stock(path)
            stock_times.append(time.perf_counter() - begun)
        return (
            ours,
            stock,
            statistics.median(ours_times),
            statistics.median(stock_times),
        )


def _time_ours(
    policy: PolicyInForce, workload: Workload, questions: Iterator[Question]
) -> tuple[float, float]:
    sessions, decide, times = workload.sessions, policy.decide, []
    for token, path, method in questions:
        # As in a server: the request has just been made when it is decided.
        request = AccessRequest(
            subject=sessions[token], path=path.decode(), method=method
        )
        begun = time.perf_counter_ns()
        decide(request)
        times.append(time.perf_counter_ns() - begun)
    return _percentiles(times)


def _time_stock(
    enforcer: casbin.Enforcer, workload: Workload, questions: Iterator[Question]
) -> tuple[float, float]:
    sessions, enforce, times = workload.sessions, enforcer.enforce, []
    for token, raw, method in questions:
        name, path = sessions[token].name, raw.decode()
        begun = time.perf_counter_ns()
        enforce(name, path, method)
        times.append(time.perf_counter_ns() - begun)
    return _percentiles(times)


def _percentiles(times: list[int]) -> tuple[float, float]:
    times.sort()
    return times[len(times) // 2] / 1000, times[int(len(times) * 0.99)] / 1000


def _median(pairs: list[tuple[float, float]], which: int) -> float:
    return statistics.median(pair[which] for pair in pairs)


def _memory(engine: str, index: int) -> float:
    """Return how much a loaded policy adds to a process of its own, in MiB."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", engine, str(index)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def bars(figures: list[Figures]) -> Iterator[tuple[str, str, bool]]:
    """Yield what is promised, what was measured, and whether it holds."""
    for figure, factor in zip(figures, (40, 1_000, 10_000), strict=False):
        yield (
            f"at {figure.size.rules} rules at least {factor} times stock",
            f"{figure.times_faster:,.0f} times "
            f"({figure.ours_p50:.2f} us, stock {figure.stock_p50:,.0f} us)",
            figure.times_faster >= factor,
        )
    small, large = figures[0], figures[-1]
    growth = large.ours_p50 / small.ours_p50
    yield (
        "p50 at 100 000 rules at most 2 times that at 20",
        f"{growth:.2f}",
        growth <= 2,
    )
    load = large.ours_load / large.stock_load
    yield (
        "load of 100 000 rules at most 2 times stock's",
        f"{load:.2f} ({large.ours_load:.2f} s, stock {large.stock_load:.2f} s)",
        load <= 2,
    )


def table(figures: list[Figures]) -> Iterator[str]:
    """Yield the figures as lines of a table."""
    yield (
        "| rules | p50 | p99 | p50 repeated | stock p50 | stock p99 | times | load | "
        "stock load | MiB | stock MiB |"
    )
    yield "|" + "---:|" * 11
    for f in figures:
        yield (
            f"| {f.size.rules:,} | {f.ours_p50:.2f} us | {f.ours_p99:.2f} us | "
            f"{f.repeated_p50:.2f} us | {f.stock_p50:,.0f} us | {f.stock_p99:,.0f} us | "
            f"{f.times_faster:,.0f} | {f.ours_load:.3f} s | {f.stock_load:.3f} s | "
            f"{f.ours_mib:.0f} | {f.stock_mib:.0f} |"
        )
