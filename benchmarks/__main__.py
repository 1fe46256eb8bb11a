"""`python -m benchmarks`: every figure that is promised, from one run."""

import argparse
import gc
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks import (
    changes,
    decisions,
    hook,
    pages,
    reload,
    results,
    scopes,
    serve,
    startup,
    tokens,
    workers,
)
from benchmarks.results import Bar, Found


def _decisions() -> Found:
    found = decisions.measure()
    return Found(
        bars=decisions.bars(found), lines=decisions.tables(found), parts=found.json()
    )


def _workers() -> Found:
    found = workers.measure()
    return Found(
        bars=workers.bars(found), lines=workers.lines(found), parts={"workers": found}
    )


def _scopes() -> Found:
    found = scopes.measure()
    return Found(bars=scopes.bars(found), parts={"scopes": [asdict(found)]})


def _startup() -> Found:
    found = startup.measure()
    return Found(bars=startup.bars(found), parts={"starts": map(asdict, found)})


def _reload() -> Found:
    found = reload.measure()
    return Found(bars=reload.bars(found), parts={"reload": [asdict(found)]})


def _pages() -> Found:
    found = pages.measure()
    return Found(bars=pages.bars(found), parts={"pages": map(asdict, found)})


#: What can be measured by itself, in the order of a whole run.
SECTIONS: Final[Mapping[str, Callable[[], Found]]] = {
    "decisions": _decisions,
    "scopes": _scopes,
    "memory": _workers,
    "startup": _startup,
    "reload": _reload,
    "changes": lambda: Found(bars=changes.bars()),
    "pages": _pages,
    "tokens": lambda: Found(bars=tokens.bars()),
    "hook": lambda: Found(bars=hook.bars()),
    "serve": lambda: Found(bars=serve.bars()),
}


def main() -> int:
    """Measure, print, and with `--strict` fail if something promised does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--json", type=Path, help="where every figure is written")
    parser.add_argument(
        "sections",
        nargs="*",
        choices=[*SECTIONS, []],
        metavar="SECTION",
        help=f"what is measured, if not everything: {', '.join(SECTIONS)}",
    )
    wanted = parser.parse_args()
    logging.disable()
    parts: dict[str, Iterable[Mapping[str, Any]]] = {}
    found: list[Bar] = []
    for name in wanted.sections or SECTIONS:
        begun = time.monotonic()
        found += _measured(name, parts)
        # What one section leaves behind is not the next one's to look through.
        gc.collect()
        print(f"{name}: {time.monotonic() - begun:.0f} s\n", flush=True)
    if wanted.json is not None:
        results.write(wanted.json, parts, found)
    failed = any(bar.holds is False for bar in found)
    return 1 if failed and wanted.strict else 0


def _measured(name: str, parts: dict[str, Iterable[Mapping[str, Any]]]) -> list[Bar]:
    """Measure one section, print what it found, and add its rows to *parts*.

    One that breaks is a bar that does not hold: the others are measured all the same.
    """
    bars: list[Bar] = []
    try:
        found = SECTIONS[name]()
        for line in found.lines:
            print(line)
        for bar in found.bars:
            bars.append(bar)
            print(bar, flush=True)
        parts.update({part: list(rows) for part, rows in found.parts.items()})
    except Exception as error:  # noqa: BLE001 - whatever it is, the rest is measured
        traceback.print_exc()
        broken = f"{type(error).__name__}: {error}"
        bars.append(Bar(promise=f"{name} is measured", measured=broken, holds=False))
        print(bars[-1], flush=True)
    return bars


if __name__ == "__main__":
    sys.exit(main())
