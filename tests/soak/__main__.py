"""`make soak`: every scenario, for as long as it takes to trust it.

python -m tests.soak [--seconds N] [--saves N] [SCENARIO ...]
"""

import argparse
import sys
from collections.abc import Callable

from tests.soak.csv_faults import csv_faults
from tests.soak.database import database_faults
from tests.soak.flood import login_flood
from tests.soak.report import Bar
from tests.soak.saves import killed_saves
from tests.soak.serve import serve_faults


def main() -> int:
    """Run the scenarios; return 1 if a bar is not met."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--saves", type=int, default=1000)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    wanted = parser.parse_args()
    scenarios: dict[str, Callable[[], list[Bar]]] = {
        "saves": lambda: killed_saves(wanted.saves),
        "file": lambda: csv_faults(wanted.seconds),
        "replicas": lambda: database_faults(wanted.seconds),
        "serve": lambda: serve_faults(min(wanted.seconds, 120)),
        "flood": lambda: login_flood(min(wanted.seconds, 300)),
    }
    unmet = 0
    for name in wanted.scenarios or scenarios:
        for bar in scenarios[name]():
            print(bar, flush=True)  # noqa: T201
            unmet += not bar.met
    return min(unmet, 1)


if __name__ == "__main__":
    sys.exit(main())
