"""With scopes too, `casbin_rule` is Casbin's: domains are where its tools look."""

from itertools import product
from pathlib import Path

import casbin
import pytest
from sqlalchemy_adapter import Adapter

from authz.policy.model import read_model
from authz.policy.normalize import normalizer
from authz.policy.patterns import CASBIN_FUNCTIONS
from authz.policy.records import Add, Switch
from authz.scope import Scope, scope_match
from authz.stores.sql.database import Database
from authz.stores.sql.records import SqlRecords
from tests.contracts.policy_records import FREE, apply, row
from tests.contracts.test_casbin_table import policy_of
from tests.policies import asked

MODEL = Path(__file__).parents[2] / "model-scoped.conf"
POLICY = [
    ("p", "role:everyone", "*", "/static/*", "GET"),
    ("p", "role:user", "library:*", "/api/similar/:id", "GET"),
    ("p", "role:user", "*", "/api/playlists/*", "GET|POST"),
    ("p", "role:admin", "*", "/*", "*"),
    ("p", "role:user", "library:originals", "/api/similar/:id", "*", "deny"),
    ("g", "user:bob", "role:user", "library:kids"),
    ("g", "user:bob", "role:user", "library:originals"),
    ("g", "user:bob", "role:user", "library:a/b é"),
    ("g", "group:music-admins", "role:admin", "library:*"),
    ("g", "user:anna", "role:admin", "*"),
]
ASKED = list(
    product(
        ("user:bob", "user:anna", "group:music-admins", "role:everyone", "user:eve"),
        ("library:kids", "library:originals", "library:a/b é", "server:kids"),
        ("/static/a", "/api/similar/1", "/api/playlists/7", "/x"),
        ("GET", "POST", "HEAD"),
    )
)


@pytest.fixture(name="records")
def _records(database: Database) -> SqlRecords:
    model = read_model(MODEL.read_text(encoding="utf-8"), source=MODEL.name)
    return SqlRecords(database, normalize=normalizer(model.rules))


def agree(records: SqlRecords, adapter: Adapter) -> None:
    """Every question has the same answer from authz and from pycasbin on the table."""
    enforcer = casbin.Enforcer(str(MODEL), adapter)
    for name, function in CASBIN_FUNCTIONS.items():
        enforcer.add_function(name, function)
    enforcer.add_named_domain_matching_func("g", scope_match)
    enforcer.build_role_links()
    policy = policy_of(records, MODEL)
    answers = {
        (name, scope, *what): bool(policy.decide(asked([name], *what, Scope(scope))))
        for name, scope, *what in ASKED
    }
    assert {each: enforcer.enforce(*each) for each in ASKED} == answers
    assert len(set(answers.values())) == 2


def test_casbin_s_own_adapter_reads_what_we_write(
    records: SqlRecords, adapter: Adapter
):
    """Before and after changes, and without what is disabled."""
    apply(records, *(Add(row=row(*fields)) for fields in POLICY))
    agree(records, adapter)
    apply(records, Switch(id="5", disabled=True), Switch(id="6", disabled=True))
    agree(records, adapter)


def test_we_read_what_casbin_s_own_adapter_writes(
    records: SqlRecords, adapter: Adapter
):
    """A table with domains becomes revision 1, in its order, each with its scope."""
    for kind, *fields in POLICY:
        adapter.add_policy(kind, kind, fields)

    assert records.snapshot().entries == ()
    assert records.adopt(**FREE).number == 1
    rows = [(entry.row.kind, *entry.row.fields) for entry in records.snapshot().entries]
    assert [each[:5] for each in rows] == [each[:5] for each in POLICY]
    agree(records, adapter)
    apply(records, Add(row=row("g", "user:eve", "role:user", "library:kids")))
    agree(records, adapter)
