"""What a changed line costs while requests are answered."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from authz.policy.live import LivePolicy
from benchmarks.engines import load_ours, load_ours_again
from benchmarks.hook import POLICY, Server
from benchmarks.results import Bar
from benchmarks.workload import SIZES, Workload

TURNS: Final = 3
#: Seconds that requests are sent for without a reload, before each with one.
QUIET: Final = 5.0
#: Seconds between two requests of the one client.
BETWEEN: Final = 0.002
LINE: Final = "p, role:user, /map, GET\n"
ADMIN: Final = b"g, user:alice, role:admin\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """What was measured: seconds, and milliseconds of requests."""

    full_s: float
    changed_s: float
    quiet_p99_ms: float
    reload_p99_ms: float


class _Store:
    """A file, read anew whenever it is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def changed(self, since: object) -> tuple[int, Path] | None:
        mark = self._path.stat().st_mtime_ns
        return None if mark == since else (mark, self._path)


def measure() -> Reload:
    """Change one line among 100,000, in process and behind a server."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.csv"
        before = POLICY.encode() + ADMIN + Workload(SIZES[3]).csv()
        after = before.replace(LINE.encode(), b"p, role:user, /map, POST\n", 1)
        path.write_bytes(before)
        in_force: list[float] = []
        live = LivePolicy(
            _Store(path),
            load_ours_again(),
            on_reload=lambda *_: in_force.append(time.perf_counter()),
            on_failure=lambda _: None,
        )
        full, changed = [], []
        for turn in range(TURNS):
            begun = time.perf_counter()
            load_ours(path)
            full.append(time.perf_counter() - begun)
            path.write_bytes(after if turn % 2 == 0 else before)
            begun = time.perf_counter()
            assert live.refresh()  # noqa: S101 - it did change
            changed.append(in_force[-1] - begun)
        del live
        quiet, during = _served(path, before, after)
        return Reload(
            full_s=round(statistics.median(full), 3),
            changed_s=round(statistics.median(changed), 3),
            quiet_p99_ms=round(_p99(quiet), 2),
            reload_p99_ms=round(_p99(during), 2),
        )


def _served(path: Path, before: bytes, after: bytes) -> tuple[list[float], list[float]]:
    """Return the milliseconds of requests without a reload and during one."""
    path.write_bytes(before)
    os.environ["BENCH_POLICY"] = str(path)
    os.environ.pop("BENCH_AUDIT", None)
    server = Server(guarded=True)
    quiet: list[float] = []
    during: list[float] = []
    try:
        for turn in range(TURNS):
            until = time.monotonic() + QUIET
            while time.monotonic() < until:
                quiet.append(_request(server))
            beside = path.with_name("next.csv")
            beside.write_bytes(after if turn % 2 == 0 else before)
            beside.replace(path)
            until = time.monotonic() + QUIET
            while time.monotonic() < until:
                during.append(_request(server))
    finally:
        server.close()
    return quiet, during


def _request(server: Server) -> float:
    time.sleep(BETWEEN)
    begun = time.perf_counter()
    server.get("/api/similar/42")
    return 1e3 * (time.perf_counter() - begun)


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


def bars(found: Reload) -> Iterator[Bar]:
    """Yield what is promised of a reload, and what was measured."""
    yield Bar(
        promise="a changed line among 100,000 is in force within 1 s of being noticed",
        measured=f"{found.changed_s:.2f} s",
        holds=found.changed_s <= 1,
    )
    yield Bar(
        promise="and costs less than a full load",
        measured=f"{found.changed_s:.2f} s, a full load {found.full_s:.2f} s",
        holds=found.changed_s < found.full_s,
    )
    times = found.reload_p99_ms / found.quiet_p99_ms
    yield Bar(
        promise="p99 of requests during a reload at most twice that without",
        measured=f"{times:.2f} times ({found.reload_p99_ms:.1f} ms, "
        f"without {found.quiet_p99_ms:.1f} ms)",
        holds=times <= 2,
    )
