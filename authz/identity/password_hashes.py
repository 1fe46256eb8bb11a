"""Whether a text that stands for a password is a hash, and whether it is still whole.

In a compose file, a shell and some `.env` files `$x` is a variable: of a hash in the
PHC form, `$argon2id$v=19$m=...`, only pieces are left, and those would then be the
password. So whatever looks like a hash, or like what is left of one, is a hash here.
"""

import re
from enum import Enum
from functools import cache
from typing import Final

#: An argon2id hash as argon2 writes it: salt of 8 bytes or more, hash of 16 or more.
_WHOLE: Final = re.compile(
    r"\$argon2id\$v=19\$m=[1-9]\d*,t=[1-9]\d*,p=[1-9]\d*"
    r"\$[A-Za-z0-9+/]{11,}\$(?P<hash>[A-Za-z0-9+/]{22,})"
)
#: Tools make hashes of so many bytes, or a multiple; others were cut off.
_BYTES: Final = 4
_SCHEMES: Final = (
    r"argon2(?:id|i|d)?|2[abxy]?|scrypt|bcrypt(?:-sha256)?|pbkdf2(?:-sha\d+)?|y|gy|7"
    r"|1|5|6|9|apr1|md5(?:,rounds=\d+)?|sha1|P|H|S|balloon"
)
_LONG_NAMES: Final = r"scrypt|pbkdf2-sha\d+|bcrypt-sha256|md5(?:,rounds=\d+)?|sha1"
#: How shells, addresses and pages write a dollar that is meant as one.
_WRITTEN_DOLLAR: Final = re.compile(r"\$\$+|\\+\$|\^\$|%24|&#36;|&dollar;")
#: What gets in before and behind a text that is copied.
_AROUND: Final = " \t\r\n\"'`;,\ufeff"
_COMMENT: Final = re.compile(r"\s+#.*", re.DOTALL)
_DAMAGED: Final = (
    # An argon2 hash that lost its end, its beginning, or a part of it.
    r"\$argon2\w*(?:[$=]\S*)?|argon2(?:id|i|d)?[$=]\S*",
    # Dollars doubled for compose, or escaped for a shell or an address.
    rf"(?:[^:$\s]+:)?(?:\$\$|\\\$|%24)(?:{_SCHEMES})(?:\$\$|\\\$|%24)\S*",
    # The first dollar is gone.
    r"2[abxy]\$\d\d\$[./A-Za-z0-9]+",
    r"[156]\$(?:rounds=\d+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{20,}",
    rf"(?:apr1|gy|y|7|P|H|S|{_LONG_NAMES})\$[./A-Za-z0-9]+(?:\$\S*)?(?<=\S{{20}})",
    # Its variables are gone, and its parameters are left: `=19=47104,t=1,p=1`.
    r"\S*=\d+(?:,[a-z]{1,2}=\d+)+\S*",
    r"\S*ounds=\d+\S*",
    r"=\d+[./][./A-Za-z0-9]*",
    r"SCRAM-SHA-\S*:\S*",
    r"=\d{1,2}",
    r"-sha(?:1|224|256|384|512).*",
    r"(?:pbkdf2|bcrypt)_sha\d+.*",
    # bcrypt and crypt: what begins at the first mark that ends a variable.
    r"\$(?:2[abxy]\$\d\d|[1256y])(?:=\d+)?[./][./A-Za-z0-9]{15,}",
    r"\$[17][./](?=[./A-Za-z0-9]*/)[./A-Za-z0-9]{8,}",
    r"[abxy]\d(?=[./A-Za-z0-9]*\.)[./][./A-Za-z0-9]{15,52}",
    r"[abxy]\d(?=[A-Za-z0-9]*[./])[./A-Za-z0-9]{52}",
    r"[abxy]\d",
    r"(?=[^.]*\.)(?=.*[A-Z])(?=.*\d)[./A-Za-z0-9]{43,}",
    r"(?:=\d+)?[./](?=[./A-Za-z0-9]*\.)[./A-Za-z0-9]{29,86}",
)
_OTHER: Final = (
    rf"\$(?:{_SCHEMES})\$[-\w./+=,$]+",
    r"\$(?:scrypt|pbkdf2|bcrypt|argon2)[\w-]*\$\S+",
    # What databases keep.
    r"SCRAM-SHA-\d+\$\d+:\S+|\*[0-9A-F]{40}|md5[0-9a-f]{32}",
    # A line of an htpasswd file.
    r"[^:$\s]+:(?:\$(?:apr1|2[abxy]|[156y])\$\S+|\{SHA\}\S+)",
    # Werkzeug's and Django's.
    r"(?:scrypt|pbkdf2):\S+",
    r"(?:pbkdf2_sha\d+|bcrypt(?:_sha256)?|argon2|scrypt|sha1|md5)\$\S+",
    # LDAP's: RFC 2307.
    r"\{(?:S?SHA\d*|S?MD5|ARGON2\w*|PBKDF2[\w-]*|(?:[A-Z\d]+-?)?CRYPT)\}\S*",
)


class HashKind(Enum):
    """What a text in the place of a password is."""

    #: No hash: a password.
    PASSWORD = "password"  # noqa: S105 - a word
    #: An argon2id hash, whole.
    ARGON2ID = "argon2id"
    #: A hash of another kind.
    OTHER = "other"
    #: A hash, or what is left of one.
    DAMAGED = "damaged"


def hash_kind(text: str) -> HashKind:
    """Return what *text* is: a password, a hash that can be used, or neither."""
    if _is_whole(text):
        return HashKind.ARGON2ID
    if _is_other(text):
        return HashKind.OTHER
    plain = _COMMENT.sub("", _WRITTEN_DOLLAR.sub("$", text).strip(_AROUND)).strip(
        _AROUND
    )
    if (
        any(p.fullmatch(one) for p in _compiled(_DAMAGED) for one in (text, plain))
        or _WHOLE.fullmatch(plain)
        or (plain != text and _is_other(plain))
    ):
        return HashKind.DAMAGED
    return HashKind.PASSWORD


@cache
def _compiled(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """Return *patterns* compiled, which takes as long as much else of a command."""
    return tuple(map(re.compile, patterns))


def _is_whole(text: str) -> bool:
    match = _WHOLE.fullmatch(text)
    return match is not None and len(match["hash"]) * 3 // 4 % _BYTES == 0


def _is_other(text: str) -> bool:
    return not text.startswith("$argon2id") and any(
        p.fullmatch(text) for p in _compiled(_OTHER)
    )


#: What to do about each that cannot be used.
HINTS: Final = {
    HashKind.OTHER: "make an argon2id hash with `authz hash-password`",
    HashKind.DAMAGED: "copy the hash whole, from `authz hash-password`, and in a "
    "compose file write `$$` for each `$`; or put it into a file and name it in "
    "`..._FILE`, where a dollar is a dollar",
}
#: And what is wrong with it, behind "the password of `alice`".
MESSAGES: Final = {
    HashKind.OTHER: "is a hash of another kind",
    HashKind.DAMAGED: "looks like a hash that lost a part on the way: "
    "compose files and shells take `$x` for a variable",
}
