"""Asks all three engines the same random questions until told to stop.

`python -m tests.fuzz --pairs 10000000 --seed 1`
"""

import argparse
import random
import sys
import time
from pathlib import Path

from authz.policy import scan
from authz.policy.compiled import CompiledPolicy
from authz.policy.oracle import oracle
from tests.strategies import world

MODEL = (Path(__file__).parents[1] / "model.conf").read_text(encoding="utf-8")
QUESTIONS = 200


def main() -> int:
    """Ask, and return 0 if all answers agreed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().getrandbits(32)
    )
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}", flush=True)  # noqa: T201
    begun, done, number = time.monotonic(), 0, wanted.seed << 32
    while done < wanted.pairs:
        number += 1
        made = world(number, QUESTIONS)
        compiled, ask = CompiledPolicy(made.policy), oracle(made.policy, MODEL)
        for request in made.requests:
            decision = compiled.decide(request)
            scanned = scan.decide(made.policy, request)
            if (
                bool(decision) != ask(request)
                or decision.reason is not scanned.reason
                or set(decision.rules) != set(scanned.rules)
            ):
                print(f"world {number}: {request} {decision} {scanned}")  # noqa: T201
                return 1
        done += QUESTIONS
        if done % (QUESTIONS * 500) == 0:
            rate = done / (time.monotonic() - begun)
            print(f"{done} pairs, {rate:.0f} a second", flush=True)  # noqa: T201
    print(f"{done} pairs, no difference")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
