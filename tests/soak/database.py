"""Two replicas on one PostgreSQL: workers die, rules change, the stores fail."""

import itertools
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from authz.audit.sinks import LoggingSink
from authz.errors import AuthzError
from authz.policy.csv_rows import read_rows, spell
from authz.policy.records import Add, PolicyRecords, Remove
from authz.runtime import start
from authz.settings import read_settings
from authz.stores.sql.tables import SCHEMA
from tests.services import PostgreSQL, Redis
from tests.soak.csv_faults import MODEL
from tests.soak.history import History, policy_text
from tests.soak.load import Clients, ask_app
from tests.soak.report import Bar, decision_bars
from tests.soak.servers import Replica

#: What breaks something, what mends it, and the seconds in between.
Harm = tuple[Callable[[], object], Callable[[], object], float]


def database_faults(seconds: float, *, pause: float = 0) -> list[Bar]:
    """Return how the decisions were while everything they rest on had a hard time."""
    with (
        closing(PostgreSQL()) as postgresql,
        closing(Redis()) as redis,
        tempfile.TemporaryDirectory(prefix="authz-soak-") as folder,
    ):
        return _soak(postgresql, redis, Path(folder), seconds, pause)


def _soak(
    postgresql: PostgreSQL, redis: Redis, folder: Path, seconds: float, pause: float
) -> list[Bar]:
    history = History()
    seed = folder / "policy.csv"
    seed.write_text(policy_text(0))
    settings = {
        "AUTHZ_STORE": postgresql.new_database(),
        "AUTHZ_REDIS_URL": redis.url,
        "AUTHZ_POLICY_SEED": str(seed),
    }
    history.stored(history.expect(MODEL, seed.read_bytes()))
    replicas = [Replica(settings), Replica(settings)]
    ports = [replica.port for replica in replicas]
    # It edits, as a command of the shell does, and tells the others.
    editor = start(
        read_settings({}, settings),
        audit=LoggingSink(),
        serves=False,
    )
    kills = 0
    stop = threading.Event()
    # Nothing is changed between a restore and the note that it was one.
    changing = threading.Lock()
    url, copy = settings["AUTHZ_STORE"], seed.with_name("authz.dump")

    def backup() -> None:
        with changing:
            postgresql.backup(url, copy)

    def restore() -> None:
        with changing:
            postgresql.restore(url, copy)
            _find_out(editor.records, history)

    harms: list[Harm] = [
        out_of_reach(history.away, postgresql.stop, postgresql.start, 3),
        (backup, restore, 3),
        out_of_reach(
            history.away,
            partial(postgresql.signal, signal.SIGSTOP),
            partial(postgresql.signal, signal.SIGCONT),
            4,
        ),
        (
            partial(postgresql.take_changes, url, yes=False),
            partial(postgresql.take_changes, url, yes=True),
            3,
        ),
        out_of_reach(
            history.away,
            partial(postgresql.say_schema, url, "9999"),
            partial(postgresql.say_schema, url, SCHEMA),
            3,
        ),
        (redis.stop, redis.start, 4),
    ]
    try:
        with (
            Clients(ports, ask_app, pause=pause) as load,
            ThreadPoolExecutor(max_workers=1) as pool,
        ):
            begun = time.monotonic()
            rest = min(6.0, seconds / 8)
            faults = pool.submit(harm_in_turn, harms, stop, rest=rest)
            try:
                for second in range(1, int(seconds) + 1):
                    replicas[second % 2].kill_a_worker(second)
                    kills += 1
                    # It may hang with the database; the faults go on meanwhile.
                    with changing:
                        _edit(editor.records, second, history)
                    time.sleep(max(0.0, begun + second - time.monotonic()))
            finally:
                stop.set()
            # A fault that could not be done, or not be mended, fails the run.
            faults.result()
    finally:
        for replica in replicas:
            replica.stop()
        editor.close()
    return decision_bars("two replicas", load.answers, history, kills=kills)


def harm_in_turn(
    harms: Sequence[Harm], stop: threading.Event, *, rest: float = 6.0
) -> None:
    """Do harm and mend it, in turn, *rest* seconds apart; when told to, all is well."""
    for harm, mend, seconds in itertools.cycle(harms):
        if stop.wait(rest):
            return
        harm()
        stop.wait(seconds)
        mend()


def out_of_reach(
    away: list[tuple[float, float]],
    harm: Callable[[], object],
    mend: Callable[[], object],
    seconds: float,
) -> Harm:
    """Return a harm in which nobody can read; note in *away* from when to when."""

    def begin() -> None:
        away.append((time.monotonic(), float("inf")))
        harm()

    def end() -> None:
        mend()
        away[-1] = (away[-1][0], time.monotonic())

    return begin, end, seconds


def replace_all(records: PolicyRecords, text: str, *, note: str) -> None:
    """Replace the whole policy by *text*, as one change. Raises `AuthzError`."""
    before = records.snapshot()
    records.apply(
        [
            *(Remove(id=entry.id) for entry in before.entries),
            *(Add(row=row) for row in read_rows(text.encode()).rows),
        ],
        expected=before.etag,
        author="user:root",
        note=note,
        check=lambda *_: None,
        before_commit=lambda _: None,
    )


def _edit(records: PolicyRecords, number: int, history: History) -> None:
    """Replace the whole policy, as one change. While the database is away, it fails."""
    text = policy_text(number)
    revision = history.expect(MODEL, text.encode())
    try:
        replace_all(records, text, note=f"edit {number}")
    except AuthzError:
        _find_out(records, history)
    else:
        history.stored(revision)


def _find_out(records: PolicyRecords, history: History) -> None:
    """Learn, if one can, whether a change that failed was made all the same."""
    with suppress(AuthzError):
        entries = records.snapshot().entries
        text = "".join(f"{spell(e.row.kind, *e.row.fields)}\n" for e in entries)
        history.stored(history.expect(MODEL, text.encode()))
