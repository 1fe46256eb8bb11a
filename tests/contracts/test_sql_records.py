"""What a database promises for policy entries beyond the contract of all stores."""

from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.errors import PolicyError
from authz.policy.records import (
    Add,
    Entry,
    Remove,
    Replace,
    Revision,
    Snapshot,
    Switch,
)
from authz.stores.sql.database import Database
from authz.stores.sql.migrate import migrate
from authz.stores.sql.records import SqlRecords
from tests.contracts.policy_records import apply, row

FIRST = ("p", "role:user", "/map", "GET")
SECOND = ("p", "role:admin", "/*", "*", "deny")
GRANT = ("g", "group:a, b", "role:user")
ODD = ("g", 'group:"(x)", [y]; \u00e9', "role:user")


class Store:
    """A store under test, and a short way to change it."""

    def __init__(self, records: SqlRecords) -> None:
        self.records = records
        self.change = partial(apply, records)

    def add(self, *rows: Sequence[str]) -> Revision:
        """Add *rows*."""
        return self.change(*(Add(row=row(*fields)) for fields in rows))

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """What is in the store, in order."""
        return [spelled(entry) for entry in self.records.snapshot().entries]

    def id_of(self, *fields: str) -> str:
        """Return the id of the entry with *fields*."""
        (found,) = [
            entry.id
            for entry in self.records.snapshot().entries
            if spelled(entry) == fields
        ]
        return found


def spelled(entry: Entry) -> tuple[str, ...]:
    """Return kind and fields of *entry*."""
    return (entry.row.kind, *entry.row.fields)


@pytest.fixture(name="store")
def _store(database: Database) -> Store:
    return Store(SqlRecords(database))


def test_an_entry_knows_who_why_and_when(store: Store):
    """Author and note are kept beside the row."""
    store.change(Add(row=row(*FIRST), note="for the map"), author="user:carol")
    (entry,) = store.records.snapshot().entries

    assert (entry.note, entry.disabled) == ("for the map", False)
    assert entry.author == "user:carol"
    assert entry.created is not None
    assert entry.created.tzinfo is not None


def test_an_entry_is_replaced_in_its_place(store: Store):
    """Another row stands where the first one stood, among others, whatever they say."""
    store.add(FIRST, SECOND)
    store.add(GRANT, ODD)
    changed = ("p", "role:user", "/map/:id", "GET|POST")
    store.change(Replace(id=store.id_of(*FIRST), row=row(*changed)))

    assert store.rows == [changed, SECOND, GRANT, ODD]


def test_changes_are_made_one_after_the_other(store: Store):
    """What one removes, the next may add."""
    store.add(FIRST, SECOND)
    first, second = store.id_of(*FIRST), store.id_of(*SECOND)
    store.change(
        Replace(id=first, row=row(*SECOND)), Replace(id=second, row=row(*FIRST))
    )

    assert sorted(store.rows) == sorted([FIRST, SECOND])


def test_what_the_table_has_no_room_for_is_refused(store: Store):
    """What cannot be kept as it is is not kept as something else."""
    with pytest.raises(PolicyError, match="has room for 255"):
        store.add(("p", "role:user", "/" + "a" * 5000, "GET"))


def test_an_earlier_state_can_be_had(store: Store):
    """Every revision leads to the entries it left, with their notes."""
    states: list[tuple[int, Snapshot]] = []

    def keep(revision: Revision) -> None:
        states.append((revision.number, store.records.snapshot()))

    keep(store.add(FIRST, SECOND))
    keep(store.change(Replace(id=store.id_of(*FIRST), row=row(*GRANT), note="x")))
    keep(store.change(Switch(id=store.id_of(*SECOND), disabled=True)))
    keep(store.change(Remove(id=store.id_of(*GRANT))))
    keep(store.add(ODD))

    for number, state in states:
        assert store.records.at(number) == state


_NAMES = st.sampled_from([f"user:{letter}" for letter in "abcdef"])
_CHANGES = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "replace", "switch"]), _NAMES, _NAMES),
    max_size=12,
)


@given(wanted=_CHANGES)
@settings(max_examples=30)
def test_any_changes_lead_where_a_list_leads(
    wanted: list[tuple[str, str, str]], tmp_path_factory: pytest.TempPathFactory
):
    """A store of a thousand lines does what a list of ten lines does."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('any')}/authz.db")
    migrate(database)
    store = Store(SqlRecords(database))
    model: dict[tuple[str, ...], bool] = {}
    for action, name, other in wanted:
        fields, another = ("g", name, "role:r"), ("g", other, "role:r")
        if action == "add" and fields not in model:
            store.add(fields)
            model[fields] = False
        elif action == "remove" and fields in model:
            store.change(Remove(id=store.id_of(*fields)))
            del model[fields]
        elif action == "replace" and fields in model and another not in model:
            store.change(Replace(id=store.id_of(*fields), row=row(*another)))
            model[another] = model.pop(fields)
        elif action == "switch" and fields in model:
            model[fields] = not model[fields]
            store.change(Switch(id=store.id_of(*fields), disabled=model[fields]))
    entries = store.records.snapshot().entries

    assert {spelled(entry): entry.disabled for entry in entries} == model
    assert len(entries) == len(model)
    database.close()


def test_ids_are_not_used_again(store: Store):
    """Who saw an entry never removes another one by its id."""
    store.add(FIRST, SECOND)
    last = store.records.snapshot().entries[-1]
    store.change(Remove(id=last.id))
    store.add(GRANT)

    assert last.id not in {entry.id for entry in store.records.snapshot().entries}
