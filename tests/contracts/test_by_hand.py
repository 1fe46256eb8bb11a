"""Another program changes a table under a running app: nothing of it goes unsaid.

What the store says now is in force, or the last good state, and the log says why.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from authz.errors import StoreError
from authz.identity.people import LOCAL, Person
from authz.identity.tokens import new_token
from authz.stores.sql.tables import VERSION_TABLE, metadata
from tests.contracts.conftest import POSTGRESQL, database_url
from tests.contracts.policy_records import nothing
from tests.contracts.processes import give, process
from tests.web.apps import CHEAP_ALICE, RecordingSink

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YQ"


class World:
    """One process that serves, and a program that writes past it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.sink = RecordingSink()
        self.app = process(
            url,
            folder,
            sink=self.sink,
            serves=False,
            AUTHZ_ACCOUNTS=f"root:admin:{CHEAP_ALICE}",
        )
        for id_ in ("ann", "ben"):
            new = Person(
                id=id_,
                display_name="",
                source=LOCAL,
                password_hash=HASH,
                disabled=id_ == "ben",
            )
            self.app.people.add(new, check=nothing, before_commit=nothing)
        tokens = self.app.stores.tokens
        assert tokens is not None
        _, token = new_token("radio", role="role:user", now=self.app.clock())
        tokens.add(token, before_commit=nothing)
        give(self.app, "ann")
        self.look()
        began = self.app.sessions.store.begin
        ann, root = (self.app.accounts.by_name[name] for name in ("ann", "root"))
        self.session = began(ann, self.app.policy)
        self.roots = began(root, self.app.policy)
        # Another program's clock: a session that has just begun is not looked for yet.
        for session in (self.session, self.roots):
            session.created -= 3600
        self.look()

    def by_hand(self, statement: str) -> None:
        """Write into the database, past authz."""
        assert self.app.stores.database is not None
        with self.app.stores.database.database.engine.begin() as connection:
            connection.execute(text(statement))

    def look(self) -> None:
        """Let the process look, and do what is due."""
        self.app.following.refresh()
        self.app.following.do_chores()

    def edited(self) -> set[str]:
        """Return the tables that were told to have been changed by another program."""
        return {e.detail["table"] for e in self.sink.events if e.tag == "store:edited"}

    @property
    def refused(self) -> bool:
        """Whether ben, who is disabled, is refused."""
        return "user:ben" in self.app.accounts.refused

    @property
    def knows_session(self) -> bool:
        """Whether the session of ann is one."""
        return self.app.sessions.store.find(self.session.token) is not None


@pytest.fixture(name="kind")
def _kind() -> str:
    return "sqlite"


@pytest.fixture(name="world")
def _world(
    kind: str, request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    for pause in ("AGAIN", "TIMES"):
        monkeypatch.setattr(f"authz.spot_checks.{pause}", 0.0)
    world = World(database_url(kind, tmp_path, request), tmp_path)
    yield world
    world.app.close()


def _names(world: World, part: str, place: str) -> bool:
    """Return whether *part* cannot be read because of what stands at *place*."""
    problem = world.app.following.problems[part]
    return place in problem and "restore the backup" in problem


#: For each table: what another program does, what comes to be, and what the log says.
KINDS: dict[str, list[tuple[str, Callable[[World], object], str]]] = {
    "authz_person": [
        (
            "UPDATE authz_person SET disabled = (id = 'ann')",
            lambda w: not w.refused and "user:ann" in w.app.accounts.refused,
            "ann: disabled; ben: enabled",
        ),
        (
            "DELETE FROM authz_person WHERE id = 'ann'",
            lambda w: "ann" not in w.app.accounts.by_name and w.refused,
            "ann: removed",
        ),
        (
            "DELETE FROM authz_person",
            lambda w: w.refused and "was emptied" in w.app.following.problems["people"],
            "",
        ),
        (
            "UPDATE authz_person SET groups = 'a' WHERE id = 'ben'",
            lambda w: (
                w.refused and _names(w, "people", "id is 'ben', the column groups")
            ),
            "authz_person: in the row",
        ),
        (
            "ALTER TABLE authz_person RENAME TO another",
            lambda w: w.refused and "people" in w.app.following.problems,
            "",
        ),
    ],
    "authz_fixed_person": [
        (
            "UPDATE authz_fixed_person SET epoch = epoch + 1",
            lambda w: w.app.accounts.by_name["root"].epoch != w.roots.epoch,
            "root: changed",
        ),
    ],
    "authz_token": [
        (
            "DELETE FROM authz_token",
            lambda w: not w.app.identity.tokens.names,
            "radio: removed",
        ),
        (
            "UPDATE authz_token SET role = 'role:other'",
            lambda w: "authz_token" in w.edited(),
            "radio: changed",
        ),
        (
            "ALTER TABLE authz_token RENAME TO another",
            lambda w: w.app.following.problems.keys() >= {"tokens"},
            "",
        ),
    ],
    "authz_session": [
        ("DELETE FROM authz_session", lambda w: not w.knows_session, "2 ended or"),
        (
            "UPDATE authz_session SET ended = 1 WHERE person = 'ann'",
            lambda w: not w.knows_session,
            "1 ended or changed",
        ),
        (
            "ALTER TABLE authz_session RENAME TO another",
            lambda w: w.app.following.problems.keys() >= {"sessions"},
            "",
        ),
    ],
    "authz_rule": [
        (
            "DELETE FROM authz_rule",
            lambda w: (
                "changed the table authz_rule" in (w.app.live.problem or "")
                and w.app.policy.roles_of(frozenset({"user:ann"})) >= {"role:user"}
            ),
            "",
        ),
    ],
    "casbin_rule": [
        (
            "DELETE FROM casbin_rule",
            lambda w: (
                w.app.table_watch.removed
                and w.app.policy.roles_of(frozenset({"user:ann"})) >= {"role:user"}
            ),
            "casbin_rule, which is not in force",
        ),
    ],
    "authz_revision": [
        (
            "DELETE FROM authz_revision WHERE number = 2",
            lambda w: True,
            "the history ends at revision 1, and in force is 2",
        ),
    ],
    "authz_head": [
        (
            "DELETE FROM authz_head",
            lambda w: w.refused and len(w.app.following.problems) == 4,
            "",
        ),
        (
            "UPDATE authz_head SET restored = '{}'",
            lambda w: w.refused and _names(w, "people", "id is 1, the column restored"),
            "",
        ),
        (
            "UPDATE authz_head SET people = 0, people_stamp = 'x'",
            lambda w: w.app.restored is not None,
            "restored from a backup",
        ),
    ],
    VERSION_TABLE: [
        (
            f"DELETE FROM {VERSION_TABLE}",  # noqa: S608 - a name of ours
            lambda w: w.refused and len(w.app.following.problems) == 4,
            "",
        ),
    ],
}
#: Nobody's rights come from these; what is read there is read each time.
ASKED_EACH_TIME = {"authz_audit", "authz_audit_head", "authz_limit", "authz_replica"}
#: Each key in it is sealed, with the time from when it holds.
SEALED = {"authz_signing_key"}


def test_the_list_is_whole():
    """Each table is in it, or nobody's rights come from it."""
    tables = {*metadata.tables, VERSION_TABLE}
    assert KINDS.keys() | ASKED_EACH_TIME | SEALED == tables


@pytest.mark.parametrize(
    ("statement", "holds", "said"),
    [pytest.param(*case, id=case[0]) for cases in KINDS.values() for case in cases],
)
def test_what_another_program_writes_is_noticed(
    world: World,
    caplog: pytest.LogCaptureFixture,
    statement: str,
    holds: Callable[[World], object],
    said: str,
):
    """It is in force, or the last good state is; and the log says which, and why."""
    world.by_hand(statement)
    world.look()

    assert said in caplog.text
    assert holds(world)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgresql"])
def test_another_database_notices_it_too(
    world: World, caplog: pytest.LogCaptureFixture
):
    """One table after the other, each in one way."""
    for table, way in (
        ("authz_session", 0),
        ("authz_token", 0),
        ("authz_fixed_person", 0),
        ("authz_revision", 0),
        ("authz_person", 2),
    ):
        statement, holds, said = KINDS[table][way]
        world.by_hand(statement)
        world.look()
        assert said in caplog.text
        assert holds(world)


@pytest.mark.parametrize("held", ["[[1", pytest.param("[" * 9999, id="deep")])
def test_what_is_no_json_is_told_with_its_place(world: World, held: str):
    """Table, row and column, wherever JSON is read that no look reads."""
    store = world.app.stores.database
    assert store is not None
    store.limits.acquire_entry("k", 9, 600)
    world.app.sessions.store.forget()
    for table, column, read in (
        ("authz_revision", "changes", lambda: store.records.history(limit=1)),
        ("authz_session", "roles", lambda: world.knows_session),
        ("authz_limit", "times", lambda: store.limits.get_moving_window("k", 9, 600)),
    ):
        world.by_hand(f"UPDATE {table} SET {column} = '{held}'")  # noqa: S608 - of ours
        with pytest.raises(StoreError, match=f"{table}: in the row .* column {column}"):
            read()


@pytest.mark.parametrize("kind", ["sqlite", POSTGRESQL])
def test_people_who_are_gone_come_back_by_a_backup_or_for_good(world: World):
    """An emptied table is not believed, whatever is added, until somebody says so."""
    world.by_hand("CREATE TABLE another AS SELECT * FROM authz_person")
    world.by_hand("DELETE FROM authz_person")
    world.look()
    with pytest.raises(StoreError, match="cannot be read"):
        world.app.following.catch_up()
    assert world.refused

    world.by_hand("INSERT INTO authz_person SELECT * FROM another")
    world.look()
    assert not world.app.following.problems
    world.by_hand("DELETE FROM authz_person")
    world.look()
    assert world.app.following.problems
    assert world.app.stores.database is not None
    world.app.stores.database.take_up(before_commit=nothing)
    world.look()
    assert not world.app.following.problems
    assert not world.refused
