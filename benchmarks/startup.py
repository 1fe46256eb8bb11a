"""What commands take to start, and what an import keeps: beside Flask, in one run.

Each is a fresh interpreter, in turns. Counted is what the processor works for it, which
other work on the machine changes little.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.results import Bar

ROUNDS: Final = 7
#: How many times what `import flask` takes.
MOST_TIME: Final = 1.4
MOST_MEMORY: Final = 1.5
_FLASK: Final = "import flask"
_COMMANDS: Final = {
    "authz --help": ["--help"],
    "authz check": ["check", "role:user", "GET", "/map"],
    "authz lint": ["lint"],
    "authz test": ["test"],
}
_POLICY: Final = "p, role:user, /map, GET\n"
_TESTS: Final = """\
people: {bob: {roles: [user]}}
tests:
- {name: users see the map, as: bob, allow: [GET /map]}
"""
_GROWN: Final = """\
import gc
from pathlib import Path
def rss():
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4
before = rss()
{code}
print(rss() - before)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a start took: seconds of the processor, or KiB that an import keeps."""

    what: str
    seconds: float | None = None
    kib: int | None = None


def measure() -> list[Start]:
    """Return the medians of what was measured, Flask first."""
    codes = {_FLASK: _FLASK} | {
        name: f"from authz.cli import main; main({words!r})"
        for name, words in _COMMANDS.items()
    }
    taken: dict[str, list[float]] = {name: [] for name in codes}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "policy.csv").write_text(_POLICY, encoding="utf-8")
        Path(folder, "policy_test.yaml").write_text(_TESTS, encoding="utf-8")
        for _ in range(ROUNDS + 1):
            for name, code in codes.items():
                before = _worked()
                _run(code, folder)
                taken[name].append(_worked() - before)
        # The first of each wrote the compiled modules.
        starts = [Start(what=n, seconds=median(t[1:])) for n, t in taken.items()]
        for name in (_FLASK, "import authz", "from authz import Authz"):
            grown = [int(_run(_GROWN.format(code=name), folder)) for _ in range(ROUNDS)]
            starts.append(Start(what=name, kib=int(median(grown))))
    return starts


def _worked() -> float:
    """Return the seconds that processors have worked for the interpreters so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _run(code: str, folder: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    return done.stdout


def bars(starts: list[Start]) -> Iterator[Bar]:
    """Yield what is promised of a start."""
    flask = next(s.seconds for s in starts if s.what == _FLASK and s.seconds)
    keeps = next(s.kib for s in starts if s.what == _FLASK and s.kib)
    for start in starts:
        if start.what == _FLASK:
            continue
        if start.seconds is not None:
            yield Bar(
                promise=f"`{start.what}` in {MOST_TIME} times `{_FLASK}`",
                measured=f"{start.seconds / flask:.2f} times "
                f"({start.seconds:.2f} s to {flask:.2f} s)",
                holds=start.seconds <= MOST_TIME * flask,
            )
        if start.kib is not None:
            yield Bar(
                promise=f"`{start.what}` keeps {MOST_MEMORY} times what Flask does",
                measured=f"{start.kib / keeps:.2f} times "
                f"({start.kib / 1024:.1f} MiB to {keeps / 1024:.1f} MiB)",
                holds=start.kib <= MOST_MEMORY * keeps,
            )


if __name__ == "__main__":
    for bar in bars(measure()):
        print(bar)
