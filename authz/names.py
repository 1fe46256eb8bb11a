"""What a name may look like: `user:alice`, `group:music fans`, `role:admin`.

Policies and identity sources hold to the same grammar, so a name that a source gives is
one that a policy can speak of.
"""

import re
import unicodedata
from typing import Final

from authz.decision import AUTHENTICATED, EVERYONE
from authz.errors import Problem

#: The kinds a name may have: who identifies it is part of the name.
KINDS: Final = ("user", "group", "role", "auth", "token")
_SPELLED_KINDS: Final = ", ".join(f"`{kind}:`" for kind in KINDS)
MAX_NAME: Final = 255
#: What others call those whom no one grant makes so.
_OTHER_WORDS: Final = {
    **dict.fromkeys(("*", "all", "any", "anyone", "everybody", "everyone"), EVERYONE),
    **dict.fromkeys(("anonymous", "guest", "public"), EVERYONE),
    **dict.fromkeys(("authenticated", "signed-in"), AUTHENTICATED),
}

_NAME: Final = re.compile(rf"(?:{'|'.join(KINDS)}):[^\W_][\w.@+-]*(?:/[\w.@+-]+)?")
#: What stands first in rules of models that compare attributes.
_CONDITION: Final = re.compile(r"\br[._]\w|[<>=&]")

#: What Unicode calls default-ignorable (`DerivedCoreProperties.txt`, 15.0), and what is
#: blank although it is no space: none of it can be seen, and two names that differ in
#: it are one to a reader.
HIDDEN: Final = (
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffd"
    "\U00013441\U00013442\U00016fe4\U0001bca0-\U0001bca3\U0001d159"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_HIDDEN: Final = re.compile(HIDDEN)


def hidden_character(text: str) -> str | None:
    """Return the first character of *text* that nobody can see, or None."""
    if text.isascii():
        return None
    found = _HIDDEN.search(text)
    return found[0] if found else None


def name_problem(name: str) -> Problem | None:
    """Return what is wrong with *name*, or None.

    A name is a kind and an id: `user:alice`, `user:authentik/bob`, `group:music fans`,
    `role:admin`, `auth:local`, `token:backup`.
    """
    if (
        hidden_character(name) is None
        and _NAME.fullmatch(name)
        and len(name) <= MAX_NAME
    ):
        return None
    fault = _fault(name)
    return fault and Problem(message=fault[0], hint=fault[1])


def _likely(name: str) -> str:
    """Return what is to be written in the place of *name*, which has no known kind."""
    kind, colon, body = name.partition(":")
    if name.lower() in _OTHER_WORDS:
        return f"`{_OTHER_WORDS[name.lower()]}`"
    if _CONDITION.search(name):
        return "`user:alice`; a rule has no conditions"
    if kind.lower() in KINDS:
        return f"`{kind.lower()}:{body}`"
    return "`user:alice`" if colon else f"`user:{name}` or `role:{name}`"


def _fault(name: str) -> tuple[str, str] | None:
    kind, colon, body = name.partition(":")
    if not name:
        return "a name is empty", "write for example `user:alice` or `role:user`"
    if not colon or kind not in KINDS:
        return (
            f"`{name}` does not say what kind of name it is",
            f"begin with {_SPELLED_KINDS}, for example {_likely(name)}",
        )
    if not body:
        return (f"no name follows `{kind}:`", f"write one, such as `{kind}:example`")
    if len(name) > MAX_NAME:
        return (
            f"the name `{name[:40]}...` is too long",
            f"use at most {MAX_NAME - len(kind) - 1} characters after `{kind}:`",
        )
    if "*" in body:
        return (
            f"`{name}` holds a `*`, but names have no patterns",
            f"use `{EVERYONE}` or `{AUTHENTICATED}`",
        )
    if body != body.strip() or "  " in body:
        return f"`{name}` has blanks at an end or in a row", "remove them"
    hidden = hidden_character(body)
    if hidden:
        return (
            f"a name holds the character {hidden!a}, which cannot be seen",
            "remove it",
        )
    for character in body:
        category = unicodedata.category(character)
        blank = category[0] == "Z" and character != " "  # one like another to a reader
        if blank or category[0] == "C" or character in '"\\':
            return (
                f"a name holds {character!a}, which is invisible or easily mistaken",
                # What a shell gives that is not in the locale it says it is in.
                "set `LC_ALL=C.UTF-8`" if category == "Cs" else "remove it",
            )
    return None
