"""`policy.csv` is replaced, truncated, spoiled and removed under load; workers die."""

import os
import tempfile
import time
from pathlib import Path

from authz.errors import PolicyError
from tests.soak.history import History, policy_text
from tests.soak.load import Clients, ask_app
from tests.soak.report import Bar, decision_bars
from tests.soak.servers import ROOT, Replica

MODEL = (ROOT / "model.conf").read_text()


def csv_faults(seconds: float, *, pause: float = 0) -> list[Bar]:
    """Return how the decisions were while the file had a hard time."""
    with tempfile.TemporaryDirectory(prefix="authz-soak-") as folder:
        return _soak(Path(folder) / "policy.csv", seconds, pause)


def _soak(path: Path, seconds: float, pause: float) -> list[Bar]:
    history = History()
    _replace(path, policy_text(0), history)
    settings = {"AUTHZ_POLICY": str(path), "AUTHZ_POLL_SECONDS": "0.2"}
    replicas = [Replica(settings), Replica(settings)]
    kills = 0
    try:
        ports = [replica.port for replica in replicas]
        with Clients(ports, ask_app, pause=pause) as load:
            begun = time.monotonic()
            number = 0
            while time.monotonic() - begun < seconds:
                number += 1
                _fault(path, number, history)
                replicas[number % 2].kill_a_worker(number)
                kills += 1
                time.sleep(max(0.0, begun + number - time.monotonic()))
    finally:
        for replica in replicas:
            replica.stop()
    return decision_bars("the file's faults", load.answers, history, kills=kills)


def _fault(path: Path, number: int, history: History) -> None:
    """Do one thing to the file: every second time what an operator means to do."""
    text = policy_text(number)
    kind = number % 14
    if kind == 1:  # half of it, written in place by a careless editor
        _overwrite(path, text[: len(text) // 2].encode(), history)
    elif kind == 3:
        _overwrite(path, b"", history)
    elif kind == 5:
        path.unlink()
    elif kind == 7:
        _overwrite(path, b"\x00\xff<<<<<<< HEAD\n" + text.encode(), history)
    elif kind == 9:  # to open it would wait for ever
        path.unlink()
        os.mkfifo(path)
    elif kind == 11:
        path.unlink()
        path.symlink_to("/dev/zero")
    elif kind == 13:
        path.unlink()
        path.symlink_to(path)
    else:
        _replace(path, text, history)


def _replace(path: Path, text: str, history: History) -> None:
    revision = history.expect(MODEL, text.encode())
    beside = path.with_name("new.csv")
    beside.write_text(text)
    beside.replace(path)
    history.stored(revision)


def _overwrite(path: Path, data: bytes, history: History) -> None:
    """Write in place. What happens to be a whole policy is one, and is learned."""
    try:
        revision = history.expect(MODEL, data)
    except PolicyError:
        revision = ""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(descriptor, data)
    os.close(descriptor)
    if revision:
        history.stored(revision)
