"""What holds for every store of linked accounts."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from authz_audiomuse.music.faults import Fault
from authz_audiomuse.music.links import Link, LinkStore, Mode
from authz_audiomuse.music.sql_links import (
    SqlLinks,
    metadata,
    migrate_links,
)
from sqlalchemy import inspect, text

from authz.errors import StoreError
from authz.stores.sql.database import Database
from authz.stores.sql.migrate import migrate
from tests.threads import raised_at_once

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_link(person: str = "user:carol", server: str = "home", **changes: object) -> Link:
    """Return a link of *person*."""
    link = Link(
        person=person,
        server=server,
        mode=Mode.OWN,
        account=f"{person}@{server}",
        sealed=f"sealed for {person}",
        checked=NOON,
        linked=NOON,
        linked_by=person,
        known=True,
    )
    return replace(link, **changes)  # type: ignore[arg-type]


def test_what_is_put_is_found(links: LinkStore):
    """Normalize, and by nobody else's name."""
    link = a_link("user:authentik/Ünï", fault=Fault.TLS, checked=None)
    links.put(link)

    assert links.find("user:authentik/Ünï", "home") == link
    assert links.of("user:authentik/Ünï") == [link]


@pytest.mark.parametrize(
    "other",
    ["user:Carol", "user:carol ", "user:caro", "user:authentik/carol", "user:%", ""],
)
def test_nobody_elses_link_is_found(links: LinkStore, other: str):
    """Names are compared exactly, in every method."""
    link = a_link()
    links.put(link)

    assert links.find(other, "home") is None
    assert links.find("user:carol", "other") is None
    assert list(links.of(other)) == []
    assert not links.remove(other, "home")
    assert links.forget(other) == 0
    assert not links.reseal(replace(link, person=other), "x")
    assert links.note(replace(link, person=other), fault=None, checked=NOON) is None
    assert links.find("user:carol", "home") == link


def test_a_person_has_one_account_on_each_server(links: LinkStore):
    """A second one takes the place of the first."""
    links.put(a_link(account="old"))
    links.put(a_link(server="other"))
    links.put(a_link(account="new", mode=Mode.SHARED))

    assert [(x.server, x.account) for x in links.of("user:carol")] == [
        ("home", "new"),
        ("other", "user:carol@other"),
    ]


def test_a_page_at_a_time(links: LinkStore):
    """In order, with how many there are."""
    for number in range(7):
        links.put(a_link(f"user:p{number}"))

    page = links.page(limit=3, offset=5)
    assert [link.person for link in page.links] == ["user:p5", "user:p6"]
    assert page.total == 7


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", 3),
        ("CAROL", 1),
        ("music", 1),
        ("%", 0),
        ("_", 1),
        ("user:", 3),
        ("\\", 0),
        ("'", 0),
    ],
)
def test_search_looks_at_person_and_account(links: LinkStore, search: str, found: int):
    """Letters of either case; signs that SQL knows are signs."""
    links.put(a_link("user:carol", account="c"))
    links.put(a_link("user:d_n", account="d"))
    links.put(a_link("user:eve", account="Musicfan"))

    page = links.page(search=search, limit=10)

    assert (page.total, len(page.links)) == (found, found)


def test_a_check_is_noted(links: LinkStore):
    """With what it found, and when."""
    link = a_link()
    links.put(link)
    later = NOON + timedelta(hours=1)

    noted = links.note(link, fault=Fault.WRONG_PASSWORD, checked=later)

    assert noted == replace(link, fault=Fault.WRONG_PASSWORD, checked=later)
    assert links.find("user:carol", "home") == noted


def test_a_check_of_what_was_replaced_is_not_noted(links: LinkStore):
    """Whoever entered a new password meanwhile hears nothing of the old one."""
    old = a_link()
    links.put(old)
    new = a_link(sealed="sealed again")
    links.put(new)

    assert links.note(old, fault=Fault.WRONG_PASSWORD, checked=NOON) is None
    assert links.find("user:carol", "home") == new


def test_resealing_replaces_only_what_was_read(links: LinkStore):
    """A password that was changed while keys are rotated stays changed."""
    link = a_link()
    links.put(link)

    assert links.reseal(link, "with a new key")
    assert not links.reseal(link, "too late")
    found = links.find("user:carol", "home")
    assert found == replace(link, sealed="with a new key")


def test_whoever_leaves_leaves_nothing(links: LinkStore):
    """All servers at once, and nobody else's."""
    links.put(a_link())
    links.put(a_link(server="other"))
    links.put(a_link("user:dan"))

    assert links.forget("user:carol") == 2
    assert list(links.of("user:carol")) == []
    assert links.page(limit=10).total == 1


def test_what_is_due_comes_longest_ago_first(links: LinkStore):
    """Never looked at comes before all; shared ones are nobody's to check."""
    links.put(a_link("user:a", checked=NOON))
    links.put(a_link("user:b", checked=NOON - timedelta(days=2)))
    links.put(a_link("user:c", checked=None))
    links.put(a_link("user:d", checked=NOON - timedelta(days=3)))
    links.put(a_link("user:e", checked=None, mode=Mode.SHARED))

    due = links.due(NOON - timedelta(days=1), limit=2)

    assert [link.person for link in due] == ["user:c", "user:d"]
    assert len(links.due(NOON - timedelta(days=1), limit=9)) == 3


def test_what_a_server_could_not_say_is_due_at_once(links: LinkStore):
    """It was away, which says nothing of the account."""
    links.put(a_link("user:a", fault=Fault.UNREACHABLE))
    links.put(a_link("user:b", fault=Fault.THROTTLED))
    links.put(a_link("user:c", fault=Fault.WRONG_PASSWORD))
    links.put(a_link("user:d"))

    due = links.due(NOON - timedelta(days=1), limit=9)

    assert [link.person for link in due] == ["user:a", "user:b"]


def test_two_who_link_at_once_leave_one(links: LinkStore):
    """One account for a person and server, whole, whoever came last."""
    with ThreadPoolExecutor(6) as pool:
        for n in range(6):
            pool.submit(links.put, a_link(sealed=f"{n}", account=f"{n}"))

    [link] = links.of("user:carol")
    assert link.sealed == link.account


def test_what_is_to_be_given_back_is_kept_until_it_is(links: LinkStore):
    """The oldest first, and whatever becomes of the link."""
    first = links.end(a_link(), since=NOON)
    second = links.end(a_link("user:dan"), since=NOON + timedelta(hours=1))
    links.forget("user:carol")

    assert links.ended(limit=1) == [first]
    assert (first.person, first.server) == ("user:carol", "home")
    assert (first.sealed, first.since) == ("sealed for user:carol", NOON)
    links.settle(first)
    links.settle(first)
    assert links.ended(limit=5) == [second]
    assert "sealed for" not in repr(second)


def test_a_link_does_not_show_what_it_holds():
    """Not even sealed."""
    assert "sealed for" not in repr(a_link())


class TestDatabase:
    def test_the_steps_make_the_table(self, database: Database):
        """What the code reads is what the steps made."""
        migrate_links(database)
        migrate_links(database)

        with database.read() as connection:
            found = inspect(connection)
            for table in metadata.tables.values():
                assert {
                    (c["name"], c["nullable"]) for c in found.get_columns(table.name)
                } == {(c.name, c.nullable) for c in table.columns}

    def test_what_an_older_version_linked_goes_on(self, database: Database):
        """Its playlists are seen by others, as they were."""
        migrate_links(database)
        SqlLinks(database).put(a_link())
        with database.write(alone=False, complete=False) as connection:
            connection.execute(text("DROP TABLE authz_music_ended"))
            connection.execute(text("ALTER TABLE authz_music_link DROP COLUMN private"))
            connection.execute(
                text("UPDATE authz_music_version SET version_num = 'music_0001'")
            )

        migrate_links(database)

        assert SqlLinks(database).find("user:carol", "home") == a_link()

    def test_it_lies_beside_the_tables_of_authz(self, database: Database):
        """Each has its own history; either may come first."""
        migrate_links(database)
        migrate(database)
        SqlLinks(database).put(a_link())
        migrate_links(database)
        migrate(database)

        assert SqlLinks(database).find("user:carol", "home") == a_link()

    def test_a_newer_versions_table_is_left_alone(self, database: Database):
        """Whoever went back to an older version is told so."""
        migrate_links(database)
        with database.write(alone=False, complete=False) as connection:
            connection.execute(
                text("UPDATE authz_music_version SET version_num = 'music_9999'")
            )

        with pytest.raises(StoreError, match="newer version"):
            migrate_links(database)

    def test_many_start_at_once(self, database: Database):
        """Replicas that start together make the table once."""
        failed = raised_at_once(partial(migrate_links, database), threads=4)

        assert failed == []

    def test_what_cannot_be_read_is_not_empty(
        self, open_database: Callable[[str], Database], tmp_path: Path
    ):
        """A broken database is an error, and nobody loses their account by it."""
        (tmp_path / "music.db").write_bytes(b"this is no database" * 100)
        links = SqlLinks(open_database(f"sqlite:///{tmp_path}/music.db"))

        with pytest.raises(StoreError):
            links.of("user:carol")
