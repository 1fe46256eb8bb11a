"""What stands for a password: a password, a hash, or what was left of one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.identity.accounts import hash_password
from authz.identity.password_hashes import HashKind, hash_kind

ARGON2ID = (
    "$argon2id$v=19$m=47104,t=1,p=1"
    "$OkKPvwQHc7WEeWA0qZP62w$DmfEZbkvlJ1w2npcnixg79WEyjnrLzQ8Cpf/YeAX54M"
)
#: One of each usual scheme, as the tools that make them write them.
OTHERS = [
    ARGON2ID.replace("argon2id", "argon2i"),
    "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
    "$6$rounds=5000$saltsalt$a1b2/C3d4.E5f6a1b2/C3d4.E5f6a1b2/C3d4.E5f6a1b2/C3d4",
    "$6$saltsalt$a1b2/C3d4.E5f6a1b2/C3d4.E5f6a1b2/C3d4.E5f6a1b2/C3d4.E5f6a1b2",
    "$scrypt$ln=16,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
    "$pbkdf2-sha256$29000$c2FsdHNhbHQ$aGFzaGhhc2g",
    "$apr1$abcdefgh$0123456789abcdefghijkl",
    "$y$j9T$abcdefgh$0123456789abcdef",
    "scrypt:32768:8:1$c2FsdHNhbHQ$0123456789abcdef",
    "pbkdf2:sha256:600000$c2FsdHNhbHQ$0123456789abcdef",
    "pbkdf2_sha256$600000$c2FsdHNhbHQ$0123456789abcdef=",
    "{SSHA}c2FsdHNhbHRzYWx0c2FsdA==",
    "admin:$2y$05$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
]


def eaten(text: str) -> str:
    """Return what is left of *text* in a compose file: `$x` is a variable."""
    return re.sub(r"\$[_a-zA-Z][_a-zA-Z0-9]*", "", text)


def eaten_by_a_shell(text: str) -> str:
    """Return what is left of *text* in double quotes of a shell."""
    return re.sub(r"\$(?:\d|[_a-zA-Z][_a-zA-Z0-9]*)", "", text)


def test_a_whole_argon2id_hash_can_be_used():
    """As argon2 writes it, whatever its costs are."""
    assert hash_kind(ARGON2ID) is HashKind.ARGON2ID
    assert hash_kind(hash_password("a password")) is HashKind.ARGON2ID


@pytest.mark.parametrize("text", OTHERS)
def test_a_hash_of_another_scheme_is_no_password(text: str):
    """It would be the password itself: whoever reads the file could sign in."""
    assert hash_kind(text) is HashKind.OTHER


@pytest.mark.parametrize("text", [ARGON2ID, *OTHERS])
def test_doubled_and_escaped_dollars_make_no_password(text: str):
    """Where they are not undone, the text is no hash that could be used."""
    for damaged in (text.replace("$", "$$"), text.replace("$", r"\$")):
        assert hash_kind(damaged) not in {HashKind.PASSWORD, HashKind.ARGON2ID}


@pytest.mark.parametrize("text", [ARGON2ID, *OTHERS[:6], *OTHERS[8:10]])
def test_what_a_variable_took_away_leaves_no_password(text: str):
    """Eaten by compose or a shell; other schemes leave nothing that tells of them."""
    for damaged in (eaten(text), eaten_by_a_shell(text)):
        assert hash_kind(damaged) not in {HashKind.PASSWORD, HashKind.ARGON2ID}


@pytest.mark.parametrize(
    "damaged",
    [
        "=19=47104,t=1,p=1",
        "=19=47104,t=1,p=1+Zm9v/YmFy",
        "=19",
        ARGON2ID[1:],
        ARGON2ID.replace("$", "$$"),
        "$argon2id",
        "$argon2id$v=19$m=47104,t=1,p=1",
    ],
)
def test_pieces_of_an_argon2id_hash_are_damaged(damaged: str):
    """What tools are known to leave."""
    assert hash_kind(damaged) is HashKind.DAMAGED


@pytest.mark.parametrize("text", [ARGON2ID, *OTHERS])
def test_a_hash_with_what_files_write_around_it_makes_no_password(text: str):
    """Quotes, comments, and the ways in which a dollar is written."""
    around = [
        f'"{text}"',
        f" {text};",
        f"{text} # of alice",
        text.replace("$", "$$", 1),
    ]
    dollars = [text.replace("$", one) for one in ("$$$$", "^$", "%24", "&#36;")]

    for written in (*around, *dollars):
        assert hash_kind(written) not in {HashKind.PASSWORD, HashKind.ARGON2ID}


@pytest.mark.parametrize(
    "damaged",
    [
        "y0",
        "a5.23456789abcdefghijkuNNg8R1xqYEZJ0FhcI1yZ8X4qWJrGfZOab",
        "ounds=5000sesomesillystri4IrlXatmP7rx3P",
        "=1000/sm9CRXCG2pPKlZ1nL1k8",
        "altsaltFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9",
        "y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317f",
        "$1.CzflDtaK/",
    ],
)
def test_pieces_of_other_hashes_are_damaged(damaged: str):
    """What a shell, make and a slip of the mouse leave."""
    assert hash_kind(damaged) is HashKind.DAMAGED


def test_a_hash_that_was_cut_off_is_damaged():
    """However much of it is left, from its scheme on; three bytes of four are seen."""
    assert hash_kind(ARGON2ID[:-2]) is HashKind.DAMAGED
    for length in range(len("$argon2id"), len(ARGON2ID) - 21):
        assert hash_kind(ARGON2ID[:length]) is HashKind.DAMAGED, length


@given(st.from_regex(r"[A-Za-z0-9]{8,64}", fullmatch=True))
def test_letters_and_digits_are_a_password(text: str):
    """What a password generator gives is no hash."""
    assert hash_kind(text) is HashKind.PASSWORD


@pytest.mark.parametrize(
    "text",
    [
        "correct horse battery staple",
        "$ecret$auce$",
        "pa$$word",
        "a=1,b=2 is true",
        "E=mc2",
        "0123456789abcdef" * 4,
        "dGhpcyBpcyBhIHBhc3N3b3JkIGZyb20gb3BlbnNzbA==",
    ],
)
def test_dollars_and_signs_are_allowed(text: str):
    """Only what looks like a hash is one."""
    assert hash_kind(text) is HashKind.PASSWORD
