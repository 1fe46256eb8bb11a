"""How the path of a rule is written: what is well formed, and what was meant if not.

Literal text, whole segments `:name`, a final `/*`. A character that has a meaning here
or in other languages of patterns stands for itself in percent form, as an address has
it: `%2A` for `*`. Each path has one spelling: what can stand plainly is written so.
"""

import re
from typing import Final
from urllib.parse import unquote

from authz.errors import Problem

MAX_PATH: Final = 1024
MAX_SEGMENTS: Final = 64

#: What regular expressions, globs, addresses and routes mean something by.
_TAKEN: Final = r"*%?#|\\{}<>\[\]^$"
#: Those of them that a request can have. It has no backslash.
_FORMS: Final = {f"%{ord(each):02X}": each for each in "*%?#|{}<>[]^$"}
#: What can stand plainly, but not everywhere: half of a pair, the end of a path.
_AT_TIMES: Final = {"%28": "(", "%29": ")", "%2B": "+", "%3A": ":", "%20": " "}
_FORM: Final = "|".join([*_FORMS, *_AT_TIMES])
_PARAMETER: Final = r":[A-Za-z_][A-Za-z0-9_]*"
_LITERAL: Final = rf"(?:[^:/{_TAKEN}]|{_FORM})(?:[^/{_TAKEN}]++|{_FORM})*"
_PATH: Final = re.compile(rf"(?:/(?:{_LITERAL}|{_PARAMETER}))*(?:/\*?)?")
#: What nearly every path is: it has no character with a meaning but where it has it.
_USUAL: Final = re.compile(
    r"(?:/(?:[\w~-][\w.~-]*+|:[A-Za-z_]\w*+))++(?:/\*?)?", re.ASCII
)
_DOTS: Final = re.compile(r"/\.{1,2}(?:/|\Z)")
_ODD: Final = r"[%?#|\\{}<>\[\]^$]"
_TO_SPELL: Final = re.compile(r"[*%?#|\\{}<>\[\]^$()+]|/:| \Z")
_PERCENT: Final = r"%[0-9A-Fa-f]{2}"
#: Where it may be that no percent form is needed.
_NEEDLESS: Final = "(?<!/)%3A|%28|%29|%2B|%20"
#: What a regular expression has, and a path written by mistake for one.
_REGEX: Final = r"^\^|\$$|\.[*+]|\\[dws.]|\[\^?[\w-]+\][*+]?|\(\?|\)[*+?]"
_QUOTES: Final = "“”„‟‘’‚«»'`"  # noqa: RUF001 - as word processors write them

#: Whole segments of other languages that stand for any one, with the name they give.
_ANY_SEGMENT: Final = (
    r"\{(\w+)(?::[^/]*)?\}|<(?:\w+(?:\([^/]*\))?:)?(\w+)>|:(\w+)(?:\([^/]*\))?\?"
    r"|:(\w+)\([^/]*\)"
    r"|\(?(?:\.\+|\.\*|\\[dws][*+]|\[[^/\]]+\][*+]|\[\^/\][*+])\)?|\*\*?"
)
_TAIL: Final = (
    r"\{\w+:(?:path|\.[*+])\}|\{\*{1,2}\w*\}|\{\w+\.\.\.\}|<path:\w+>"
    r"|\(?\.[*+]\)?|\*{1,2}|\*\w+"
)
_CHARACTER_HINTS: Final = {
    "%": "write the decoded character; paths are compared after decoding",
    "?": "leave the query string out; only the path is compared",
    "#": "leave the fragment out; put comments on their own line",
    "|": "write one rule for each path",
    "\\": "use `/`",
    **dict.fromkeys("[]^$", "write `:name` for a segment that may be anything"),
    **dict.fromkeys("{}<>", "write a parameter as `:name`"),
}


def path_problem(text: str) -> Problem | None:
    """Return what is wrong with *text* as the path of a rule, or None."""
    if _is_well_formed(text):
        return None
    message, hint = _fault(text)
    return Problem(message=message, hint=hint)


def plain(text: str) -> str:
    """Return *text*, of a pattern, as a request has it: without percent forms."""
    if "%" not in text:
        return text
    return re.sub(_FORM, lambda m: (_FORMS | _AT_TIMES)[m[0]], text)


def spell_path(path: str) -> str:
    """Return the pattern that matches *path*, of a request, and nothing else."""
    if not _TO_SPELL.search(path):
        return path
    forms = {each: form for form, each in _FORMS.items()}
    text = "".join(forms.get(each, each) for each in path).replace("/:", "/%3A")
    if text.endswith(" "):
        text = text[:-1] + "%20"
    if not _are_paired(text):
        text = text.replace("(", "%28").replace(")", "%29")
    return re.sub(r"(?<=[.)])\+", "%2B", text)


def one_spelling(segment: str) -> str:
    """Return *segment* so that equal ones match the same, and others do not."""
    if "%" not in segment:
        return segment
    for form in ("%28", "%29", "%2B"):  # which the rest of the path may have needed
        segment = segment.replace(form, _AT_TIMES[form])
    return segment


def _is_well_formed(text: str) -> bool:
    return _is_usual(text) or (
        _is_readable(text)
        and not any(
            _is_readable(text[: m.start()] + _AT_TIMES[m[0]] + text[m.end() :])
            for m in (re.finditer(_NEEDLESS, text) if "%" in text else ())
        )
    )


def _is_usual(text: str) -> bool:
    """Whether *text* is well formed beyond doubt, as nearly every path is."""
    return bool(
        _USUAL.fullmatch(text)
        and len(text) <= MAX_PATH
        and text.count("/") <= MAX_SEGMENTS
    )


def _is_readable(text: str) -> bool:
    return bool(
        len(text) <= MAX_PATH
        and text.startswith("/")
        and _PATH.fullmatch(text)
        and not ("/." in text and _DOTS.search(text))
        and text.count("/") <= MAX_SEGMENTS
        and text.isprintable()
        and "\ufffd" not in text
        and not text.endswith(" ")
        and _are_paired(text)
        # Of what that looks for, a `+` is all that can stand in what matched above.
        and not ("+" in text and re.search(_REGEX, text))
    )


def _are_paired(text: str) -> bool:
    """Whether each parenthesis of *text* is closed: half of a pattern is no path."""
    depth = 0
    for character in text if "(" in text or ")" in text else "":
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


def _fault(text: str) -> tuple[str, str]:
    if not text:
        return (
            "the path is empty",
            "write a path such as `/map`, or `/*` for every path",
        )
    if len(text) > MAX_PATH or text.count("/") > MAX_SEGMENTS:
        return (
            "the path is too long",
            f"use at most {MAX_PATH} characters and {MAX_SEGMENTS} segments",
        )
    bare = text.strip(_QUOTES)
    if bare != text and _is_well_formed(bare):
        return f"`{text}` is in quotes that mean nothing here", f"write `{bare}`"
    elsewhere = _of_another_language(text)
    if elsewhere is not None:
        return elsewhere
    if text[0] in "!~=^":
        bare = text.lstrip("!~=^* ")
        # `!` negates in other languages; the rest say how nginx compares.
        if _is_well_formed(bare):
            denies = ", with the effect `deny`" if text[0] == "!" else ""
            return f"`{text}` does not begin with `/`", f"write `{bare}`{denies}"
    if not text.startswith("/"):
        right = "/*" if text in {"*", "**"} else "/" + text.lstrip("/")
        hint = f"write `{right}`" if _is_well_formed(right) else "write `/`, then names"
        return f"`{text}` does not begin with `/`", hint
    odd = re.search(_ODD, re.sub("|".join(_FORMS), "", text))
    if odd:
        return _odd(text, odd.group())
    return _misshapen(text)


def _of_another_language(text: str) -> tuple[str, str] | None:
    """Return what is wrong with a regular expression, a glob or an address."""
    if re.search(_REGEX, text):
        return (
            f"`{text}` is a regular expression, which is not read here",
            _meant(text)
            or _itself(text)
            or "write literal text, `:name` for a segment and a final `/*`",
        )
    if "://" in text:
        path = "/" + text.partition("://")[2].partition("/")[2]
        return f"`{text}` is a whole address", f"write its path, `{path}`"
    if text.endswith("/**"):
        return f"`{text}` ends with `**`", f"write `{text[:-1]}`: it covers all below"
    return None


def _odd(text: str, character: str) -> tuple[str, str]:
    """Return what is wrong with a *character* of *text* that has another meaning."""
    message = f"`{text}` holds {character!r}, which has no meaning here"
    hint = _CHARACTER_HINTS[character]
    if character == "%":
        if not re.search(_PERCENT, text):
            return message, f"write `{spell_path(text)}` for the character itself"
        if re.search("%(?:2f|5c|00)", text, re.IGNORECASE):
            return message, f"{hint}; no segment has a slash or a backslash in it"
        right = spell_path(unquote(text))
        return message, f"write `{right}`" if _is_well_formed(right) else hint
    if character in "{}<>[]^$?" and (meant := _meant(text)):
        return message, meant
    itself = _itself(text)
    return message, f"{hint}; {itself}" if itself else hint


def _meant(text: str) -> str:
    """Return the hint of a pattern in another language; empty if there is none."""
    if text.strip("^$/") in {".*", ".+", "*", "**"}:
        return "write `/*`: every path"
    bare = text.removeprefix("^").removesuffix("$")
    bare = re.sub(r"\\([^\w])", r"\1", bare)
    segments = bare.split("/")
    right = [
        re.sub(_ANY_SEGMENT, _named, part) if re.fullmatch(_ANY_SEGMENT, part) else part
        for part in segments
    ]
    if len(segments) > 1 and re.fullmatch(_TAIL, segments[-1]):
        right[-1] = "*"
    hint = "/".join(right)
    if (right == segments and bare == text) or not _is_well_formed(hint):
        return ""
    whole = ": a rule is for the whole path anyway" if right == segments else ""
    return f"write `{hint}`{whole}"


def _named(found: re.Match[str]) -> str:
    name = next((name for name in found.groups() if name), "any")
    return f":{name}" if re.fullmatch(_PARAMETER, f":{name}") else ":any"


def _itself(text: str) -> str:
    """Return how *text* is written if it means itself; empty if it cannot."""
    right = spell_path(text)
    return f"for that very path write `{right}`" if _is_well_formed(right) else ""


def _misshapen(text: str) -> tuple[str, str]:
    """Return what is wrong with a path of characters that may stand in one."""
    if not text.isprintable() or "\ufffd" in text:
        return (
            f"`{text!a}` holds a character that cannot be seen",
            "write the path as an address shows it, with plain blanks",
        )
    if text.endswith(" "):
        return (
            f"`{text}` ends with a blank",
            f"remove it; {_itself(text)}" if _itself(text) else "remove it",
        )
    if not _are_paired(text):
        return (
            f"`{text}` has a parenthesis too many",
            _itself(text) or "write both, or none",
        )
    if "//" in text:
        return f"`{text}` has an empty segment", "write one `/`"
    if _DOTS.search(text):
        return f"`{text}` has a dot segment", "write the path it leads to"
    if "*" in text:
        return f"`{text}` has a `*` in the wrong place", _star(text)
    return (
        f"`{text}` has a parameter without a usable name",
        "write a whole segment such as `:id`",
    )


def _star(text: str) -> str:
    if text.count("*") == 1 and text.endswith("*"):
        below = text[:-1]
        if _is_well_formed(f"{below}/*"):
            return (
                f"a whole segment is free or none: write two rules, `{below}` and "
                f"`{below}/*`; {_itself(text)}"
            )
    meant = _meant(text)
    if meant and "**" not in text:
        return f"{meant}; {_itself(text)}"
    return (
        "it may only end a path, as `/*`; for one segment write `:name`"
        + (f"; {_itself(text)}" if _itself(text) else "")
    )  # fmt: skip
