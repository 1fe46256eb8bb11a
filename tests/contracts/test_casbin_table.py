"""`casbin_rule` is Casbin's: its tools read what we write, and we what they wrote."""

from pathlib import Path

import casbin
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, select
from sqlalchemy_adapter import Adapter
from sqlalchemy_adapter.adapter import create_casbin_rule_class

from authz.decision import PolicyInForce
from authz.errors import PolicyError, StoreError
from authz.policy.build import build_policy
from authz.policy.patterns import method_match, path_match
from authz.policy.records import Add, Switch
from authz.stores.sql.database import Database
from authz.stores.sql.head import head
from authz.stores.sql.migrate import migrate
from authz.stores.sql.records import SqlRecords
from authz.stores.sql.tables import (
    VERSION_TABLE,
    authz_head,
    authz_limit,
    casbin_rule,
    metadata,
)
from tests.contracts.policy_records import FREE, apply, row
from tests.policies import asked

MODEL = Path(__file__).parents[2] / "model.conf"
POLICY = [
    ("p", "role:everyone", "/static/*", "GET"),
    ("p", "role:user", "/api/similar/:id", "GET"),
    ("p", "role:user", "/api/playlists/*", "GET|POST"),
    ("p", "role:admin", "/*", "*"),
    ("p", "user:bob", "/api/secret", "*", "deny"),
    ("g", "user:bob", "role:user"),
    ("g", "group:music-admins", "role:admin"),
    ("g", "role:admin", "role:user"),
]
ASKED = [
    (name, path, method)
    for name in ("user:bob", "group:music-admins", "role:everyone", "user:eve")
    for path in ("/static/a", "/api/similar/1", "/api/playlists/7", "/api/secret", "/x")
    for method in ("GET", "POST", "HEAD", "DELETE")
]


#: What takes back all that the steps behind the first one made.
BACK = (
    "DROP TABLE authz_signing_key",
    "DROP TABLE authz_limit",
    "ALTER TABLE authz_token DROP COLUMN scopes",
    *(f"ALTER TABLE authz_head DROP COLUMN {c}" for c in authz_head.columns.keys()[7:]),
)
SAY = "UPDATE authz_alembic_version SET version_num="


def run(database: Database, *statements: str) -> None:
    """Do to the database what no process of authz does."""
    with database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def stock(adapter: Adapter) -> casbin.Enforcer:
    """Return pycasbin on the table, by its own adapter, with our two functions."""
    enforcer = casbin.Enforcer(str(MODEL), adapter)
    enforcer.add_function("pathMatch", path_match)
    enforcer.add_function("methodMatch", method_match)
    return enforcer


@pytest.fixture(name="records")
def _records(database: Database) -> SqlRecords:
    return SqlRecords(database)


def policy_of(records: SqlRecords, model: Path) -> PolicyInForce:
    """Return what authz puts in force of *records*."""
    lines = [
        ", ".join((entry.row.kind, *entry.row.fields))
        for entry in records.snapshot().entries
        if not entry.disabled
    ]
    return build_policy(model.read_text(), "\n".join(lines).encode()).policy


def test_the_layout_is_the_adapter_s(database: Database):
    """Column by column what sqlalchemy-adapter would make."""
    theirs = create_casbin_rule_class("casbin_rule").__table__
    found = inspect(database.engine).get_columns("casbin_rule")

    assert [(c["name"], str(c["type"]), c["nullable"]) for c in found] == [
        (c.name, str(c.type), c.nullable) for c in theirs.columns
    ]
    assert [(c.name, str(c.type), c.primary_key) for c in casbin_rule.columns] == [
        (c.name, str(c.type), c.primary_key) for c in theirs.columns
    ]


def test_casbin_s_own_adapter_decides_as_we_do(records: SqlRecords, adapter: Adapter):
    """Every question has the same answer, before and after changes."""
    apply(records, *(Add(row=row(*fields)) for fields in POLICY))
    _agree(records, adapter)
    denies, grants = "5", "6"
    apply(records, Switch(id=denies, disabled=True))
    _agree(records, adapter)
    apply(records, Switch(id=denies, disabled=False), Switch(id=grants, disabled=True))
    _agree(records, adapter)


def _agree(records: SqlRecords, adapter: Adapter) -> None:
    policy, enforcer = policy_of(records, MODEL), stock(adapter)
    answers = [bool(policy.decide(asked([who], *what))) for who, *what in ASKED]
    assert [enforcer.enforce(*each) for each in ASKED] == answers
    assert len(set(answers)) == 2


def test_a_disabled_rule_is_not_in_the_table(database: Database):
    """A Casbin tool cannot take for a rule what decides nothing."""
    records = SqlRecords(database)
    apply(records, *(Add(row=row(*fields)) for fields in POLICY[:2]))
    apply(records, Switch(id="1", disabled=True))
    with database.read() as connection:
        assert list(connection.scalars(select(casbin_rule.c.id))) == [2]


def test_a_table_the_adapter_wrote_is_taken_over(records: SqlRecords, adapter: Adapter):
    """The policy of another Casbin program becomes revision 1, in its order."""
    for kind, *fields in POLICY:
        adapter.add_policy(kind, kind, fields)
    # The stock adapter keeps no row from being there twice.
    adapter.add_policy("g", "g", ["user:bob", "role:user"])

    assert records.snapshot().entries == ()
    revision = records.adopt(**FREE)
    assert revision.number == 1
    assert len(revision.added) == len(POLICY)
    _agree(records, adapter)


def test_what_another_program_writes_is_not_in_force(
    records: SqlRecords, adapter: Adapter
):
    """It changes nobody's rights, and no change of ours is made on top of it."""
    apply(records, *(Add(row=row(*fields)) for fields in POLICY))
    before = records.snapshot()
    adapter.add_policy("g", "g", ["user:eve", "role:admin"])
    adapter.remove_policy("p", "p", ["user:bob", "/api/secret", "*", "deny"])

    assert records.snapshot() == before
    with pytest.raises(StoreError, match="another program changed"):
        apply(records, Add(row=row("g", "user:x", "role:user")))
    assert records.foreign() == (
        ("g, user:eve, role:admin",),
        ("p, user:bob, /api/secret, *, deny",),
    )


def test_it_can_be_adopted_or_undone(records: SqlRecords, adapter: Adapter):
    """Adopting makes a revision of it; restoring makes the table ours again."""
    apply(records, *(Add(row=row(*fields), note="n") for fields in POLICY))
    apply(records, Switch(id="2", disabled=True))
    adapter.add_policy("g", "g", ["user:eve", "role:admin"])
    records.restore()
    assert records.foreign() == ((), ())

    adapter.add_policy("g", "g", ["user:zoe", "role:admin"])
    revision = records.adopt(**FREE)

    assert revision.added == ("g, user:zoe, role:admin",)
    assert records.foreign() == ((), ())
    notes = [(entry.note, entry.disabled) for entry in records.snapshot().entries]
    assert notes == [("n", False), ("n", True), *[("n", False)] * 6, ("", False)]
    apply(records, Switch(id="2", disabled=False))
    _agree(records, adapter)


def test_an_adopted_row_takes_no_other_s_id(
    records: SqlRecords, adapter: Adapter, database: Database
):
    """Another program may use the id of a disabled entry; both stay apart."""
    apply(records, *(Add(row=row(*fields)) for fields in POLICY))
    apply(records, Switch(id="8", disabled=True))
    with database.write() as connection:
        connection.execute(
            casbin_rule.insert().values(id=8, ptype="g", v0="user:x", v1="role:user")
        )
    records.adopt(**FREE)
    apply(records, Switch(id="8", disabled=False))

    ids = [entry.id for entry in records.snapshot().entries]
    assert ids == [str(number) for number in range(1, 10)]
    _agree(records, adapter)


def test_an_adopted_row_must_fit(database: Database):
    """What could not be written as a line of a policy is refused, not cut."""
    with database.write() as connection:
        connection.execute(
            casbin_rule.insert().values(ptype="p", v0="role:a", v1="/a\nb", v2="GET")
        )
    with pytest.raises(PolicyError):
        SqlRecords(database).adopt(**FREE)


def test_a_newer_schema_is_refused(database: Database):
    """A version of authz never works on tables that it does not know."""
    run(database, f"{SAY}'99'")
    with pytest.raises(StoreError, match="newer version of authz"):
        migrate(database)


def test_an_older_schema_is_brought_up_to_date(database: Database):
    """What an earlier version kept is still there."""
    run(database, *BACK, f"{SAY}'0001'", "UPDATE authz_head SET people=17")
    migrate(database)

    assert head(database).people.number == 17
    with database.read() as connection:
        assert connection.execute(authz_limit.select()).all() == []


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (("DROP TABLE authz_limit",), "lacks the table authz_limit"),
        (("ALTER TABLE authz_head DROP COLUMN trail",), "column authz_head.trail"),
        ((f"{SAY}'0001'",), "its tables are not those of schema 0001"),
        ((*BACK, f"{SAY}'0002'"), "lacks the table authz_limit: .* stopped half"),
        (
            (*BACK, f"{SAY}'0001'", "DROP TABLE authz_audit_head"),
            "lacks the table authz_audit_head: .* stopped half way",
        ),
        (("DELETE FROM authz_alembic_version",), "are not those of schema none"),
        (
            ("INSERT INTO authz_alembic_version VALUES ('0001')",),
            "names several schemas",
        ),
    ],
)
def test_half_of_an_upgrade_is_refused(
    database: Database, done: tuple[str, ...], said: str
):
    """At start and by `authz db current`, in words, each time: nothing is changed.

    As a tool leaves it that keeps no transaction.
    """
    run(database, *done)
    for _ in range(2):
        with pytest.raises(StoreError, match=said) as raised:
            migrate(database)
        assert "restore the backup" in str(raised.value)


def test_a_table_that_is_not_casbin_s_is_refused(url: str):
    """Another program's table of that name is left alone."""
    database = Database(url)
    with database.write(alone=False, complete=False) as connection:
        connection.exec_driver_sql("CREATE TABLE casbin_rule (x int)")
    with pytest.raises(StoreError, match="it is not Casbin's"):
        migrate(database)
    database.close()


def test_the_steps_make_the_tables_we_use(database: Database):
    """Alembic finds no difference between what it made and what is declared."""
    with database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []
