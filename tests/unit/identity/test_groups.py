"""Groups as values: delivered, nameable, dropped, and nearly named."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.identity.groups import (
    groups_in_list,
    groups_in_text,
    is_cut_ldap_name,
    near_misses,
    undeliverable,
)
from authz.identity.why import Refused

HEADER = "the header `Remote-Groups`"


@given(st.text(max_size=200), st.sampled_from([",", ";", "|", None]))
def test_every_piece_is_named_or_dropped(text: str, separator: str | None):
    """Nothing that was delivered is lost without a trace."""
    try:
        groups = groups_in_text(text, place=HEADER, separator=separator)
    except Refused as error:
        assert error.place == HEADER
        return
    pieces = [text] if separator is None else text.split(separator)
    pieces = [piece.strip() for piece in pieces if piece.strip()]
    assert len(groups.delivered) == len(pieces)
    assert len(groups.names) + len(groups.dropped) <= len(pieces)
    for piece, shown in zip(pieces, groups.delivered, strict=True):
        dropped = any(shown == one.text for one in groups.dropped)
        assert (f"group:{piece}" in groups.names) != dropped


@pytest.mark.parametrize(
    ("pieces", "cut"),
    [
        (["CN=a", "OU=b", "DC=c"], True),
        (["cn = a"], True),
        (["users", "DC=c"], True),
        (["2.5.4.3=a", "1.2.840=b"], True),
        (["O=Example", "C=US"], True),
        (["users", "music fans"], False),
        (["o=1"], False),
        (["a=b", "env=prod"], False),
        ([], False),
    ],
)
def test_parts_of_an_ldap_name_are_recognised(pieces: list[str], *, cut: bool):
    """By the attributes that directories use."""
    assert is_cut_ldap_name(pieces) is cut


CUT_ELSEWHERE = [
    ["CN=a", "OU=b", "DC=c"],
    ["users", "cn=a", "dc=c", "CN=x,OU=y"],
    ["CN=Friends\\", " Family,OU=b"],
    ['CN="Friends', 'Family",OU=b'],
]


@pytest.mark.parametrize("pieces", CUT_ELSEWHERE, ids=str)
def test_parts_that_somebody_else_has_cut_are_recognised(pieces: list[str]):
    """In a list, and in a text with another separator than LDAP's own."""
    for cut in (
        lambda: groups_in_list(pieces, place="x"),
        lambda: groups_in_text(";".join(pieces), place="x", separator=";"),
        lambda: groups_in_text("|".join(pieces), place="x", separator="|"),
    ):
        with pytest.raises(Refused, match="ldap-name-cut"):
            cut()


def test_whole_ldap_names_in_a_list_are_groups():
    """Nothing cuts a list."""
    names = ["CN=music-admins,OU=Groups,DC=example,DC=org", "cn=a,o=b", "cn=c", "users"]
    expected = {f"group:{name}" for name in names}

    assert groups_in_list(names, place="x").names == expected
    text = ";".join(names)
    assert groups_in_text(text, place="x", separator=";").names == expected


@pytest.mark.parametrize(
    ("separators", "found"),
    [
        ({HEADER: ","}, {"group:Friends, Family"}),
        ({HEADER: ";"}, set()),
        ({HEADER: ",", "the claim `groups`": None}, set()),
        ({HEADER: ",", "the claim `groups`": ","}, {"group:Friends, Family"}),
        ({}, {"group:Friends, Family", "group:users"}),
    ],
)
def test_a_group_that_holds_every_separator_never_arrives(
    separators: Mapping[str, str | None], found: set[str]
):
    """Unless one place delivers groups whole; where there is no place, none does."""
    named = ["group:Friends, Family", "group:users"]

    assert {name for name, _ in undeliverable(named, separators)} == found


def test_a_group_that_would_be_dropped_never_arrives():
    """Whatever separates it from others."""
    [(name, why)] = undeliverable(["group:{all}"], {HEADER: ";"})

    assert name == "group:{all}"
    assert "placeholder" in why


@pytest.mark.parametrize(
    ("delivered", "how"),
    [
        ("Admins", "differs from `admins` only in case"),
        ("ADMINS", "differs from `admins` only in case"),
        ("/admins", "is Keycloak's full path of `admins`"),
        ("/music/Admins", "is Keycloak's full path of `admins`"),
        ("CORP\\admins", "is `admins` with a Windows domain before it"),
        ("admins@example.org", "is `admins` with a domain behind it"),
        ("CN=admins,OU=Groups,DC=example", "is the LDAP name of `admins`"),
        ("ROLE_admins", "is `admins` with `ROLE_` before it"),
        ("music,admins", "looks like a list with `admins` in it: set the separator"),
        ("music; admins", "looks like a list with `admins` in it: set the separator"),
        ("\u0430dmins", "looks like `admins` and has other letters"),
        ("adm\u0131ns", "looks like `admins` and has other letters"),
    ],
)
def test_a_near_miss_is_named(delivered: str, how: str):
    """The usual reasons why a right-looking group gives no role."""
    [near] = near_misses([delivered], ["group:admins"])

    assert str(near) == f"`{delivered}` {how}"


@pytest.mark.parametrize(
    ("delivered", "named"),
    [
        ("music-fans", "music fans"),
        ("Music_Fans", "music fans"),
        ("music", "/music"),
        ("Cafe\u0301", "Café"),
    ],
)
def test_other_near_misses(delivered: str, named: str):
    """Marks, paths the other way round, and letters that are not composed."""
    [near] = near_misses([delivered], [f"group:{named}"])

    assert near.named == named


def test_a_hit_is_no_near_miss_and_neither_is_another_name():
    """Only what nearly fits is told."""
    assert near_misses(["admins", "staff", "", "adm"], ["group:admins"]) == ()
