"""What holds for every store of people: SQLite and PostgreSQL."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from authz.errors import AlreadyThere, AuthzError, StoreConflict, StoreReadOnly
from authz.identity.people import (
    PeopleColumn,
    PeopleOrder,
    PeopleStore,
    Person,
)
from authz.stores.fixed_people import FixedPeople
from authz.stores.sql.database import Database
from authz.stores.sql.people import SqlPeople
from tests.contracts.conftest import POSTGRESQL, database_url

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YQ"
ROOT = Person(id="root", display_name="root", source="local", password_hash=HASH)


def somebody(id_: str, **fields: Any) -> Person:
    """Return a local person who can sign in."""
    given = {"display_name": id_, "source": "local", "password_hash": HASH}
    return Person(id=id_, **(given | fields))


class Store:
    """A store under test, and a short way to change it."""

    def __init__(self, people: PeopleStore) -> None:
        self.people = people

    def add(self, person: Person, **options: Any) -> Person:
        """Add *person*, with nothing against it."""
        return self.people.add(person, **(_FREE | options))

    def replace(self, old: Person, **fields: Any) -> Person:
        """Change *fields* of *old*."""
        return self.people.replace(replace(old, **fields), expected=old, **_FREE)

    def remove(self, person: Person, **options: Any) -> None:
        """Remove *person*."""
        self.people.remove(person, **(_FREE | options))

    def find(self, id_: str) -> Person:
        """Return who must be there."""
        person = self.people.find(id_)
        assert person is not None
        return person

    @property
    def ids(self) -> list[str]:
        """Everybody's id."""
        return [person.id for person in self.people.page(limit=100).people]


_FREE: dict[str, Any] = {"check": lambda _: None, "before_commit": lambda *_: None}


@pytest.fixture(name="store", params=["sqlite", POSTGRESQL])
def _store(
    request: Any, tmp_path: Path, open_database: Callable[[str], Database]
) -> Store:
    database = open_database(database_url(request.param, tmp_path, request))
    return Store(SqlPeople(database, fixed=[ROOT]))


def test_who_is_added_is_there(store: Store):
    """A person comes back as they were written, and knows since when."""
    kept = store.add(somebody("bob", display_name="Bob \u00c9"))

    assert store.find("bob") == kept
    assert kept.created is not None
    assert replace(kept, created=None, epoch=0) == somebody(
        "bob", display_name="Bob \u00c9"
    )


def test_nobody_is_found_by_another_name(store: Store):
    """Ids are compared exactly."""
    store.add(somebody("bob"))

    assert store.people.find("Bob") is None
    assert store.people.find("bob ") is None


@pytest.mark.parametrize(
    "twin",
    ["bob", "Bob", "\uff42ob", "b\u00f6b", "BO\u0308B", "b\u043eb", "bob\u3164"],
)
def test_a_look_alike_is_refused(store: Store, twin: str):
    """Nobody is added who would be taken for somebody else."""
    store.add(somebody("bob"))
    store.add(somebody("b\u00f6b"))
    with pytest.raises((AlreadyThere, ValueError)):
        store.add(somebody(twin))

    assert store.ids == ["bob", "b\u00f6b", "root"]


@pytest.mark.parametrize("twin", ["root", "ROOT", "ro\uff4ft", "r\u043e\u043et"])
def test_the_names_of_settings_are_reserved(store: Store, twin: str):
    """An account of the settings cannot be taken over by adding its twin."""
    with pytest.raises(AlreadyThere):
        store.add(somebody(twin))


@pytest.mark.parametrize(
    "bad", ["", "a/b", "-x", "a b", "a" * 65, "a\n", "a\0", "a:b", "*", "\u200bx"]
)
def test_an_id_that_cannot_be_one_is_refused(store: Store, bad: str):
    """The policy could not name such a person."""
    with pytest.raises(ValueError, match=": "):
        store.add(somebody(bad))


def test_a_person_is_changed(store: Store):
    """The new display name is kept, and sessions go on."""
    old = store.add(somebody("bob"))
    new = store.replace(old, display_name="Robert")

    assert store.find("bob") == new
    assert (new.display_name, new.epoch) == ("Robert", old.epoch)


@pytest.mark.parametrize(
    "fields",
    [{"password_hash": HASH + "x"}, {"disabled": True}, {"epoch": -1}],
    ids=["password", "disabled", "signed out everywhere"],
)
def test_sessions_end_by_a_new_epoch(store: Store, fields: dict[str, Any]):
    """The store chooses an epoch that nobody ever had."""
    old = store.add(somebody("bob"))
    new = store.replace(old, **fields)

    assert new.epoch > old.epoch
    assert store.find("bob") == new


def test_who_comes_back_is_another_person(store: Store):
    """Sessions of a removed person are not those of a namesake."""
    old = store.add(somebody("bob"))
    store.remove(old)
    new = store.add(somebody("bob"))

    assert new.epoch > old.epoch


def test_who_is_removed_is_gone(store: Store):
    """Removing twice is an error."""
    bob = store.add(somebody("bob"))
    store.remove(bob)

    assert store.people.find("bob") is None
    with pytest.raises(LookupError):
        store.remove(bob)
    with pytest.raises(LookupError):
        store.replace(bob, display_name="x")


def test_who_has_not_seen_the_newest_state_is_refused(store: Store):
    """Two administrators who edit one person: the second is told."""
    old = store.add(somebody("bob"))
    store.replace(old, display_name="Robert")
    with pytest.raises(StoreConflict):
        store.replace(old, disabled=True)
    with pytest.raises(StoreConflict):
        store.remove(old)

    assert not store.find("bob").disabled


@pytest.mark.parametrize("fields", [{"disabled": True}, {"password_hash": ""}])
def test_accounts_of_the_settings_cannot_be_changed(
    store: Store, fields: dict[str, Any]
):
    """They are for the day on which nothing else works."""
    root = store.find("root")
    with pytest.raises(StoreReadOnly):
        store.replace(root, **fields)
    with pytest.raises(StoreReadOnly):
        store.remove(root)

    assert root.fixed
    assert store.find("root") == root


class Refused(AuthzError):
    """What a check or a before_commit of these tests raises."""


@pytest.mark.parametrize("who", ["check", "before_commit"])
def test_a_check_or_a_witness_can_refuse(store: Store, who: str):
    """What it raises comes out, and nothing has changed."""
    bob = store.add(somebody("bob"))

    def refuse(*_: object) -> None:
        raise Refused

    free = _FREE | {who: refuse}
    with pytest.raises(Refused):
        store.people.add(somebody("carol"), **free)
    with pytest.raises(Refused):
        store.people.replace(replace(bob, disabled=True), expected=bob, **free)
    with pytest.raises(Refused):
        store.people.remove(bob, **free)

    assert store.ids == ["bob", "root"]
    assert store.find("bob") == bob


def test_a_check_sees_everybody_as_they_would_be(store: Store):
    """The people it is given are the ones who are there afterwards."""
    given: list[Sequence[Person]] = []
    bob = store.add(somebody("bob"), check=given.append)
    store.remove(bob, check=given.append)

    assert [[person.id for person in people] for people in given] == [
        ["bob", "root"],
        ["root"],
    ]


def test_a_witness_sees_before_and_after(store: Store):
    """None stands for nobody."""
    seen: list[tuple[Person | None, Person | None]] = []

    def before_commit(before: Person | None, after: Person | None) -> None:
        seen.append((before, after))

    bob = store.people.add(
        somebody("bob"), **(_FREE | {"before_commit": before_commit})
    )
    disabled = store.people.replace(
        replace(bob, disabled=True),
        expected=bob,
        **(_FREE | {"before_commit": before_commit}),
    )
    store.remove(disabled, before_commit=before_commit)

    assert seen == [(None, bob), (bob, disabled), (disabled, None)]


def test_people_are_read_in_pages(store: Store):
    """Sorted by code points; the accounts of the settings are among them."""
    for id_ in ("zoe", "Anna", "b.b", "sam", "\u00e9ric"):
        store.add(somebody(id_))
    wanted = sorted(["zoe", "Anna", "b.b", "sam", "\u00e9ric", "root"])

    for limit in (1, 2, 3, 10):
        found: list[str] = []
        for offset in range(0, len(wanted), limit):
            page = store.people.page(limit=limit, offset=offset)
            assert page.total == len(wanted)
            found += [person.id for person in page.people]
        assert found == wanted


@pytest.mark.parametrize(
    ("search", "source", "found"),
    [
        ("o", "", ["bob", "root", "sso/bo"]),
        ("BOB", "", ["bob"]),
        ("\u00c9LAN", "", ["sso/bo"]),
        ("%", "", []),
        ("_", "", []),
        ("o", "sso", ["sso/bo"]),
        ("", "local", ["bob", "root"]),
    ],
)
def test_people_are_searched(store: Store, search: str, source: str, found: list[str]):
    """By id and display name, in any case; no character is a pattern."""
    store.add(somebody("bob"))
    store.people.seen([Person(id="sso/bo", display_name="B. \u00c9lan", source="sso")])
    page = store.people.page(search=search, source=source, limit=10)

    assert [person.id for person in page.people] == found
    assert page.total == len(found)


def test_people_are_picked_by_what_they_are(store: Store):
    """By id, source and groups; counted, in pages, and the fixed ones too."""
    groups = frozenset({"group:a"})
    store.add(somebody("bob"))
    store.people.seen(
        [
            Person(id=f"sso/{n}", display_name="x", source="sso", groups=groups)
            for n in range(3)
        ]
    )

    def ids(limit: int, offset: int = 0, **more: Any) -> tuple[list[str], int]:
        page = store.people.page(limit=limit, offset=offset, **more)
        return [person.id for person in page.people], page.total

    def whom(id_: str, source: str, found: frozenset[str]) -> bool:
        return id_ == "root" or (source == "sso" and found == groups)

    assert ids(10, whom=whom) == (["root", "sso/0", "sso/1", "sso/2"], 4)
    assert ids(2, 1, whom=whom) == (["sso/0", "sso/1"], 4)
    assert ids(10, whom=whom, search="sso/1") == (["sso/1"], 1)
    assert ids(10, whom=whom, source="local") == (["root"], 1)
    assert ids(10, whom=lambda *_: False) == ([], 0)


ORDERED = {
    ("id", False): ["Anna", "bob", "root", "sso/0", "sso/1", "\u00e9ric"],
    ("id", True): ["\u00e9ric", "sso/1", "sso/0", "root", "bob", "Anna"],
    # Two are called zed; whoever has no display name is sorted by id.
    ("name", False): ["bob", "root", "sso/1", "Anna", "\u00e9ric", "sso/0"],
    ("name", True): ["sso/0", "Anna", "\u00e9ric", "sso/1", "root", "bob"],
    ("source", False): ["Anna", "bob", "root", "\u00e9ric", "sso/0", "sso/1"],
    ("source", True): ["sso/0", "sso/1", "Anna", "bob", "root", "\u00e9ric"],
    ("seen", False): ["sso/1", "sso/0", "Anna", "bob", "root", "\u00e9ric"],
    ("seen", True): ["sso/0", "sso/1", "Anna", "bob", "root", "\u00e9ric"],
}


@pytest.mark.parametrize(("column", "descending"), ORDERED)
@pytest.mark.parametrize("whom", [None, lambda *_: True], ids=["all", "picked"])
def test_people_are_sorted(store: Store, column: str, descending: bool, whom: Any):
    """Accounts of settings among the others; equals by id; in pages of any size."""
    store.add(somebody("Anna", display_name="Zed"))
    store.add(somebody("bob", display_name=""))
    store.add(somebody("\u00e9ric", display_name="zed"))
    noon = datetime(2030, 1, 31, 12, tzinfo=UTC)
    names = ("\u00c9lan", "Sam")
    store.people.seen(
        [
            Person(
                id=f"sso/{n}",
                display_name=name,
                source="sso",
                last_seen=noon - timedelta(hours=n),
            )
            for n, name in enumerate(names)
        ]
    )
    order = PeopleOrder(column=PeopleColumn(column), descending=descending)

    for limit in (1, 2, 4, 10):
        found: list[str] = []
        for offset in range(0, 6, limit):
            page = store.people.page(order=order, whom=whom, limit=limit, offset=offset)
            assert page.total == 6
            found += [person.id for person in page.people]
        assert found == ORDERED[column, descending]


def test_a_search_is_sorted_too(store: Store):
    """What is asked for by name, in the order that was asked for."""
    store.add(somebody("bob"))
    store.add(somebody("o", display_name="Zoe"))
    order = PeopleOrder(column=PeopleColumn.NAME, descending=True)
    page = store.people.page(search="o", source="local", order=order, limit=2)

    assert [person.id for person in page.people] == ["o", "root"]
    assert page.total == 3


@pytest.mark.parametrize(
    ("column", "descending", "found"),
    [
        ("id", True, ["c", "b", "a"]),
        ("name", False, ["c", "a", "b"]),
        ("name", True, ["a", "b", "c"]),
        ("source", True, ["a", "b", "c"]),
        ("seen", True, ["a", "b", "c"]),
    ],
)
def test_people_without_a_store_are_sorted(
    column: str, descending: bool, found: list[str]
):
    """As those of a database are."""
    people = FixedPeople(
        [
            somebody("b", display_name="zed"),
            somebody("c", display_name=""),
            somebody("a", display_name="Zed"),
        ]
    )
    order = PeopleOrder(column=PeopleColumn(column), descending=descending)
    page = people.page(order=order, limit=3)

    assert [person.id for person in page.people] == found


def test_a_provider_s_people_appear_when_first_seen(store: Store):
    """They are added once, and known by what the provider said last."""
    first = Person(
        id="sso/ann", display_name="Ann", source="sso", groups=frozenset({"group:a"})
    )
    store.people.seen([first, replace(first, id="sso/Ann")])
    store.people.seen([replace(first, display_name="Anna", groups=frozenset())])
    ann = store.find("sso/ann")

    assert (ann.display_name, ann.groups) == ("Anna", frozenset())
    assert ann.last_seen is not None
    assert store.ids == ["root", "sso/Ann", "sso/ann"]


def test_being_seen_gives_nothing_back(store: Store):
    """Whoever is disabled stays so, and nobody gets a password that way."""
    ann = Person(id="sso/ann", display_name="Ann", source="sso", password_hash=HASH)
    store.people.seen([ann])
    known = store.find("sso/ann")
    disabled = store.replace(known, disabled=True)
    store.people.seen([ann])

    assert store.find("sso/ann").disabled
    assert store.find("sso/ann").epoch == disabled.epoch
    assert known.password_hash == ""


def test_being_seen_is_no_conflict(store: Store):
    """An administrator's change is not refused because somebody was seen meanwhile."""
    store.people.seen([Person(id="sso/ann", display_name="Ann", source="sso")])
    ann = store.find("sso/ann")
    store.people.seen([replace(ann, groups=frozenset({"group:new"}))])
    store.replace(ann, disabled=True)

    assert store.find("sso/ann").groups == {"group:new"}


def test_a_provider_does_not_see_local_accounts(store: Store):
    """It cannot vouch for an id that is not below its name."""
    bob = store.add(somebody("bob"))
    mallory = replace(bob, display_name="Mallory", source="authentik")
    store.people.seen([mallory, somebody("eve")])

    assert store.find("bob") == bob
    assert store.people.find("eve") is None


def test_who_signs_in_here_is_seen(store: Store):
    """Nothing else about the account changes."""
    bob = store.add(somebody("bob"))
    store.people.seen([replace(bob, display_name="Mallory", disabled=True)])
    found = store.find("bob")

    assert found.last_seen is not None
    assert replace(found, last_seen=None) == bob
