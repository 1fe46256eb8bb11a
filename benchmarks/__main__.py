"""`python -m benchmarks`: every figure that is promised, from one run."""

import argparse
import logging
import sys
from itertools import chain

from benchmarks import decisions, hook, tokens


def main() -> int:
    """Measure, print, and with `--strict` fail if something promised does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true")
    strict = parser.parse_args().strict
    logging.disable()
    figures = decisions.measure()
    for line in decisions.table(figures):
        print(line)
    print()
    held = True
    for promise, measured, holds in chain(
        decisions.bars(figures), tokens.bars(), hook.bars()
    ):
        print(f"{'PASS' if holds else 'FAIL'}  {promise}: {measured}", flush=True)
        held &= holds
    return 0 if held or not strict else 1


if __name__ == "__main__":
    sys.exit(main())
