"""`pg_restore` under a running app, as the page on backups shows it."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from authz.errors import StoreError
from authz.identity.people import Person
from authz.runtime import Runtime
from tests.contracts.policy_records import nothing
from tests.contracts.processes import give, process
from tests.services import PostgreSQL, until

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs/how-to/backup-and-restore.md"
EVE = Person(id="idp/eve", display_name="Eve", source="idp", disabled=True)


def shown(program: str) -> str:
    """Return the command of *program* as the page shows it."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    (command,) = (line for line in lines if line.startswith(f"{program} "))
    return command


@pytest.fixture(name="url")
def _url(postgresql: PostgreSQL) -> str:
    return postgresql.new_database()


@pytest.fixture(name="processes")
def _processes(url: str, tmp_path: Path) -> Iterator[list[Runtime]]:
    made = [process(url, tmp_path, AUTHZ_POLL_SECONDS="0.1") for _ in range(2)]
    yield made
    for runtime in made:
        runtime.close()


@pytest.fixture(name="shell")
def _shell(url: str, tmp_path: Path, postgresql: PostgreSQL) -> Callable[[str], None]:
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    environ = {
        **os.environ,
        "DATABASE": url,
        "PATH": f"{programs}:{os.environ['PATH']}",
        # Of two that wait for each other the one gives up that looks first: the app.
        "PGOPTIONS": "-c deadlock_timeout=120s",
    }

    def shell(command: str) -> None:
        done = subprocess.run(
            ["bash", "-euc", command],
            cwd=tmp_path,
            env=environ,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    assert postgresql
    return shell


WHOLE = "--clean --if-exists --single-transaction"
TRUNCATE = """psql "$DATABASE" -qc "DO \\$\\$ BEGIN EXECUTE (
    SELECT 'TRUNCATE ' || string_agg(tablename, ',') FROM pg_tables
    WHERE tablename ~ '^(authz|casbin)_' ); END \\$\\$"
"""


@pytest.mark.parametrize(
    ("dump", "before", "options"),
    [
        pytest.param("custom", "", WHOLE, id="in one transaction"),
        pytest.param("custom", "", "--clean --if-exists", id="table by table"),
        pytest.param("custom", "truncate", "--data-only", id="its data only"),
        pytest.param("plain", "", "", id="by SQL"),
        pytest.param("plain", "", "--single-transaction", id="by SQL at once"),
    ],
)
def test_under_load(
    dump: str,
    before: str,
    options: str,
    processes: list[Runtime],
    shell: Callable[[str], None],
):
    """Nobody who is refused gets in meanwhile, and then all agree with the database."""
    one, other = processes
    free = {"check": nothing, "before_commit": nothing}
    added = one.people.add(replace(EVE, disabled=False), **free)
    one.people.replace(replace(added, disabled=True), expected=added, **free)
    give(one, "before")
    as_sql = dump == "plain"
    shell(
        shown("pg_dump").replace("custom", f"{dump} --clean --if-exists")
        if as_sql
        else shown("pg_dump")
    )
    give(one, "after")
    until(lambda: all(_holds(each, "after") for each in processes))
    let_in: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            let_in.extend(
                1 for each in processes if "user:idp/eve" not in each.accounts.refused
            )
            over.wait(0.001)

    def write() -> None:
        number = 0
        while not over.is_set():
            number += 1
            with suppress(StoreError):
                give(other, f"writer{number}")
            over.wait(0.01)

    threads = [threading.Thread(target=watch), threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    try:
        if before:
            shell(TRUNCATE)
        shell(
            f'psql -q {options} "$DATABASE" < authz.dump'
            if as_sql
            else shown("pg_restore").replace(WHOLE, options)
        )
    finally:
        over.set()
        for thread in threads:
            thread.join()
    until(lambda: not any(_holds(each, "after") for each in processes))
    until(lambda: not any(each.following.is_failing for each in processes))
    store = one.stores.database
    assert store is not None
    entries = store.records.snapshot().entries
    until(lambda: all(e.records.snapshot().entries == entries for e in processes))
    until(lambda: one.policy.revision == other.policy.revision)
    assert all(_holds(each, "before") for each in processes)
    assert not let_in
    until(lambda: all(each.restored is not None for each in processes))


def _holds(runtime: Runtime, name: str) -> bool:
    return "role:user" in runtime.policy.roles_of(frozenset({f"user:{name}"}))
