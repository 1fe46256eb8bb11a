"""Rules, grants and roles as an administrator sees them."""

from collections.abc import Callable

import pytest

from authz.admin import roles, rules
from authz.admin.context import AdminContext
from authz.admin.pagination import MAX_LIMIT, paged
from authz.errors import NotFound, PolicyError
from authz.policy.written_rule import WrittenRule


@pytest.mark.parametrize(
    ("narrowed", "paths"),
    [
        ({"search": "PLAY"}, ["/api/playlists/*"]),
        ({"search": "all of"}, ["/*"]),
        ({"subject": "role:user"}, ["/map", "/chat"]),
        ({"effect": "deny"}, []),
        ({"path": "/api/playlists/7"}, ["/*", "/api/playlists/*"]),
        ({"path": "/map", "subject": "role:user"}, ["/map"]),
    ],
)
def test_rules_are_found(
    context: AdminContext, narrowed: dict[str, str], paths: list[str]
):
    """By a word, a subject, an effect, or the path of a request."""
    assert [r.path for r in rules.list_rules(context, **narrowed).items] == paths


def test_pages():
    """A page says what comes next, and never holds more than the most."""
    first = paged(range(1200), limit=10_000)
    assert len(first.items) == MAX_LIMIT
    assert first.next_offset == MAX_LIMIT
    assert paged(range(3), limit=2, offset=2).next_offset is None
    assert paged(range(3), limit=0, offset=-5).items == (0,)
    assert paged(range(3), offset=7).next_offset is None


def test_one_of_them(context: AdminContext):
    """An entry is found by its id, and only as what it is."""
    rule = rules.list_rules(context).items[0]
    grant = rules.list_grants(context, member="user:carol").items[0]

    assert rules.find_rule(context, rule.id)[0] == rule
    assert rules.find_grant(context, grant.id)[0] == grant
    for find, wrong in (
        (rules.find_rule, grant.id),
        (rules.find_grant, rule.id),
        (rules.find_rule, "L999"),
        (rules.find_grant, ""),
    ):
        with pytest.raises(NotFound):
            find(context, wrong)


def test_a_row_that_is_wrong_by_itself():
    """All that is wrong with a rule or grant is said at once."""
    with pytest.raises(PolicyError) as caught:
        WrittenRule(subject="admin", path="map", methods=("get",), effect="maybe").row()
    assert len(caught.value.problems) == 4

    with pytest.raises(PolicyError):
        rules.grant_row(member="user:x", role="group:y")


def test_roles(context: AdminContext):
    """A role has members, rules, and what it inherits."""
    found, etag = roles.list_roles(context)

    assert [r.name for r in found] == ["role:admin", "role:editor", "role:user"]
    editor = found[1]
    assert [g.member for g in editor.members] == ["user:carol"]
    assert [g.role for g in editor.inherits] == ["role:user"]
    assert editor.holds == ("role:user",)
    assert [r.path for r in editor.rules] == ["/api/playlists/*"]
    assert roles.find_role(context, "role:editor") == (editor, etag)
    with pytest.raises(NotFound):
        roles.find_role(context, "role:nobody")


def test_a_disabled_grant_gives_nothing(make_context: Callable[..., AdminContext]):
    """It is listed with the role, and nobody holds the role by it."""
    context = make_context(
        "p, role:admin, /*, *\n# disabled: g, user:carol, role:admin\n"
    )

    assert [g.member for g in roles.find_role(context, "role:admin")[0].members] == [
        "user:alice",
        "user:carol",
    ]
    assert roles.held_roles(context, ["user:carol"]) == ()
