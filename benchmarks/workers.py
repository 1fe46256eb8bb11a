"""How much memory a worker takes with its policy, people and sessions; and eight."""

import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from authz.decision import AccessRequest
from authz.identity.accounts import Account
from authz.identity.sessions import new_session
from benchmarks.engines import load_ours
from benchmarks.memory import write
from benchmarks.results import Bar
from benchmarks.workload import SIZES, Workload

WORKERS: Final = 8
QUESTIONS: Final = 20_000
#: MiB of one worker, and how many times that eight may take.
ALONE: Final = 64
TOGETHER: Final = 5


def measure() -> list[dict[str, float | str]]:
    """Return MiB of one worker and of eight that were forked from it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.workers"],
        check=True,
        capture_output=True,
        text=True,
    )
    found: list[dict[str, float | str]] = json.loads(done.stdout)
    return found


def bars(found: list[dict[str, float | str]]) -> Iterator[Bar]:
    """Yield what is promised of memory, and what was measured."""
    _, alone, together = (float(row["mib"]) for row in found)
    yield Bar(
        promise=f"a worker with 10,000 rules, people and sessions in at most {ALONE} MiB",
        measured=f"{alone:.0f} MiB",
        holds=alone <= ALONE,
    )
    yield Bar(
        promise=f"{WORKERS} forked from it keep shared what they can: together, after "
        f"{QUESTIONS:,} questions each, at most {TOGETHER} times one",
        measured=f"{together / alone:.1f} times ({together:.0f} MiB)",
        holds=together <= TOGETHER * alone,
    )


def lines(found: list[dict[str, float | str]]) -> Iterator[str]:
    """Yield what was measured as lines of a table."""
    yield "| what | MiB |"
    yield "|---|---:|"
    for row in found:
        yield f"| {row['what']} | {row['mib']:.0f} |"


def _proportional() -> float:
    """Return the memory of this process in MiB, what it shares divided by the sharers."""
    for line in Path("/proc/self/smaps_rollup").read_text(encoding="ascii").split("\n"):
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel does not say")


def main() -> None:
    """Load, fork, ask, and print what it took as JSON."""
    workload = Workload(SIZES[2])
    questions = list(islice(workload.questions(1), QUESTIONS))
    empty = _proportional()
    with tempfile.TemporaryDirectory() as folder:
        policy = load_ours(write(workload, Path(folder)))
    sessions = [
        new_session(_account(workload, person), policy, 0.0)
        for person in range(workload.size.users)
    ]
    gc.collect()
    gc.freeze()
    alone = _proportional()
    answers: list[int] = []
    go_on, gate = os.pipe()
    for _ in range(WORKERS):
        answer, write_end = os.pipe()
        if os.fork() == 0:
            os.close(gate)
            for person, path, method in questions:
                subject = sessions[person].account.subject
                policy.decide(AccessRequest(subject=subject, path=path, method=method))
            os.write(write_end, b"asked")
            os.read(go_on, 1)  # until all have asked
            os.write(write_end, f" {_proportional()}".encode())
            os._exit(0)
        os.close(write_end)
        answers.append(answer)
    for answer in answers:
        os.read(answer, 5)
    os.write(gate, bytes(WORKERS))
    together = sum(float(os.read(answer, 64)) for answer in answers)
    print(
        json.dumps(
            [
                {
                    "what": "rules, people and sessions (10,000 each)",
                    "mib": alone - empty,
                },
                {"what": "the whole worker", "mib": alone},
                {
                    "what": f"{WORKERS} forked workers after {QUESTIONS:,} questions each",
                    "mib": together,
                },
            ]
        )
    )


def _account(workload: Workload, person: int) -> Account:
    # A hash is as long as this; making ten thousand would take an hour.
    return Account(
        name=f"u{person}",
        subject=workload.subject(person),
        password_hash=f"$argon2id$v=19$m=47104,t=1,p=1${person:022}${person:043}",
    )


if __name__ == "__main__":
    main()
