"""People are added, changed and removed, each with its record, and never the last."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from authz.admin import changes, people
from authz.admin.changes import Draft
from authz.admin.office import Actor, Office
from authz.admin.rules import grant_row
from authz.audit import AuditEvent, EventTag
from authz.decision import signed_in
from authz.errors import (
    AlreadyThere,
    AuditFailure,
    LastAdmin,
    LockedOut,
    NotFound,
    PolicyError,
    StoreConflict,
    StoreError,
    StoreReadOnly,
)
from authz.identity.passwords import password_problem
from authz.identity.people import Person
from authz.policy.records import Add
from tests.unit.admin.conftest import ALICE, POLICY
from tests.web.apps import RecordingSink

WORDS = "paper boat harbour lamp"


@pytest.fixture(name="office", params=["file and database", "database"])
def _office(
    request: pytest.FixtureRequest,
    make_office: Callable[..., Office],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Office:
    """Return an office with people in a database, and rules in a file or there too."""
    url = f"sqlite:///{tmp_path}/authz.db"
    if request.param == "file and database":
        return make_office(AUTHZ_STORE=url)
    (tmp_path / "policy.csv").write_text(POLICY)
    monkeypatch.chdir(tmp_path)  # an empty database begins with the file there
    return make_office(AUTHZ_POLICY=None, AUTHZ_STORE=url)


def add(office: Office, id_: str = "dave", **more: object) -> Person:
    """Add a person."""
    return people.add_person(office, ALICE, id=id_, **more).person


def tags(sink: RecordingSink) -> list[str]:
    """Return the kinds of events about people."""
    return [tag for tag in sink.tags if tag.startswith("person:")]


def grant(office: Office, member: str, role: str) -> None:
    """Give a role."""
    row = grant_row(member=member, role=role)
    base = changes.state(office).etag
    changes.apply(office, ALICE, Draft(base=base, changes=(Add(row=row),)), note="")


def test_who_is_there(office: Office):
    """Accounts of settings are there; each with the roles and where they came from."""
    page = people.list_people(office)

    assert [(v.person.id, v.person.fixed) for v in page.items] == [
        ("alice", True),
        ("bob", True),
    ]
    assert [h.role for h in page.items[0].roles] == ["role:admin"]
    assert page.items[0].signs_in_here
    assert people.list_people(office, role="role:user").total == 1
    assert people.list_people(office, search="ALI").total == 1
    assert people.list_people(office, source="sso").total == 0
    with pytest.raises(NotFound):
        people.find_person(office, "nobody")


def test_an_account(office: Office, sink: RecordingSink):
    """It can sign in at once; the record has neither its password nor the hash."""
    person = add(office, display_name="Dave", password=WORDS)

    assert office.runtime.accounts.authenticate("dave", WORDS).name == "dave"
    (event,) = [e for e in sink.events if e.tag is EventTag.PERSON_ADDED]
    assert event.subject == "user:alice"
    assert event.about == "user:dave"
    assert "password: set" in event.after
    assert WORDS not in event.as_json()
    assert person.password_hash not in event.as_json()
    assert person.created is not None


def test_an_account_without_a_password(office: Office):
    """Nobody signs in to it."""
    assert not people.find_person(office, add(office).id).signs_in_here


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"id": ""}, "id"),
        ({"id": "a/b"}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": "_x"}, "id"),
        ({"id": "x" * 65}, "id"),
        ({"id": "x\n"}, "id"),
        ({"id": "dave", "display_name": "a\nb"}, "display_name"),
        ({"id": "dave", "display_name": "\u202e"}, "display_name"),
        ({"id": "dave", "display_name": "x" * 256}, "display_name"),
        ({"id": "dave", "password": "too short"}, "password"),
        ({"id": "dave", "password": "dave" * 5}, "password"),
        ({"id": "dave", "password": "x" * 20}, "password"),
        ({"id": "dave", "password": "abcd" * 300}, "password"),
    ],
)
def test_what_cannot_be(
    office: Office, sink: RecordingSink, arguments: dict[str, str], where: str
):
    """It is said at once, without repeating a password, and nobody is added."""
    with pytest.raises(PolicyError) as caught:
        people.add_person(office, ALICE, **arguments)

    assert [p.where for p in caught.value.problems] == [where]
    if where == "password":
        assert arguments["password"] not in str(caught.value)
    assert people.list_people(office).total == 2
    assert tags(sink) == []


@pytest.mark.parametrize("taken", ["alice", "ALICE", "\uff41lice", "dave", "Dave"])
def test_no_two_that_look_alike(office: Office, taken: str):
    """The ids of settings are taken too."""
    add(office)

    with pytest.raises(AlreadyThere):
        add(office, taken)


def test_nobody_inherits_by_accident(office: Office):
    """What the policy says of a name would be the new account's; that is asked."""
    with pytest.raises(AlreadyThere, match="user:carol"):
        add(office, "carol")

    view = people.add_person(office, ALICE, id="carol", inherit=True)
    assert [h.role for h in view.roles] == ["role:editor", "role:user"]


def test_disabling(office: Office, sink: RecordingSink):
    """Who is disabled is refused from now on; enabling lets them in again."""
    person = add(office, password=WORDS)

    off = people.edit_person(office, ALICE, person, disabled=True).person
    assert off.disabled
    assert "user:dave" in office.runtime.accounts.refused
    on = people.edit_person(
        office, ALICE, off, disabled=False, display_name="David"
    ).person

    assert "user:dave" not in office.runtime.accounts.refused
    assert on.display_name == "David"
    event = [e for e in sink.events if e.tag is EventTag.PERSON_CHANGED][-1]
    assert event.before == ("display_name: dave", "disabled: yes")
    assert event.after == ("display_name: David", "disabled: no")


def test_passwords(office: Office, sink: RecordingSink):
    """Another one holds at once, the old one no more; sessions of before have ended."""
    person = add(office, password=WORDS)
    other = "four other quiet words"

    changed = people.set_password(office, ALICE, person, other).person

    accounts = office.runtime.accounts
    assert accounts.authenticate("dave", other)
    with pytest.raises(Exception, match="wrong-name-or-password"):
        accounts.authenticate("dave", WORDS)
    assert changed.epoch != person.epoch
    with pytest.raises(PolicyError):
        people.set_password(office, ALICE, changed, "short")
    gone = people.set_password(office, ALICE, changed, "").person
    assert gone.password_hash == ""
    assert tags(sink)[-2:] == ["person:password-changed"] * 2
    assert other not in "".join(e.as_json() for e in sink.events)


def test_signing_somebody_out(office: Office, sink: RecordingSink):
    """Their sessions end; an account of settings can be signed out too."""
    person = add(office, password=WORDS)
    bob = people.find_person(office, "bob").person

    assert people.sign_out_everywhere(office, ALICE, person).person.epoch != (
        person.epoch
    )
    assert people.sign_out_everywhere(office, ALICE, bob).person.epoch != bob.epoch
    assert tags(sink)[-2:] == ["person:signed-out"] * 2


def test_removing(office: Office, sink: RecordingSink):
    """They are gone, and cannot sign in."""
    person = add(office, password=WORDS)

    people.remove_person(office, ALICE, person)

    with pytest.raises(NotFound):
        people.find_person(office, "dave")
    with pytest.raises(Exception, match="wrong-name-or-password"):
        office.runtime.accounts.authenticate("dave", WORDS)
    with pytest.raises((NotFound, StoreConflict)):
        people.remove_person(office, ALICE, person)
    assert tags(sink) == ["person:added", "person:removed"]


def test_accounts_of_settings_are_fixed(office: Office):
    """They are changed where they are named."""
    bob = people.find_person(office, "bob").person

    for change in (
        lambda: people.edit_person(office, ALICE, bob, disabled=True),
        lambda: people.set_password(office, ALICE, bob, WORDS),
        lambda: people.remove_person(office, ALICE, bob),
    ):
        with pytest.raises(StoreReadOnly):
            change()


def test_who_comes_late_is_told(office: Office):
    """A change to somebody who has changed meanwhile is a conflict."""
    person = add(office, password=WORDS)
    people.edit_person(office, ALICE, person, display_name="Other")

    for change in (
        lambda: people.edit_person(office, ALICE, person, disabled=True),
        lambda: people.set_password(office, ALICE, person, WORDS + "!"),
        lambda: people.remove_person(office, ALICE, person),
    ):
        with pytest.raises(StoreConflict):
            change()


class TestAdministrators:
    @pytest.fixture(name="dave")
    def _dave(self, office: Office) -> Actor:
        """Return a second administrator, who lives in the database."""
        add(office, password=WORDS)
        grant(office, "user:dave", "role:admin")
        subject = signed_in("user:dave", source="local", display_name="Dave")
        return Actor(subject=subject)

    def test_nobody_removes_themselves(
        self, office: Office, dave: Actor, sink: RecordingSink
    ):
        """Nor disables, nor takes away their own password; the attempt is recorded."""
        person = people.find_person(office, "dave").person

        for change in (
            lambda: people.remove_person(office, dave, person),
            lambda: people.edit_person(office, dave, person, disabled=True),
            lambda: people.set_password(office, dave, person, ""),
        ):
            with pytest.raises(LockedOut):
                change()

        assert tags(sink)[-3:] == ["person:change-refused"] * 3
        assert people.set_password(office, dave, person, WORDS + " too")

    def test_another_may(self, office: Office, dave: Actor):
        """As long as somebody remains who can sign in."""
        person = people.find_person(office, "dave").person

        people.remove_person(office, ALICE, person)

    def test_one_remains(
        self, make_office: Callable[..., Office], tmp_path: Path, sink: RecordingSink
    ):
        """The only one who can sign in is neither removed, disabled nor shut out."""
        office = make_office(
            "p, role:admin, /*, *\ng, user:dave, role:admin\n",
            AUTHZ_STORE=f"sqlite:///{tmp_path}/one.db",
            AUTHZ_ADMIN="",
            AUTHZ_ADMIN_PASSWORD="",
        )
        root = Actor(
            subject=signed_in("token:root", source="token", display_name="root")
        )
        person = people.add_person(
            office, root, id="dave", password=WORDS, inherit=True
        ).person

        for change in (
            lambda: people.remove_person(office, root, person),
            lambda: people.edit_person(office, root, person, disabled=True),
            lambda: people.set_password(office, root, person, ""),
        ):
            with pytest.raises(LastAdmin):
                change()

        assert tags(sink)[-3:] == ["person:change-refused"] * 3
        assert people.find_person(office, "dave").person == person
        assert people.sign_out_everywhere(office, root, person)


def test_nothing_is_changed_without_its_record(
    office: Office, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
):
    """When the audit log cannot be written, nobody is added or changed."""
    person = add(office, password=WORDS)

    def full(event: AuditEvent) -> None:
        raise AuditFailure("the disk is full")

    monkeypatch.setattr(sink, "record", full)
    for change in (
        lambda: add(office, "erin"),
        lambda: people.edit_person(office, ALICE, person, disabled=True),
        lambda: people.set_password(office, ALICE, person, WORDS + "!"),
        lambda: people.remove_person(office, ALICE, person),
        lambda: people.sign_out_everywhere(office, ALICE, person),
    ):
        with pytest.raises(AuditFailure):
            change()

    assert people.find_person(office, "dave").person == person
    assert people.list_people(office).total == 3


def test_without_a_store(make_office: Callable[..., Office]):
    """Accounts are those of the settings; nobody can be added."""
    office = make_office()

    assert people.list_people(office).total == 2
    with pytest.raises(StoreReadOnly, match="AUTHZ_STORE"):
        add(office)


def test_a_change_that_fails_at_the_last_moment_is_said(
    office: Office, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
):
    """The record says it was made; the next one that it was not."""

    def broken(person: Person, *, check: object, witness: Callable[..., None]) -> None:
        witness(None, person)
        raise StoreError("the disk is full")

    monkeypatch.setattr(type(office.people), "add", staticmethod(broken))
    with pytest.raises(StoreError):
        add(office)

    assert tags(sink) == ["person:added", "person:change-failed"]


def test_people_of_a_provider_have_no_password_here(office: Office):
    """They cannot be given one."""
    bob = people.find_person(office, "bob").person

    with pytest.raises(NotFound, match="no password here"):
        people.set_password(
            office, ALICE, replace(bob, id="sso/bob", source="sso"), WORDS
        )


@pytest.mark.parametrize(
    ("password", "fine"),
    [
        ("four quiet words", True),
        ("fifteen chars!!", True),
        ("fourteen chars", False),
        ("e\u0301" * 8, False),
        ("aaaaaaaaaaaaaaaaaaaa", False),
        ("alicealicealicealice", False),
        ("ALICE alice ALICE alice", False),
        ("p\u00e4sse \u2014 \U0001f3b5 \u97f3\u697d \u0431\u0435\u0433", True),
    ],
)
def test_what_a_password_must_be(password: str, fine: bool):
    """Long enough as it is hashed, and no pattern."""
    assert (password_problem(password, id="alice") is None) is fine
