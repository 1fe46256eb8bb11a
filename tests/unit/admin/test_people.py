"""People are added, changed and removed, each with its record, and never the last."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from authz.admin import people
from authz.admin.context import Actor, AdminContext
from authz.admin.rules import grant_row
from authz.audit import AuditEvent, EventTag
from authz.decision import signed_in
from authz.errors import (
    AuditFailure,
    LastAdmin,
    LockedOut,
    NotFound,
    PolicyError,
    StoreError,
)
from authz.identity.accounts import hash_password
from authz.identity.passwords import password_problem
from authz.identity.people import Person
from authz.policy.records import Add
from tests.unit.admin.conftest import ALICE, POLICY, do
from tests.web.apps import RecordingSink

WORDS = "paper boat harbour lamp"


@pytest.fixture(name="context", params=["file and database", "database"])
def _office(
    request: pytest.FixtureRequest,
    make_context: Callable[..., AdminContext],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AdminContext:
    """Return a context with people in a database, and rules in a file or there."""
    url = f"sqlite:///{tmp_path}/authz.db"
    if request.param == "file and database":
        return make_context(AUTHZ_STORE=url)
    (tmp_path / "policy.csv").write_text(POLICY)
    monkeypatch.chdir(tmp_path)  # an empty database begins with the file there
    return make_context(AUTHZ_POLICY=None, AUTHZ_STORE=url)


def add(context: AdminContext, id_: str = "dave", **more: object) -> Person:
    """Add a person."""
    return people.add_person(context, ALICE, id=id_, **more).person


def tags(sink: RecordingSink) -> list[str]:
    """Return the kinds of events about people."""
    return [tag for tag in sink.tags if tag.startswith("person:")]


def test_an_account(context: AdminContext, sink: RecordingSink):
    """It can sign in at once; the record has neither its password nor the hash."""
    person = add(context, display_name="Dave", password=WORDS)

    assert context.runtime.accounts.authenticate("dave", WORDS).name == "dave"
    (event,) = [e for e in sink.events if e.tag is EventTag.PERSON_ADDED]
    assert event.subject == "user:alice"
    assert event.about == "user:dave"
    assert "password: set" in event.after
    assert WORDS not in event.as_json()
    assert person.password_hash not in event.as_json()
    assert person.created is not None


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
    context: AdminContext, sink: RecordingSink, arguments: dict[str, str], where: str
):
    """It is said at once, without repeating a password, and nobody is added."""
    with pytest.raises(PolicyError) as caught:
        people.add_person(context, ALICE, **arguments)

    assert [p.where for p in caught.value.problems] == [where]
    if where == "password":
        assert arguments["password"] not in str(caught.value)
    assert people.list_people(context).total == 2
    assert tags(sink) == []


def test_disabling(context: AdminContext, sink: RecordingSink):
    """Who is disabled is refused from now on; enabling lets them in again."""
    person = add(context, password=WORDS)

    off = people.edit_person(context, ALICE, person, disabled=True).person
    assert off.disabled
    assert "user:dave" in context.runtime.accounts.refused
    on = people.edit_person(
        context, ALICE, off, disabled=False, display_name="David"
    ).person

    assert "user:dave" not in context.runtime.accounts.refused
    assert on.display_name == "David"
    event = [e for e in sink.events if e.tag is EventTag.PERSON_CHANGED][-1]
    assert event.before == ("display_name: dave", "disabled: yes")
    assert event.after == ("display_name: David", "disabled: no")
    people.remove_person(context, ALICE, on)
    with pytest.raises(NotFound, match="dave"):
        people.edit_person(context, ALICE, on, disabled=True)


class TestAdministrators:
    @pytest.fixture(name="dave")
    def _dave(self, context: AdminContext) -> Actor:
        """Return a second administrator, who lives in the database."""
        add(context, password=WORDS)
        do(context, Add(row=grant_row(member="user:dave", role="role:admin")))
        subject = signed_in("user:dave", source="local", display_name="Dave")
        return Actor(subject=subject)

    def test_nobody_removes_themselves(
        self, context: AdminContext, dave: Actor, sink: RecordingSink
    ):
        """Nor disables, nor takes away their own password; the attempt is recorded."""
        person = people.find_person(context, "dave").person

        for change in (
            lambda: people.remove_person(context, dave, person),
            lambda: people.edit_person(context, dave, person, disabled=True),
            lambda: people.set_password(context, dave, person, ""),
        ):
            with pytest.raises(LockedOut):
                change()

        assert tags(sink)[-3:] == ["person:change-refused"] * 3
        assert people.set_password(context, dave, person, WORDS + " too")

    def test_one_remains(
        self,
        make_context: Callable[..., AdminContext],
        tmp_path: Path,
        sink: RecordingSink,
    ):
        """The only one who can sign in is neither removed, disabled nor shut out."""
        context = make_context(
            "p, role:admin, /*, *\ng, user:dave, role:admin\n",
            AUTHZ_STORE=f"sqlite:///{tmp_path}/one.db",
            AUTHZ_ADMIN="",
            AUTHZ_ADMIN_PASSWORD="",
        )
        root = Actor(
            subject=signed_in("token:root", source="token", display_name="root")
        )
        person = people.add_person(
            context, root, id="dave", password=WORDS, inherit=True
        ).person

        for change in (
            lambda: people.remove_person(context, root, person),
            lambda: people.edit_person(context, root, person, disabled=True),
            lambda: people.set_password(context, root, person, ""),
        ):
            with pytest.raises(LastAdmin):
                change()

        assert tags(sink)[-3:] == ["person:change-refused"] * 3
        assert people.find_person(context, "dave").person == person
        assert people.sign_out_everywhere(context, root, person)


def test_nothing_is_changed_without_its_record(
    context: AdminContext, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
):
    """When the audit log cannot be written, nobody is added or changed."""
    person = add(context, password=WORDS)

    def full(event: AuditEvent) -> None:
        raise AuditFailure("the disk is full")

    monkeypatch.setattr(sink, "record", full)
    for change in (
        lambda: add(context, "erin"),
        lambda: people.edit_person(context, ALICE, person, disabled=True),
        lambda: people.set_password(context, ALICE, person, WORDS + "!"),
        lambda: people.remove_person(context, ALICE, person),
        lambda: people.sign_out_everywhere(context, ALICE, person),
    ):
        with pytest.raises(AuditFailure):
            change()

    assert people.find_person(context, "dave").person == person
    assert people.list_people(context).total == 3


def test_a_change_that_fails_at_the_last_moment_is_said(
    context: AdminContext, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
):
    """The record says it was made; the next one that it was not."""

    def broken(
        person: Person, *, check: object, before_commit: Callable[..., None]
    ) -> None:
        before_commit(None, person)
        raise StoreError("the disk is full")

    monkeypatch.setattr(type(context.people), "add", staticmethod(broken))
    with pytest.raises(StoreError):
        add(context)

    assert tags(sink) == ["person:added", "person:change-failed"]


def test_people_of_a_provider_have_no_password_here(context: AdminContext):
    """They cannot be given one."""
    bob = people.find_person(context, "bob").person

    with pytest.raises(NotFound, match="no password here"):
        people.set_password(
            context, ALICE, replace(bob, id="sso/bob", source="sso"), WORDS
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
        ("alice-alice-alice", False),
        ("a.l.i.c.e.alice.alice", False),
        ("ecila_ecila_ecila1", False),
        ("password1234567", False),
        ("Passw0rd!Passw0rd!", False),
        ("qwertyuiopasdfgh", False),
        ("1qaz2wsx3edc4rfv", False),
        ("abcd abcd abcd abcd", False),
        ("\u00e4lice-\u00e4lice-\u00e4lice", False),
        ("4l1c3-4l1c3-4l1c3", False),
        ("pa$$word1234567", False),
        ("Summer2026!Summer", False),
        ("alice2026alice2026", False),
        ("january-february", False),
        ("1q2w3e4r5t6y7u8", False),
        ("1111222233334444", False),
        ("\u043c\u0443\u0437\u044b\u043a\u0430" * 3, False),
        ("password!@#$%^&*()", False),
        # Its name is the same in each process that collects it; its salt is not.
        pytest.param(hash_password("four quiet words"), False, id="a hash"),
        ("Summer rain falls softly", True),
        ("alice likes red tulips", True),
        ("9f86d081884c7d659a2f", True),
        ("p\u00e4sse \u2014 \U0001f3b5 \u97f3\u697d \u0431\u0435\u0433", True),
    ],
)
def test_what_a_password_must_be(password: str, fine: bool):
    """Long enough as it is hashed, and no pattern."""
    assert (password_problem(password, id="alice") is None) is fine
