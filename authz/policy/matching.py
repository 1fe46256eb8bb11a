"""How a path and a method are compared with a rule: the grammar, and two functions.

`path_match` and `method_match` are registered with pycasbin as ordinary custom
functions (`pathMatch`, `methodMatch`), so stock pycasbin can answer every question
that the compiled policy answers. They share no code with the index on purpose.
"""

import re

#: The methods a rule may name. `*` covers these and every other one.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

MAX_PATH = 1024
MAX_SEGMENTS = 64

_PARAMETER = r":[A-Za-z_][A-Za-z0-9_]*"
_LITERAL = r"[\w.~@!&=',-][\w.~@!&=',:-]*"
_PATH = re.compile(rf"(?:/(?:{_LITERAL}|{_PARAMETER}))*(?:/\*?)?")
_DOTS = re.compile(r"/\.{1,2}(?:/|\Z)")
_METHOD = re.compile(r"[A-Za-z]+|\([A-Za-z]+\)")
_ODD = re.compile(r"[^\w.~@!&=',:/*-]")

_CHARACTER_MENDS = {
    "%": "write the decoded character; paths are compared after decoding",
    "?": "leave the query string out; only the path is compared",
    "#": "leave the fragment out; put comments on their own line",
    "|": "write one rule for each path",
    "\\": "use `/`",
    "{": "write a parameter as `:name`",
    "}": "write a parameter as `:name`",
    "<": "write a parameter as `:name`",
    ">": "write a parameter as `:name`",
}


def path_match(path: str, pattern: str) -> bool:
    """Return whether *path* lies in *pattern*.

    A pattern is literal text, whole segments `:name` that match any one segment
    that is not empty, and a final `/*`: `/x/*` matches every path that begins with
    `/x/`, that one included, and not `/x`. Nothing else is special.
    """
    wanted = pattern.split("/")
    given = path.split("/")
    if wanted[-1] == "*":
        wanted.pop()
        if len(given) <= len(wanted):
            return False
    elif len(given) != len(wanted):
        return False
    return all(
        bool(have) if want.startswith(":") else have == want
        for want, have in zip(wanted, given, strict=False)
    )


def method_match(method: str, field: str) -> bool:
    """Return whether *method* is among the methods of *field*.

    *field* is `*`, or names joined by `|`. `GET` covers `HEAD`.
    """
    if field == "*":
        return True
    names = field.split("|")
    return method in names or (method == "HEAD" and "GET" in names)


def parse_methods(field: str) -> tuple[frozenset[str], str | None]:
    """Read the method field of a rule.

    Returns the method names (empty for `*`) and, when the field cannot be used, what
    is wrong with it as "message: mend". `(GET)|(PUT)`, as Casbin's `regexMatch`
    models spell it, means `GET|PUT`.
    """
    if field == "*":
        return frozenset(), None
    if not field:
        return frozenset(), "the method is empty: write `GET`, `GET|POST` or `*`"
    names = []
    for part in field.split("|"):
        if not _METHOD.fullmatch(part):
            return frozenset(), (
                f"`{field}` is not a method list: write names joined by `|`, "
                "such as `GET|POST`, or `*`"
            )
        name = part.strip("()")
        if name not in METHODS:
            hint = (
                f"write `{name.upper()}`"
                if name.upper() in METHODS
                else f"use {', '.join(sorted(METHODS))} or `*`"
            )
            return frozenset(), f"unknown method `{name}`: {hint}"
        names.append(name)
    return frozenset(names), None


def path_problem(pattern: str) -> str | None:
    """Return what is wrong with *pattern* as "message: mend", or None."""
    if (
        len(pattern) <= MAX_PATH
        and pattern.startswith("/")
        and _PATH.fullmatch(pattern)
        and not _DOTS.search(pattern)
        and pattern.count("/") <= MAX_SEGMENTS
    ):
        return None
    return _diagnose(pattern)


def _diagnose(pattern: str) -> str:
    if not pattern:
        return "the path is empty: write a path such as `/map`, or `/*` for every path"
    if len(pattern) > MAX_PATH or pattern.count("/") > MAX_SEGMENTS:
        return (
            f"the path is too long: use at most {MAX_PATH} characters "
            f"and {MAX_SEGMENTS} segments"
        )
    if not pattern.startswith("/"):
        hint = "/*" if pattern == "*" else "/" + pattern.lstrip("/")
        return f"`{pattern}` does not begin with `/`: write `{hint}`"
    odd = _ODD.search(pattern)
    if odd:
        character = odd.group()
        hint = _CHARACTER_MENDS.get(
            character, "use literal text, whole segments `:name` and a final `/*`"
        )
        return f"`{pattern}` holds {character!r}, which has no meaning here: {hint}"
    if "//" in pattern:
        return f"`{pattern}` has an empty segment: write one `/`"
    if _DOTS.search(pattern):
        return f"`{pattern}` has a dot segment: write the path it leads to"
    if "*" in pattern:
        return (
            f"`{pattern}` has a `*` in the wrong place: it may only end a path, "
            "as `/*`; for one segment write `:name`"
        )
    return (
        f"`{pattern}` has a parameter without a usable name: "
        "write a whole segment such as `:id`"
    )
