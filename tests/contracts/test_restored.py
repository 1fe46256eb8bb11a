"""A backup is restored under a running app: each process believes what the store says.

The oracle reads the file with SQLite alone, and knows nothing of how changes are told.
"""

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from authz.admin.after_restore import after_restore
from authz.admin.context import Actor, AdminContext
from authz.decision import ANONYMOUS, Origin
from authz.errors import InvalidCredentials, StoreError
from authz.identity.people import LOCAL, Person
from authz.identity.sessions import Session
from authz.identity.source import RequestFacts
from authz.identity.tokens import new_token
from authz.policy.csv_rows import Row
from authz.policy.records import Add, Remove
from authz.runtime import Runtime, start
from authz.settings import read_settings
from authz.stores.sql.sessions import SqlSessions
from authz.stores.sql.store import SqlStore
from authz.stores.sql.tables import SCHEMA, VERSION_TABLE
from tests.web.apps import POLICY, RecordingSink

NOW = datetime(2030, 1, 1, tzinfo=UTC)
NAMES = ("ann", "ben")
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YQ"


def nothing(*_: object) -> None:
    """Refuse nothing, and write nothing down."""


class World:
    """One database file, two processes that use it, and copies of it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "authz.db"
        (folder / "seed.csv").write_text(POLICY + "g, user:root, role:admin\n")
        self.config = {
            "AUTHZ_STORE": f"sqlite:///{self.file}",
            "AUTHZ_POLICY_SEED": str(folder / "seed.csv"),
            "AUTHZ_POLL_SECONDS": "3600",
        }
        self.processes = [self.process(), self.process()]
        self.copies: list[Path] = []
        self.tokens: dict[str, str] = {}
        self.sessions: list[str] = []
        self.numbers = count()
        #: Whether each process tells of restores by itself.
        self.tells = False
        #: The marks of each state since the beginning, as the file says; of copies too.
        self.line: list[Any] = []
        self.lines: list[list[Any]] = []
        self.note()
        #: The same as each process saw it last.
        self.seen = [self.line, self.line]

    def process(self) -> Runtime:
        """Return what one process has; it looks when it is told to."""
        return start(
            read_settings(self.config, {}),
            audit=RecordingSink(),
            serves=False,
        )

    def close(self) -> None:
        """Let go of everything."""
        for process in self.processes:
            process.close()

    def sql(self, query: str, *values: object) -> list[Any]:
        """Return what SQLite itself says."""
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(query, values).fetchall()

    def copy(self) -> None:
        """Make a backup."""
        self.note()
        self.lines.append(self.line)
        self.copies.append(self.file.with_name(f"copy{len(self.copies)}"))
        with (
            closing(sqlite3.connect(self.file)) as here,
            closing(sqlite3.connect(self.copies[-1])) as there,
        ):
            here.backup(there)

    def restore(self, number: int, *, heard: bool = True) -> None:
        """Restore a backup, as `sqlite3 authz.db ".restore copy"` does.

        Each process reports every ten seconds what it serves, and finds then that its
        last report is gone; *heard* says that this has happened.
        """
        if not self.copies:
            return
        with (
            closing(sqlite3.connect(self.copies[number % len(self.copies)])) as there,
            closing(sqlite3.connect(self.file)) as here,
        ):
            there.backup(here)
        self.line = self.lines[number % len(self.copies)]
        for process in self.processes if heard else ():
            assert process.stores.database is not None
            for tell in process.stores.database.replicas.lost:
                tell()

    def note(self) -> None:
        """Note what the file says that nobody has noted yet."""
        (marks,) = self.sql(
            "SELECT policy_stamp, people_stamp, sessions_stamp, tokens_stamp "
            "FROM authz_head"
        )
        if self.line[-1:] != [marks]:
            self.line = [*self.line, marks]

    def look(self, process: Runtime) -> None:
        """Let *process* look; it tells of a restore just if what it saw is not kept.

        As long as nobody does what is due: then others are told by the file.
        """
        self.note()
        number = self.processes.index(process)
        seen, self.seen[number] = self.seen[number], self.line
        told = process.restored
        assert process.following.refresh()
        if self.tells:
            is_told = process.restored is not told
            assert is_told is (self.line[: len(seen)] != seen)

    def branch(self, kind: str, by: int, back: int, times: int) -> None:
        """Change as much as in another branch of the same base, and not the same."""
        change = getattr(self, kind)
        one, other = self.processes[by], self.processes[1 - by]
        if kind == "sign":
            # Ends are counted, and beginnings are not: see `restore`.
            self.begin(one)
        self.copy()
        for name in NAMES[:times]:
            change(one, name)
        for process in self.processes:
            self.look(process)
        base = len(self.copies) - 1
        self.copy()
        self.restore(base, heard=False)
        for name in NAMES[::-1][:times]:
            change(self.processes[back], name)
        for process in (other, one):
            self.check(process)
        self.restore(base + 1, heard=False)

    def grant(self, by: Runtime, name: str) -> None:
        """Give somebody a role, or take it away."""
        row = Row("g", (f"user:{name}", "role:user"), Origin("test"))
        now = by.records.snapshot()
        has = [e for e in now.entries if e.row.fields == row.fields]
        by.records.apply(
            [Remove(id=has[0].id)]
            if has
            else [Add(row=row, note=f"note {next(self.numbers)}")],
            expected=now.etag,
            author="",
            note="",
            check=nothing,
            before_commit=nothing,
        )

    def person(self, by: Runtime, name: str) -> None:
        """Add somebody, disable or enable them, or remove them."""
        known = by.people.find(name)
        if known is None:
            new = Person(id=name, display_name="", source=LOCAL, password_hash=HASH)
            by.people.add(new, check=nothing, before_commit=nothing)
        elif next(self.numbers) % 3:
            by.people.replace(
                replace(known, disabled=not known.disabled),
                expected=known,
                check=nothing,
                before_commit=nothing,
            )
        else:
            by.people.remove(known, check=nothing, before_commit=nothing)

    def token(self, by: Runtime, name: str) -> None:
        """Make a token, or revoke it."""
        store = by.stores.tokens
        assert store is not None
        has = [t for t in store.all() if t.name == name and t.revoked is None]
        if has:
            store.revoke(has[0].id, NOW, before_commit=nothing)
            return
        secret, token = new_token(name, role="role:user", now=NOW)
        self.tokens[secret] = token.id
        store.add(token, before_commit=nothing)

    def sign(self, by: Runtime, name: str) -> None:
        """Sign somebody in; or out, if they are signed in as this process knows."""
        self.look(by)
        account = by.accounts.by_name.get(name)
        if account is None:
            return
        there = by.sessions.store.of(account)
        if there:
            by.sessions.store.end(there[0])
            assert isinstance(by.sessions.store, SqlSessions)
            by.sessions.store.tidy()
        else:
            session = by.sessions.store.begin(account, by.policy)
            self.sessions.append(session.token)

    def leave(self, by: int) -> None:
        """Restore what was before people signed in; end those sessions all the same."""
        one, other = self.processes[by], self.processes[1 - by]
        begun = self.begin(one)
        for session in begun:
            one.sessions.store.end(session)
        self.copy()
        begun = self.begin(one)
        self.check(other)
        self.restore(len(self.copies) - 1, heard=False)
        for session in begun:
            one.sessions.store.end(session)
        self.check(other)

    def begin(self, by: Runtime) -> list[Session]:
        """Have everybody be signed in who can be; return what sessions began."""
        for name in NAMES:
            if by.people.find(name) is None:
                self.person(by, name)
        self.look(by)
        store = by.sessions.store
        begun = [
            store.begin(account, by.policy)
            for account in by.accounts.by_name.values()
            if not store.of(account)
        ]
        self.sessions += [session.token for session in begun]
        return begun

    def check(self, process: Runtime) -> None:
        """See that *process* believes what the store says."""
        self.look(process)
        people = dict(self.sql("SELECT id, disabled FROM authz_person"))
        assert process.accounts.refused == {
            f"user:{id_}" for id_, disabled in people.items() if disabled
        }
        epochs = dict(self.sql("SELECT id, epoch FROM authz_person WHERE NOT disabled"))
        assert {n: a.epoch for n, a in process.accounts.by_name.items()} == epochs
        rules = self.sql("SELECT id, v0, v1, note FROM authz_rule ORDER BY id")
        entries = process.records.snapshot().entries
        assert [(int(e.id), *e.row.fields[:2], e.note) for e in entries] == rules
        for name in NAMES:
            held = process.policy.roles_of(frozenset({f"user:{name}"}))
            assert ("role:user" in held) is ((f"user:{name}",) in self.granted())
        good = {id_ for (id_,) in self.sql(
            "SELECT id FROM authz_token WHERE revoked IS NULL"
        )}  # fmt: skip
        for secret, id_ in self.tokens.items():
            assert self.holds(process, secret) is (id_ in good)
        lasting = self.sql(
            "SELECT count(*) FROM authz_session AS s JOIN authz_person AS p "
            "ON p.id = s.person AND p.epoch = s.epoch "
            "WHERE s.ended = 0 AND NOT p.disabled"
        )[0][0]
        found = [process.sessions.store.find(token) for token in self.sessions]
        # Who began one remembers it: that its person is gone is seen at each request.
        holding = [s for s in found if s and epochs.get(s.account.name) == s.epoch]
        assert len(holding) == lasting

    def granted(self) -> set[tuple[str]]:
        """Return who has the role, as the store says."""
        return set(self.sql("SELECT v0 FROM authz_rule WHERE v1 = 'role:user'"))

    @staticmethod
    def holds(process: Runtime, secret: str) -> bool:
        """Return whether an API token opens something."""
        assert process.identity.tokens is not None
        environ = {"HTTP_AUTHORIZATION": f"Bearer {secret}"}
        with suppress(InvalidCredentials):
            return process.identity.tokens.identify(RequestFacts(environ)) is not None
        return False


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


CHANGES = ("grant", "person", "token", "sign")
STEPS = st.one_of(
    st.tuples(
        st.sampled_from(CHANGES), st.sampled_from((0, 1)), st.sampled_from(NAMES)
    ),
    st.tuples(st.just("copy")),
    st.tuples(st.just("restore"), st.integers(0, 3)),
    st.tuples(st.just("leave"), st.sampled_from((0, 1))),
    st.tuples(
        st.just("branch"),
        st.sampled_from(CHANGES),
        st.sampled_from((0, 1)),
        st.sampled_from((0, 1)),
        st.sampled_from((1, 2)),
    ),
    st.tuples(st.just("check"), st.sampled_from((0, 1))),
)


@pytest.mark.slow
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(history=[("branch", "sign", 0, 0, 1), ("leave", 0)])
@example(
    history=[
        ("copy",),
        ("grant", 0, "ann"),
        ("check", 0),
        ("restore", 0),
        ("grant", 1, "ann"),  # says the same, and another note
    ]
)
@example(
    history=[
        ("branch", "person", 0, 1, 2),
        ("branch", "sign", 1, 0, 1),
        ("check", 1),
        ("person", 1, "ann"),
        ("branch", "person", 0, 1, 1),
    ]
)
@given(history=st.lists(STEPS, min_size=4, max_size=16))
def test_whatever_happened_each_process_believes_the_store(
    history: list[tuple[Any, ...]], tmp_path_factory: pytest.TempPathFactory
):
    """Random histories: changes by either process, copies, restores in any order.

    And each process has been told of a restore, or of none.
    """
    world = World(tmp_path_factory.mktemp("world"))
    world.tells = True
    try:
        for step, *what in history:
            if step in CHANGES:
                by, name = what
                getattr(world, step)(world.processes[by], name)
            elif step == "check":
                world.check(world.processes[what[0]])
            else:
                getattr(world, step)(*what)
        for process in world.processes:
            world.check(process)
    finally:
        world.close()


@pytest.mark.parametrize("change", CHANGES)
def test_another_branch_with_the_same_number(world: World, change: str):
    """Copy, one change, restore, one other change: as many, and not the same."""
    one, other = world.processes
    do: Callable[..., None] = getattr(world, change)
    world.person(one, "ann")
    world.person(one, "ben")
    world.copy()
    do(one, "ann")
    for process in world.processes:
        world.check(process)
    world.restore(0)
    do(one, "ben")
    for process in (other, one):
        world.check(process)


def test_two_branches_of_one_base(world: World):
    """The other branch is restored over it, nobody changes anything: it is noticed."""
    one, other = world.processes
    world.copy()
    world.grant(one, "ann")
    world.person(one, "ann")
    world.copy()
    world.restore(0)
    world.grant(other, "ben")
    world.person(other, "ben")
    for process in world.processes:
        world.check(process)
    world.restore(1)
    for process in world.processes:
        world.check(process)


def test_what_came_back_is_told(world: World, caplog: pytest.LogCaptureFixture):
    """Each process says so in its log, one of them in the audit log, all on pages."""
    one, other = world.processes
    for name in NAMES:
        world.person(one, name)
    world.token(one, "radio")
    world.copy()
    world.person(one, "ann")  # is disabled
    world.token(one, "radio")  # is revoked
    for process in world.processes:
        process.following.refresh()
        assert process.restored is None
    world.restore(0)
    for process in (one, other):
        process.following.refresh()
        process.following.do_chores()
        assert process.restored is not None
        assert process.restored.people == ("ann",)
        assert process.restored.tokens == ("radio",)
    told = [r for r in caplog.records if "restored from a backup" in r.getMessage()]
    assert len(told) == 2
    query = "SELECT line FROM authz_audit WHERE event = 'store:restored'"
    (line,) = (line for (line,) in world.sql(query))
    assert '"people_back":"ann"' in line
    assert '"tokens_back":"radio"' in line
    # Somebody who starts later is told as well.
    late = world.process()
    late.refresh()
    assert late.restored == one.restored
    late.close()


def test_after_a_restore_everything_begins_anew(world: World):
    """All sessions have ended, on each process; and it is told once."""
    one = world.processes[0]
    world.person(one, "ann")
    world.sign(one, "ann")
    world.copy()
    world.token(one, "radio")
    for process in world.processes:
        process.following.refresh()
    world.restore(0)
    one.following.refresh()
    one.following.do_chores()
    actor = Actor(subject=ANONYMOUS)
    done = after_restore(AdminContext(runtime=one), actor)
    for process in world.processes:
        process.following.refresh()

    assert done.sessions == 1
    for process in world.processes:
        world.check(process)
        assert process.restored is None
        assert process.sessions.store.find(world.sessions[0]) is None
    # It was looked at before the other process noticed: it says nothing more.
    assert len(world.sql("SELECT 1 FROM authz_audit WHERE event='store:restored'")) == 1
    assert len(world.sql("SELECT 1 FROM authz_audit WHERE event='store:taken-up'")) == 1


def test_a_backup_of_a_later_incarnation_is_told_too(
    world: World, caplog: pytest.LogCaptureFixture
):
    """That somebody looked at what came back was before this came back."""
    one = world.processes[0]
    world.person(one, "ann")
    world.copy()
    world.person(one, "ben")
    after_restore(AdminContext(runtime=one), Actor(subject=ANONYMOUS))
    world.copy()
    world.restore(0)
    for process in world.processes:
        process.following.refresh()
        process.following.do_chores()
    world.person(one, "ann")  # is disabled
    for process in world.processes:
        process.following.refresh()
    caplog.clear()
    world.restore(1)
    for process in world.processes:
        process.following.refresh()
        process.following.do_chores()

        assert process.restored is not None
        assert process.restored.people == ("ann", "ben")
    told = [r for r in caplog.records if "restored from a backup" in r.getMessage()]
    assert len(told) == 2
    assert len(world.sql("SELECT 1 FROM authz_audit WHERE event='store:restored'")) == 1


def test_a_notice_that_was_in_the_backup_hides_no_other(world: World):
    """A second restore, of a backup of the first one's notice, is told by itself."""
    one, _ = world.processes
    world.person(one, "ann")
    world.copy()
    world.person(one, "ann")  # is disabled
    one.following.refresh()
    for number in range(2):
        world.restore(number)
        one.following.refresh()
        one.following.do_chores()
        world.copy()
        world.token(one, "radio")
        world.token(one, "radio")  # is revoked
        one.following.refresh()

    query = "SELECT 1 FROM authz_audit WHERE event = 'store:restored'"
    assert len(world.sql(query)) == 2
    assert one.restored is not None
    assert one.restored.people == ("ann",)


@pytest.mark.parametrize("version", ["0003", "9999"])
def test_under_another_schema_nothing_is_believed(world: World, version: str):
    """Neither read nor written: what was last good serves, until it is this one again.

    A newer version that starts beside this process changes it, or an old backup does.
    """
    one, _ = world.processes

    def say(number: str) -> None:
        with closing(sqlite3.connect(world.file)) as connection, connection:
            connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '{number}'")  # noqa: S608

    say(version)
    assert not one.following.refresh()
    assert one.following.problems.keys() == {"people", "policy", "sessions", "tokens"}
    with pytest.raises(StoreError, match=f"schema {version} now.* start all processes"):
        world.token(one, "later")

    say(SCHEMA)
    assert one.following.refresh()
    world.token(one, "later")


def test_changes_are_no_restore(world: World):
    """However many there were between two looks."""
    one, other = world.processes
    other.following.refresh()
    for number in range(300):
        world.token(one, f"t{number % 7}")
    other.following.refresh()

    assert other.restored is None


def test_a_session_that_a_restore_removed_can_be_ended(world: World):
    """Each process that still remembers it is told."""
    one, other = world.processes
    world.person(one, "ann")
    one.refresh()
    world.copy()
    session = one.sessions.store.begin(one.accounts.by_name["ann"], one.policy)
    for process in world.processes:
        process.refresh()
        assert process.sessions.store.find(session.token)
    world.restore(0, heard=False)
    one.sessions.store.end(session)
    other.refresh()

    assert other.sessions.store.find(session.token) is None
    assert one.sessions.store.find(session.token) is None


def test_a_session_without_a_row_is_forgotten_when_it_is_used(world: World):
    """Its last use is written down now and then; then nothing is found there."""
    one = world.processes[0]
    world.person(one, "ann")
    one.refresh()
    world.copy()
    session = one.sessions.store.begin(one.accounts.by_name["ann"], one.policy)
    assert one.sessions.store.find(session.token)
    world.restore(0, heard=False)
    one.following.do_chores()

    assert one.sessions.store.find(session.token) is None


def test_a_log_that_was_removed_takes_no_change_with_it(tmp_path: Path):
    """What is acknowledged is there for every other process, whoever tidied up."""
    file = tmp_path / "authz.db"
    store = SqlStore(f"sqlite:///{file}")
    ask = ["sqlite3", str(file), "SELECT count(*) FROM authz_person"]
    for number, id_ in enumerate(("idp/ann", "idp/ben"), start=1):
        person = Person(id=id_, display_name="", source="idp")
        store.people.add(person, check=nothing, before_commit=nothing)
        said = subprocess.run(ask, check=True, capture_output=True, text=True)
        assert said.stdout == f"{number}\n"
        for beside in tmp_path.glob("authz.db-*"):
            beside.unlink()
    store.database.close()


def test_a_file_that_was_put_in_its_place_is_another_database(
    world: World, tmp_path: Path
):
    """Connections to the file that was there before are not used any more."""
    one, other = world.processes
    world.person(one, "ann")
    world.copy()
    world.person(one, "ben")
    for process in world.processes:
        world.check(process)
        assert process.stores.database is not None
        process.stores.database.database.close()
    for ending in ("", "-wal", "-shm"):
        (tmp_path / f"authz.db{ending}").unlink(missing_ok=True)
    assert not one.following.refresh()
    assert not world.file.exists()
    world.copies[0].rename(world.file)

    for process in (one, other):
        world.check(process)


def test_a_counter_that_was_set_back_costs_no_rule(world: World):
    """A new entry has an id that none has, whatever somebody made of the counter."""
    records = world.processes[0].records
    before = {entry.row[:2] for entry in records.snapshot().entries}
    with closing(sqlite3.connect(world.file)) as connection, connection:
        connection.execute("UPDATE authz_head SET next_rule = 1")
    made = records.apply(
        [Add(row=Row("p", ("role:user", "/new", "GET"), Origin("test")))],
        expected=records.etag(),
        author="",
        note="",
        check=nothing,
        before_commit=nothing,
    )
    assert made.removed == ()
    after = {entry.row[:2] for entry in records.snapshot().entries}
    assert after == before | {("p", ("role:user", "/new", "GET"))}
