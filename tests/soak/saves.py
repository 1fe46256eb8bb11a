"""A process is killed while it saves the policy file: it is the old or the new one."""

import os
import random
import re
import signal
import tempfile
import time
from pathlib import Path

from tests.saving import save
from tests.soak.history import policy_text
from tests.soak.report import Bar


def killed_saves(times: int) -> list[Bar]:
    """Kill a saving process *times* times at random moments."""
    with tempfile.TemporaryDirectory(prefix="authz-soak-") as folder:
        return _kill_saves(Path(folder), times)


def _kill_saves(folder: Path, times: int) -> list[Bar]:
    path = folder / "policy.csv"
    path.write_text(policy_text(0))
    chance = random.Random(7)  # noqa: S311 - no secret
    usual = _seconds_for_a_save(path)
    broken, moved = [], 0
    for _ in range(times):
        before = path.read_bytes()
        begun, begin = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(begin, b"!")
            _save_again_and_again(path)
        os.close(begin)
        os.read(begun, 1)
        os.close(begun)
        time.sleep(chance.uniform(0, 3 * usual))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        data = path.read_bytes()
        moved += data != before
        broken += [
            name
            for name in ("policy.csv", "policy.csv.prev")
            if not _is_whole(folder / name)
        ]
    # A dead writer's leftovers go with the next save.
    save(path, policy_text(1).encode())
    kept = {"policy.csv", "policy.csv.prev", ".policy.csv.lock"}
    left = sorted({entry.name for entry in folder.iterdir()} - kept)
    return [
        Bar(
            name=f"{times} kills during saves leave the old or the new file",
            met=not broken,
            figure=f"{len(broken)} broken",
        ),
        Bar(
            name="the kills come at all moments: before saves, in them, and after",
            met=moved > times / 10,
            figure=f"{moved} of {times} left a newer file",
            timed=True,
        ),
        Bar(name="nothing is left lying about", met=not left, figure=f"{left}"),
    ]


def _seconds_for_a_save(path: Path) -> float:
    """Return how long a save takes here and now, so that kills fall into one."""
    took = []
    for number in range(5):
        started = time.monotonic()
        text = policy_text(number).encode()
        save(path, text)
        took.append(time.monotonic() - started)
    return max(took)


def _save_again_and_again(path: Path) -> None:
    try:
        number = os.getpid()
        while True:
            number += 1
            save(path, policy_text(number).encode())
    finally:
        os._exit(1)


def _is_whole(path: Path) -> bool:
    if not path.exists():
        return path.suffix == ".prev"  # no save got so far yet
    text = path.read_text()
    found = re.search(r"/r/(\d+)/marker", text)
    return found is not None and text == policy_text(int(found[1]))
