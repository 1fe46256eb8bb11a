"""What a password that somebody chooses here must be.

Length is what counts (NIST SP 800-63B-4, 3.1.1.2): 15 characters where the password is
the only factor, at least 64 allowed, no rules about kinds of characters, never cut.
What is long and can still be guessed is made of few pieces: one's own id, a word that
everybody tries first, letters that stand in a row. Each piece counts as one character
or two here, and what is left must be long enough.
"""

import re
import unicodedata
from functools import cache
from typing import Final

from authz.errors import Problem
from authz.identity.password_hashes import HashKind, hash_kind

MIN_PASSWORD: Final = 15
#: Longer input is refused before it is hashed.
MAX_PASSWORD: Final = 1024
#: What has to be left when what can be guessed is taken out, and what of a password
#: that says one thing several times.
_MIN_LEFT: Final = 7
_MIN_REPEATED: Final = 11
#: Fewer different characters than this are a pattern.
_DIFFERENT: Final = 5
#: Words that everybody tries first; longer ones before those that begin them.
_TRIED_FIRST: Final = (
    "correcthorsebatterystaple|administrator|passwort|password|motdepasse|contrasena"
    "|iloveyou|changeme|letmein|welcome|princess|football|baseball|sunshine|superman"
    "|starwars|trustno1|whatever|abcdef|monkey|dragon|master|secret|shadow|azerty"
    "|qwerty|qwertz|hunter2|default|login|admin|guest|hello|music|authz|pass|root|test"
    "|user|spring|summer|autumn|winter|january|february|march|april|june|july|august"
    "|september|october|november|december|monday|friday|sunday"
)
#: Signs that stand for letters.
_STANDS_FOR: Final = {
    spelled[0]: spelled for spelled in ("a4@", "e3", "i1!", "l1", "o0", "s5$", "t7")
}
_YEAR: Final = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_AGAIN: Final = re.compile(r"(.{2,}?)\1+", re.DOTALL)
#: Letters that stand in a row on a keyboard, or in the order of the alphabet.
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "qsdfghjklm",
    "zxcvbnm",
    "yxcvbnm",
    "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "!@#$%^&*()",
)
_SHORTEST_RUN: Final = 3
#: The least combining class of an accent (Unicode, `UnicodeData.txt`).
_ACCENT: Final = 200
_SHORTEST_ID: Final = 3


def password_problem(
    password: str,
    *,
    id: str,  # noqa: A002 - as in Person
) -> Problem | None:
    """Return what is wrong with *password* for the account *id*, or None.

    Never with the password in it.
    """
    count = len(unicodedata.normalize("NFC", password))
    if count < MIN_PASSWORD:
        message = f"the password has {count} characters"
        hint = f"use {MIN_PASSWORD} or more, for example four words"
    elif count > MAX_PASSWORD:
        message = f"the password has {count} characters"
        hint = f"use at most {MAX_PASSWORD}"
    elif hash_kind(password) is not HashKind.PASSWORD:
        message = "the password looks like a hash"
        hint = "give the password itself; it is hashed here"
    elif is_easy_to_guess(password, id=id):
        message, hint = "the password is easy to guess", "use for example four words"
    else:
        return None
    return Problem(where="password", message=message, hint=hint)


def is_easy_to_guess(password: str, *, id: str) -> bool:  # noqa: A002 - as in Person
    """Return whether little is left of *password* without what everybody tries."""
    folded = _folded(password)
    if len(set(folded)) < _DIFFERENT:
        return True
    own = _folded(id)
    for word in {own, own[::-1], *re.split(r"[\W_]+", own)}:
        if len(word) >= _SHORTEST_ID or word == own:
            folded = re.sub(_spelled(word), "\0", folded) if word else folded
    folded = _YEAR.sub("\0", _words().sub("\0", folded))
    once = _AGAIN.sub(r"\1", folded)
    letters = "".join(c for c in once if _is_letter(c))
    marks = "".join(c for c in once if not _is_letter(c))
    left = letters.replace("".join(filter(str.isalnum, own)) or "\0", "")
    count = _without_runs(left) + min(len(set(marks)), _without_runs(marks))
    return count < (_MIN_LEFT if once == folded else _MIN_REPEATED)


def _is_letter(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _folded(text: str) -> str:
    """Return *text* without case, accents and what looks the same."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    # Accents stand above and below; what is a letter of its own does not.
    plain = "".join(c for c in apart if unicodedata.combining(c) < _ACCENT)
    return unicodedata.normalize("NFKC", plain)


def _spelled(word: str) -> str:
    """Return a pattern for *word*, with signs in the place of letters as well."""
    return "".join(
        f"[{re.escape(_STANDS_FOR[c])}]" if c in _STANDS_FOR else re.escape(c)
        for c in word
    )


@cache
def _words() -> re.Pattern[str]:
    return re.compile("|".join(map(_spelled, _TRIED_FIRST.split("|"))))


def _without_runs(text: str) -> int:
    """Return the length of *text* if each run of neighbours counts as two.

    A character that comes again and again counts as one.
    """
    text = re.sub(r"(.)\1{2,}", r"\1", text, flags=re.DOTALL)
    count = place = 0
    while place < len(text):
        run = max(1, *(_run(text, place, row) for row in _ROWS))
        count += run if run < _SHORTEST_RUN else 2
        place += run
    return count


def _run(text: str, place: int, row: str) -> int:
    """Return how many characters at *place* stand in *row*, one behind the other."""
    longest = 0
    for order in (row, row[::-1]):
        start = order.find(text[place])
        if start < 0:
            continue
        length = 0
        while (
            order[start + length : start + length + 1]
            == text[place + length : place + length + 1]
            != ""
        ):
            length += 1
        longest = max(longest, length)
    return longest
