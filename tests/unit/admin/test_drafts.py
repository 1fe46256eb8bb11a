"""A draft is put together, carried about, and built on a new state."""

import json

import pytest

from authz.admin import changes, decisions, drafts
from authz.admin.changes import Draft
from authz.admin.context import AdminContext
from authz.admin.rules import grant_row
from authz.errors import NotFound, PolicyError, StoreConflict
from authz.policy.records import Add, Remove, Replace, Switch
from authz.policy.written_rule import WrittenRule
from tests.unit.admin.conftest import ALICE, do, draft

TALK = Add(row=WrittenRule(subject="role:user", path="/talk").row(), note="again")


def entry_id(context: AdminContext, path: str) -> str:
    """Return the id of the rule for *path*."""
    return next(
        e.id for e in changes.state(context).entries if path in e.row.fields[1:2]
    )


def full(context: AdminContext) -> Draft:
    """Return a draft with a change of each kind."""
    return drafts.amended(
        context,
        drafts.begin(context),
        TALK,
        Switch(id=entry_id(context, "/map"), disabled=True),
        Switch(id=entry_id(context, "/chat"), disabled=False),
        Replace(
            id=entry_id(context, "/api/playlists/*"),
            row=WrittenRule(subject="role:editor", path="/api/*").row(),
            note="more",
        ),
    )


def test_it_grows_step_by_step(context: AdminContext):
    """Each step is looked at when it is taken."""
    draft = full(context)

    seen = changes.preview(context, ALICE, draft)

    assert seen.problems == ()
    assert sorted(seen.added) == [
        "p, role:editor, /api/*, *",
        "p, role:user, /chat, POST",
        "p, role:user, /talk, *",
    ]
    assert len(drafts.without(draft, 0).changes) == 3
    with pytest.raises(NotFound):
        drafts.without(draft, 4)
    with pytest.raises(NotFound):
        drafts.amended(context, draft, Remove(id="L999"))


def test_it_is_carried_as_text(context: AdminContext):
    """Whatever is in it comes back."""
    draft = full(context)

    text = drafts.as_text(draft)
    back = drafts.from_text(text)

    assert back.base == draft.base
    assert [type(c) for c in back.changes] == [type(c) for c in draft.changes]
    assert drafts.as_text(back) == text
    assert changes.preview(context, ALICE, back).added == (
        changes.preview(context, ALICE, draft).added
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        '{"base": 1, "changes": [], "about": {}}',
        '{"base": "", "changes": {}, "about": []}',
        '{"base": "", "changes": [{}], "about": {}}',
        '{"base": "", "changes": [{"do": "drop"}], "about": {}}',
        '{"base": "", "changes": [{"do": "remove", "id": 7}], "about": {}}',
        '{"base": "", "changes": [{"do": "remove", "id": "L1"}], "about": {"L1": 7}}',
        json.dumps(
            {
                "base": "",
                "about": {},
                "changes": [{"do": "add", "row": ["p", "a\np, x, /*, *"], "note": ""}],
            }
        ),
        json.dumps(
            {"base": "", "about": {}, "changes": [{"do": "remove", "id": "1"}] * 501}
        ),
    ],
)
def test_what_is_no_draft(text: str):
    """Nothing but a draft is taken for one."""
    with pytest.raises(NotFound):
        drafts.from_text(text)


def test_somebody_else_was_faster(context: AdminContext):
    """It is not amended over their change; built anew it finds its entries again."""
    draft = full(context)
    do(context, Add(row=WrittenRule(subject="role:user", path="/early").row()))
    do(context, Remove(id=entry_id(context, "/chat")))

    with pytest.raises(StoreConflict):
        drafts.amended(context, draft, TALK)
    again, lost = drafts.rebased(context, draft)

    assert lost == ("p, role:user, /chat, POST",)
    seen = changes.preview(context, ALICE, again)
    assert seen.problems == ()
    assert sorted(seen.added) == [
        "p, role:editor, /api/*, *",
        "p, role:user, /talk, *",
    ]
    assert sorted(seen.removed) == [
        "p, role:editor, /api/playlists/*, GET|POST",
        "p, role:user, /map, GET",
    ]


def test_somebody_else_did_the_same(context: AdminContext):
    """What is there already is not added again."""
    draft = full(context)
    do(context, TALK)

    again, lost = drafts.rebased(context, draft)

    assert lost == ("p, role:user, /talk, *",)
    assert len(again.changes) == 3


def test_a_question_under_a_draft(context: AdminContext):
    """It can be put to the policy that a draft would make, if that can be one."""
    more = draft(context, Add(row=grant_row(member="user:dave", role="role:editor")))
    policy = decisions.policy_for(context, ALICE, more)
    dave = decisions.named(context, "dave")

    assert not decisions.check(context, dave, "GET", "/map").allowed
    assert decisions.check(context, dave, "GET", "/map", policy=policy).allowed
    assert decisions.policy_for(context, ALICE) is context.policy

    worse = Add(row=WrittenRule(subject="user:alice", path="/*", effect="deny").row())
    with pytest.raises(PolicyError, match="user:alice"):
        decisions.policy_for(context, ALICE, draft(context, worse))
