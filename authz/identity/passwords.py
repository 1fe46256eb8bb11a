"""What a password that somebody chooses here must be.

Length is what counts (NIST SP 800-63B-4, 3.1.1.2): 15 characters where the password is
the only factor, at least 64 allowed, no rules about kinds of characters, never cut. No
common password is that long, so there is no list of them.
"""

import unicodedata
from typing import Final

from authz.identity.accounts import MAX_PASSWORD

MIN_PASSWORD: Final = 15
#: Fewer different characters than this are a pattern.
_DIFFERENT: Final = 5


def password_problem(password: str, *, id: str) -> str | None:  # noqa: A002 - as in Person
    """Return what is wrong with *password* for the account *id*, or None.

    As "message: mend"; never with the password in it.
    """
    count = len(unicodedata.normalize("NFC", password))
    if count < MIN_PASSWORD:
        return (
            f"the password has {count} characters: use {MIN_PASSWORD} or more, for "
            "example four words"
        )
    if count > MAX_PASSWORD:
        return f"the password has {count} characters: use at most {MAX_PASSWORD}"
    folded = password.casefold()
    if len(set(folded)) < _DIFFERENT or not folded.replace(id.casefold(), "").strip():
        return "the password is easy to guess: use for example four words"
    return None
