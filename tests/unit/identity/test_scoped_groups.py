"""Groups whose names hold a scope give a role there, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.decision import signed_in
from authz.errors import InvalidValue
from authz.identity.scoped_groups import ScopedGroup, with_scoped
from authz.scope import pattern_problem

MUSIC = ScopedGroup.parse("music-{library} user")
ADMINS = ScopedGroup.parse("group:{library}-admins role:admin")


@pytest.mark.parametrize(
    ("group", "scope"),
    [
        ("music-kids", "library:kids"),
        ("music-a b/é", "library:a b/é"),
        ("music-", None),
        ("music-*", None),
        ("music-..", None),
        ("music- kids", None),
        ("music-a\\b", None),
        ("music-%2e", None),
        ("music", None),
        ("Music-kids", None),
        ("xmusic-kids", None),
        ("music-" + "x" * 300, None),
    ],
)
def test_which_scope_is_in_a_name(group: str, scope: str | None):
    """What is no id of one scope gives nothing, above all not every scope."""
    assert MUSIC.scope_of(group) == scope


@pytest.mark.parametrize(
    "text",
    [
        "",
        "music-kids user",
        "{library} user",
        "music-{library}",
        "music-{library}-{server} user",
        "music-{Library} user",
        "music-{} user",
        "music-{library user",
        "music-}{library} user",
        "music-{library} role:",
        "music-{library} group:x",
        "music-{library} role:everyone",
        "music-{library} a\x00b",
    ],
)
def test_what_is_no_pattern_is_refused(text: str):
    """It is said at the start, with the way to write it."""
    with pytest.raises(InvalidValue):
        ScopedGroup.parse(text)


def test_roles_are_held_in_the_scopes_of_the_groups():
    """Each pattern counts; other groups and the names everywhere stay as they are."""
    groups = frozenset(
        {"group:music-kids", "group:music-old", "group:kids-admins", "group:x"}
    )
    who = signed_in("user:sso/bob", source="jwt", display_name="Bob", groups=groups)
    found = with_scoped(who, (MUSIC, ADMINS))

    assert dict(found.scoped) == {
        "role:admin": {"library:kids"},
        "role:user": {"library:kids", "library:old"},
    }
    assert found.names == who.names
    assert found.names_in("library:old") == who.names | {"role:user"}
    assert found.names_in("library:other") == who.names
    assert with_scoped(who, (ScopedGroup.parse("tv-{library} user"),)) is who


@given(st.text(max_size=40))
def test_no_name_of_a_group_gives_more_than_one_scope(name: str):
    """Whatever a provider sends behind the prefix."""
    scope = MUSIC.scope_of(f"music-{name}")

    if scope is not None:
        assert scope == f"library:{name}"
        assert pattern_problem(scope) is None
        assert not scope.endswith(":*")
