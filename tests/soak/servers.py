"""Replicas: gunicorn servers of several workers each, and the killing of workers."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.e2e.servers import free_ports
from tests.services import until

ROOT = Path(__file__).parents[2]


class Replica:
    """One gunicorn server with several workers."""

    def __init__(  # noqa: PLR0913 - what a server is started with
        self,
        settings: Mapping[str, str],
        *,
        app: str = "tests.soak.app:app",
        workers: int = 2,
        threads: int = 4,
        stderr: Path | None = None,
        command: Callable[[int], list[str]] | None = None,
    ) -> None:
        """Start it, or what *command* says for a port; wait until it answers."""
        (self.port,) = free_ports(1)
        self._folder = tempfile.TemporaryDirectory(prefix="authz-soak-")
        self.log = stderr or Path(self._folder.name) / "log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command(self.port)
                if command is not None
                else [
                    *(sys.executable, "-m", "gunicorn", "--log-level", "warning"),
                    *("--bind", f"127.0.0.1:{self.port}"),
                    *("--workers", str(workers), "--threads", str(threads)),
                    # Preloaded: a worker that dies while the policy cannot be read
                    # is replaced by one that has the last good policy.
                    *("--preload", "--keep-alive", "5", "--graceful-timeout", "1", app),
                ],
                cwd=ROOT,
                env={
                    **{k: v for k, v in os.environ.items() if "AUTHZ" not in k},
                    "PYTHONPATH": str(ROOT),
                    **settings,
                },
                stdout=log,
                stderr=log,
            )
        until(self._answers)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return bool(self.workers())
        except OSError:
            return False

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in children.split()]

    def kill_a_worker(self, number: int) -> None:
        """Kill one worker, as a machine that runs out of memory would."""
        workers = self.workers()
        if workers:
            os.kill(workers[number % len(workers)], signal.SIGKILL)

    def stop(self) -> None:
        """Stop the server and its workers."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            for worker in self.workers():
                os.kill(worker, signal.SIGKILL)
            self.process.kill()
            self.process.wait()
        self._folder.cleanup()
