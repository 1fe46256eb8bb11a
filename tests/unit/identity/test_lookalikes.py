"""Ids that a reader would take for one another."""

import pytest

from authz.identity.lookalikes import skeletons


def alike(one: str, other: str) -> bool:
    """Return whether the two would be mistaken for one another."""
    return not skeletons(one).isdisjoint(skeletons(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("admin", "Admin"),
        ("admin", "ADMIN"),
        ("admin", "аdmin"),  # noqa: RUF001 - Cyrillic, which is the point
        ("admin", "admın"),  # noqa: RUF001 - dotless i
        ("admin", "ａｄｍｉｎ"),  # noqa: RUF001 - full width
        ("env-admin", "еnv-аdmіn"),  # noqa: RUF001 - mixed
        ("Ivan", "lvan"),
        ("paul", "pau1"),
        ("modern", "modem"),
        ("bob0", "bobO"),
        ("bob", "B0B"),
        ("bob", "b0b"),
        ("bob", "ВОВ"),  # noqa: RUF001 - Cyrillic, all of it
        ("ορφεας", "oρφεας"),  # noqa: RUF001 - a Latin o in a Greek name
        ("José", "José"),
        ("copy", "сору"),  # noqa: RUF001 - all of it Cyrillic
    ],
)
def test_they_look_alike(one: str, other: str):
    """In case, in width, in alphabets, and in what is written as two letters."""
    assert alike(one, other)
    assert alike(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice", "bob"),
        ("ali", "all"),
        ("anna", "hanna"),
        ("user1", "user2"),
        ("user-1", "user.1"),
        ("anna", "аннa"),  # noqa: RUF001
        ("Иван", "Иванна"),
        ("李雷", "李蕾"),
        ("σοφια", "σοφιε"),
        ("jose", "josé"),
    ],
)
def test_they_do_not(one: str, other: str):
    """People who write in other alphabets keep their names."""
    assert not alike(one, other)
