"""A change of the policy is looked at, checked, written down, and only then made."""

from collections.abc import Callable
from pathlib import Path

import pytest

from authz.admin import changes
from authz.admin.context import Actor, AdminContext
from authz.admin.rules import grant_row
from authz.audit import EventTag
from authz.decision import AccessRequest, signed_in
from authz.errors import (
    LockedOut,
    NotFound,
    PolicyError,
    StoreError,
)
from authz.policy.records import Add, Change, Remove, Replace, Switch
from authz.policy.written_rule import WrittenRule
from authz.stores.file import policy
from tests.unit.admin.conftest import ALICE, do, draft
from tests.web.apps import RecordingSink

CHAT = Add(row=WrittenRule(subject="role:user", path="/talk", methods=("GET",)).row())


def text(context: AdminContext) -> str:
    """Return the policy file."""
    return Path(context.settings.policy).read_text()


def may(context: AdminContext, name: str, method: str, path: str) -> bool:
    """Return what the policy in force says."""
    subject = signed_in(name, source="local", display_name=name)
    return bool(
        context.policy.decide(AccessRequest(subject=subject, path=path, method=method))
    )


def test_a_change_is_in_force_at_once(context: AdminContext, sink: RecordingSink):
    """Whoever applies a change sees it with the next request, and so does the log."""
    assert not may(context, "user:bob", "GET", "/talk")
    before = changes.state(context).etag

    revision = do(context, CHAT, note="talk again")

    assert may(context, "user:bob", "GET", "/talk")
    (event,) = [e for e in sink.events if e.tag is EventTag.POLICY_CHANGED]
    assert event.subject == "user:alice"
    assert event.peer == "192.0.2.1"
    assert event.request_id == "abc"
    assert event.note == "talk again"
    assert event.before == ()
    assert event.after == ("p, role:user, /talk, GET",)
    assert event.revision == context.policy.revision
    assert event.detail == {
        "number": str(revision.number),
        "etag_before": before,
        "etag": revision.etag,
    }


def test_a_preview_of_nothing(context: AdminContext):
    """A draft without changes is fine and does nothing."""
    seen = changes.preview(context, ALICE, draft(context))

    assert (seen.added, seen.removed, seen.problems) == ((), (), ())
    assert seen.before
    assert seen.after
    assert seen.before.revision == seen.after.revision


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([grant_row(member="role:admin", role="role:editor"),
          grant_row(member="role:user", role="role:admin")], "circle"),
        ([grant_row(member="role:everyone", role="role:admin")], "anybody"),
        ([grant_row(member="auth:anonymous", role="role:admin")], "anybody"),
    ],
)  # fmt: skip
def test_a_policy_that_cannot_be_is_refused(
    context: AdminContext, rows: list[object], why: str
):
    """The preview says why, and applying it does nothing."""
    file = text(context)
    wanted = draft(context, *(Add(row=row) for row in rows))

    assert why in str(changes.preview(context, ALICE, wanted).problems[0])
    with pytest.raises(PolicyError, match=why):
        changes.apply(context, ALICE, wanted, note="")

    assert text(context) == file


def own_ways_out(context: AdminContext) -> list[list[Change]]:
    """Return ways for alice to lose the administration, others keeping it."""
    everything = next(
        e for e in changes.state(context).entries if e.row.fields[:1] == ("role:admin",)
    )
    others = [
        Add(row=WrittenRule(subject="group:music-admins", path="/*").row()),
        Add(row=WrittenRule(subject="role:admin", path="/map").row()),
    ]
    return [
        [
            Add(
                row=WrittenRule(
                    subject="user:alice", path="/authz/*", effect="deny"
                ).row()
            )
        ],
        [Add(row=WrittenRule(subject="auth:local", path="/*", effect="deny").row())],
        [
            Add(
                row=WrittenRule(
                    subject="user:alice",
                    path="/authz/api/v1/changes",
                    methods=("POST",),
                    effect="deny",
                ).row()
            )
        ],
        [*others, Remove(id=everything.id)],
        [*others, Switch(id=everything.id, disabled=True)],
        [
            Replace(
                id=everything.id,
                row=WrittenRule(
                    subject="role:admin", path="/*", methods=("GET",)
                ).row(),
            )
        ],
    ]


@pytest.mark.parametrize("way", range(6))
def test_nobody_locks_themselves_out(
    context: AdminContext, sink: RecordingSink, way: int
):
    """Who administers cannot take that from themselves; the attempt is recorded."""
    file = text(context)
    wanted = draft(context, *own_ways_out(context)[way])

    assert "user:alice" in str(changes.preview(context, ALICE, wanted).problems[0])
    with pytest.raises(LockedOut):
        changes.apply(context, ALICE, wanted, note="oops")

    assert text(context) == file
    assert [(e.tag, e.reason) for e in sink.events] == [
        (EventTag.POLICY_CHANGE_REFUSED, "locked-out")
    ]


def test_another_administrator_may(make_context: Callable[..., AdminContext]):
    """What would lock out alice can be done by somebody of the group."""
    context = make_context(AUTHZ_PROXY_PRESET="authelia", AUTHZ_TRUSTED_PROXIES="::1")
    mallory = Actor(
        subject=signed_in(
            "user:authelia/root",
            source="headers",
            display_name="root",
            groups=frozenset({"group:music-admins"}),
        )
    )
    wanted = draft(context, own_ways_out(context)[0][0])

    changes.apply(context, mallory, wanted, note="alice is on holiday")

    assert not may(context, "user:alice", "GET", "/authz/api/v1/rules")


def test_an_entry_that_is_not_there(context: AdminContext):
    """Neither can be looked at nor changed."""
    wanted = draft(context, Remove(id="L999"))

    with pytest.raises(NotFound, match="L999"):
        changes.preview(context, ALICE, wanted)
    with pytest.raises(NotFound, match="L999"):
        changes.apply(context, ALICE, wanted, note="")


@pytest.mark.parametrize("note", ["a\nb", "\x1b[2J", "\u202e", "x" * 501])
def test_a_note_is_one_plain_line(context: AdminContext, note: str):
    """Nothing that could forge a line or hide one is kept."""
    with pytest.raises(PolicyError, match="the note"):
        do(context, CHAT, note=note)


def test_a_change_that_fails_at_the_last_moment_is_said(
    context: AdminContext, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
):
    """The record says it was made; the next record says that it was not."""

    def broken(target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(policy, "_keep_previous", broken)
    with pytest.raises(StoreError):
        do(context, CHAT)

    assert [e.tag for e in sink.events] == [
        EventTag.POLICY_CHANGED,
        EventTag.POLICY_CHANGE_FAILED,
    ]
    assert not may(context, "user:bob", "GET", "/talk")
