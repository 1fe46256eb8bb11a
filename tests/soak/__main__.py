"""`make soak`: every scenario, for as long as it takes to trust it.

python -m tests.soak [--seconds N] [--saves N] [--json FILE] [--report PAGE]
                     [SCENARIO ...]
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from tests.soak.csv_faults import csv_faults
from tests.soak.database import database_faults
from tests.soak.flood import login_flood
from tests.soak.report import Bar, with_bars
from tests.soak.saves import killed_saves
from tests.soak.serve import serve_faults


def main() -> int:
    """Run the scenarios; return 1 if a bar is not met."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--saves", type=int, default=1000)
    parser.add_argument("--json", type=Path, help="where every figure is written")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--report", type=Path, help="a page to write the figures into")
    wanted = parser.parse_args()
    scenarios: dict[str, Callable[[], list[Bar]]] = {
        "saves": lambda: killed_saves(wanted.saves),
        "file": lambda: csv_faults(wanted.seconds),
        "replicas": lambda: database_faults(wanted.seconds),
        "serve": lambda: serve_faults(min(wanted.seconds, 120)),
        "flood": lambda: login_flood(min(wanted.seconds, 300)),
    }
    bars: list[Bar] = []
    for name in wanted.scenarios or scenarios:
        for bar in scenarios[name]():
            print(bar, flush=True)  # noqa: T201
            bars.append(bar)
    if wanted.json is not None:
        rows = [asdict(bar) for bar in bars]
        wanted.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if wanted.report is not None:
        page = wanted.report.read_text()
        wanted.report.write_text(with_bars(page, bars, seconds=wanted.seconds))
    return int(not all(bar.met for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
