"""What a password that somebody chooses here must be.

Length is what counts (NIST SP 800-63B-4, 3.1.1.2): 15 characters where the password is
the only factor, at least 64 allowed, no rules about kinds of characters, never cut.
What is long and can still be guessed is made of few pieces: one's own id, a word that
everybody tries first, letters that stand in a row. Each piece counts as one character
or two here, and what is left must be long enough.
"""

import re
import unicodedata
from typing import Final

from authz.errors import Problem
from authz.identity.password_hashes import HashKind, hash_kind

MIN_PASSWORD: Final = 15
#: Longer input is refused before it is hashed.
MAX_PASSWORD: Final = 1024
#: What has to be left when what can be guessed is taken out.
_MIN_LEFT: Final = 6
#: Fewer different characters than this are a pattern.
_DIFFERENT: Final = 5
#: Words that everybody tries first; longer ones before those that begin them.
_TRIED_FIRST: Final = re.compile(
    "correcthorsebatterystaple|administrator|passwort|password|passw0rd|p@ssw0rd"
    "|p@ssword|motdepasse|contrasena|iloveyou|changeme|letmein|welcome|princess"
    "|football|baseball|sunshine|superman|trustno1|whatever|abcdef|monkey|dragon"
    "|master|secret|shadow|azerty|qwerty|qwertz|hunter2|default|login|admin|guest"
    "|hello|music|authz|pass|root|test|user"
)
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
    "!@#$%^&*()",
)
_SHORTEST_RUN: Final = 3
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
    folded = unicodedata.normalize("NFKC", password).casefold()
    if len(set(folded)) < _DIFFERENT:
        return True
    own = unicodedata.normalize("NFKC", id).casefold()
    for word in {own, own[::-1], *re.split(r"[\W_]+", own)}:
        if len(word) >= _SHORTEST_ID or word == own:
            folded = folded.replace(word, "\0") if word else folded
    folded = _TRIED_FIRST.sub("\0", folded)
    folded = re.sub(r"(.{2,}?)\1+", r"\1", folded, flags=re.DOTALL)
    letters = [c for c in folded if c.isalnum() or unicodedata.category(c)[0] == "M"]
    others = {c for c in folded if not c.isalnum()}
    left = "".join(letters).replace("".join(filter(str.isalnum, own)) or "\0", "")
    return _without_runs(left) + len(others) < _MIN_LEFT


def _without_runs(text: str) -> int:
    """Return the length of *text* if each run of neighbours counts as two."""
    count = place = 0
    while place < len(text):
        run = max(1, *(_run(text, place, row) for row in (*_ROWS, text[place] * 64)))
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
