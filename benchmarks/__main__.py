"""`python -m benchmarks`: every figure that is promised, from one run."""

import argparse
import logging
import sys
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from benchmarks import (
    changes,
    decisions,
    hook,
    reload,
    results,
    serve,
    startup,
    tokens,
    workers,
)
from benchmarks.results import Bar


def main() -> int:
    """Measure, print, and with `--strict` fail if something promised does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--json", type=Path, help="where every figure is written")
    wanted = parser.parse_args()
    logging.disable()
    figures = decisions.measure()
    for line in decisions.tables(figures):
        print(line)
    print()
    memory = workers.measure()
    for line in workers.lines(memory):
        print(line)
    print()
    found: list[Bar] = []
    starts = startup.measure()
    changed = reload.measure()
    for bar in chain(
        startup.bars(starts),
        decisions.bars(figures),
        reload.bars(changed),
        changes.bars(),
        tokens.bars(),
        hook.bars(),
        serve.bars(),
    ):
        print(bar, flush=True)
        found.append(bar)
    if wanted.json is not None:
        parts = figures.json() | {
            "workers": memory,
            "starts": [asdict(start) for start in starts],
            "reload": [asdict(changed)],
        }
        results.write(wanted.json, parts, found)
    failed = any(bar.holds is False for bar in found)
    return 1 if failed and wanted.strict else 0


if __name__ == "__main__":
    sys.exit(main())
