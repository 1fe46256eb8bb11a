"""Servers that tests start for real: Debian's, in a folder and on sockets of their own.

A test module, or a `conftest.py`, imports the fixtures it needs.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

import psycopg
import pytest
import redis

#: Long enough for a machine that does a lot beside: a test waits for what comes to be,
#: and measures nothing.
_PATIENCE = 120.0
#: What a server that holds nothing for long can do without.
_OPTIONS = (
    "listen_addresses=''", "fsync=off", "max_connections=60", "autovacuum=off",
    "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0", "jit=off",
    "dynamic_shared_memory_type=mmap",
)  # fmt: skip


def until(holds: Callable[[], object], *, within: float = _PATIENCE) -> None:
    """Wait until *holds* returns something true; fail after *within* seconds."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"{holds} did not hold in {within} s"
        time.sleep(0.01)


class _Guard:
    """Ends a server, and removes its folder, when this process is gone.

    However it ended: a run of tests that is killed leaves nothing behind.
    """

    def __init__(self, folder: Path, end: str, *, user: str | None = None) -> None:
        """Run *end* by a shell in *folder* once nobody holds the other end."""
        self._shell = subprocess.Popen(
            ["sh", "-c", f'read -r _; {end}; cd /; rm -rf "$0"', folder],
            cwd=folder,
            user=user,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # What ends the tests, Ctrl-C too, does not end it.
            start_new_session=True,
        )

    def close(self) -> None:
        """Let it do what is left to do, and wait."""
        self._shell.communicate()


class PostgreSQL:
    """A PostgreSQL server that only this process knows of."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="authz-pg-"))
        # The server refuses to run as root.
        self.user = _other_user() if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
        self._bin = max(Path("/usr/lib/postgresql").glob("*/bin"))
        stop = f"'{self._bin}/pg_ctl' -D data -m immediate stop"
        self._guard = _Guard(self.folder, stop, user=self.user)
        self._numbers = count(1)
        self._returned: list[str] = []
        self._run(
            "initdb", "-D", "data", "-U", "authz", "-A", "trust", "-N",
            "-E", "UTF8", "--locale", "C.UTF-8",
        )  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = " ".join(f"-c {option}" for option in _OPTIONS)
        self._run(
            "pg_ctl", "-D", "data", "-w", "-l", "log",
            "-o", f"-k {self.folder} {options}", "start",
        )  # fmt: skip

    def stop(self) -> None:
        """Stop the server at once, as a crash would."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the server."""
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in (first, *map(int, children)):
            # A connection's process may have ended since they were counted.
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def new_database(self) -> str:
        """Make an empty database; return its address."""
        if self._returned:
            return self._emptied(self._returned.pop())
        name = f"test{next(self._numbers)}"
        with closing(self.connect("postgres")) as connection:
            # To log each block of it takes three times as long; older ones never do.
            how = "STRATEGY FILE_COPY" if connection.info.server_version >= 15e4 else ""
            connection.execute(f"CREATE DATABASE {name} {how}")  # type: ignore[call-overload]
        return self.url(name)

    def lend(self, request: pytest.FixtureRequest) -> str:
        """Make an empty database; it may be another's when *request* is over."""
        url = self.new_database()
        request.addfinalizer(lambda: self._returned.append(url))
        return url

    def _emptied(self, url: str) -> str:
        self.take_changes(url, yes=True)
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return url

    def url(self, name: str) -> str:
        """Return the address of the database *name*."""
        return f"postgresql://authz@/{name}?host={self.folder}"

    def connect(self, name: str) -> "psycopg.Connection[tuple[object, ...]]":
        """Return a connection of its own, past the product."""
        return psycopg.connect(self.url(name), autocommit=True)

    def backup(self, url: str, file: Path) -> None:
        """Write the database at *url* into *file*."""
        self._ask("pg_dump", "--format=custom", f"--file={file}", url)

    def restore(self, url: str, file: Path) -> None:
        """Make the database at *url* what it was when *file* was written."""
        options = ("--clean", "--if-exists", "--single-transaction")
        self._ask("pg_restore", *options, f"--dbname={url}", str(file))

    def take_changes(self, url: str, *, yes: bool) -> None:
        """Let the database at *url* take changes from everybody, or none."""
        name = url.split("/")[3].split("?", maxsplit=1)[0]
        with closing(self.connect("postgres")) as connection:
            connection.execute(
                f"ALTER DATABASE {name} SET default_transaction_read_only = {not yes}"  # type: ignore[call-overload]
            )
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = %s",
                [name],
            )

    def say_schema(self, url: str, version: str) -> None:
        """Let the database at *url* say that it has another version's schema."""
        name = url.split("/")[3].split("?", maxsplit=1)[0]
        with closing(self.connect(name)) as connection:
            connection.execute(
                "UPDATE authz_alembic_version SET version_num = %s", [version]
            )

    def _ask(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._bin / program, *arguments], check=True, stdout=subprocess.DEVNULL
        )

    def close(self) -> None:
        """Stop the server and remove what it wrote."""
        self._guard.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        # Not a pipe: the server keeps what it inherits open, and it would never end.
        with (self.folder / "out").open("wb") as out:
            done = subprocess.run(
                [self._bin / program, *arguments],
                cwd=self.folder,
                user=self.user,
                check=False,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        assert done.returncode == 0, (self.folder / "out").read_text()


class Redis:
    """A Redis server that only this process knows of."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="authz-redis-"))
        self.url = f"unix://{self.folder}/redis.sock"
        self._guard = _Guard(self.folder, 'kill -9 "$(cat pid)"')
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        self.process = subprocess.Popen(
            [
                "redis-server", "--port", "0", "--save", "", "--appendonly", "no",
                "--unixsocket", f"{self.folder}/redis.sock",
                "--pidfile", f"{self.folder}/pid",
            ],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        until(self._answers)

    def stop(self) -> None:
        """Stop the server at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self) -> None:
        """Stop the server and remove what it wrote."""
        self.stop()
        (self.folder / "pid").unlink(missing_ok=True)
        self._guard.close()

    def _answers(self) -> bool:
        try:
            with closing(redis.Redis.from_url(self.url)) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def _other_user() -> str:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    pytest.fail("PostgreSQL does not run as root, and there is no user `nobody`")


@pytest.fixture(scope="session", name="postgresql")
def postgresql_server() -> Iterator[PostgreSQL]:
    """Give one PostgreSQL server to all tests of a session."""
    server = PostgreSQL()
    yield server
    server.close()


@pytest.fixture(scope="session", name="redis_server")
def redis_server() -> Iterator[Redis]:
    """Give one Redis server to all tests of a session."""
    server = Redis()
    yield server
    server.close()
