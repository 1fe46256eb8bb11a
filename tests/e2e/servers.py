"""Real servers on ports of their own, started together and ended together."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

ROOT = Path(__file__).parents[2]
_START_SECONDS = 120


def free_ports(count: int) -> list[int]:
    """Return *count* different ports that nobody listens on.

    Below those that the system gives to whoever asks for any: what other tests open
    meanwhile takes none of them.
    """
    found: list[int] = []
    while len(found) < count:
        port = secrets.choice(range(12_000, 30_000))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found += [] if port in found else [port]
    return found


class Servers:
    """Processes with a folder of their own; each writes `<name>.log` there."""

    def __init__(self) -> None:
        # Not pytest's: servers that give up root could not enter it.
        self.folder = Path(tempfile.mkdtemp(prefix="authz-e2e-"))
        self.folder.chmod(0o755)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self, name: str, args: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> None:
        """Start the program *args* as *name*; *env* is all of its environment."""
        plain = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                args,
                cwd=ROOT,
                env={
                    **plain,
                    "PATH": plain.get("PATH", "/usr/bin:/bin") + ":/usr/sbin",
                    "HOME": str(self.folder),
                    **(env or {}),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self, name: str, port: int, address: str = "127.0.0.1") -> None:
        """Wait until the server *name* takes connections at *port*."""
        deadline = monotonic() + _START_SECONDS
        while monotonic() < deadline:
            assert self._running[name].poll() is None, self.log(name)
            try:
                socket.create_connection((address, port), 0.2).close()
            except OSError:
                sleep(0.02)
                continue
            return
        raise AssertionError(f"{name} does not listen: {self.log(name)}")

    def children(self, name: str) -> list[int]:
        """Return the process ids of what the server *name* has started."""
        pid = self._running[name].pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in children.split()]

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the server *name*."""
        self._running[name].send_signal(number)

    def log(self, name: str) -> str:
        """Return what the server *name* wrote."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def stop(self, name: str) -> None:
        """End the server *name* and whatever it started."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a child that did not end with it

    def close(self) -> None:
        """End everything."""
        for name in list(self._running):
            self.stop(name)
        shutil.rmtree(self.folder, ignore_errors=True)
