"""Path patterns and method sets: what a rule speaks of, as values.

The one place that knows the syntax of a rule's path and methods: what is well formed,
what matches, what contains what, what two have in common, and which few paths stand for
all. The index of a policy (`path_index`) knows how a pattern is written as well, and
does not use `matches`, so that it is held to a scan.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from authz.decision import Rule
from authz.errors import InvalidValue, Problem
from authz.scope import scope_match

#: The methods a rule may name. `*` covers these and every other one.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: What a rule for every method is taken to stand for, in the order people expect.
USUAL_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
USUAL: Final = frozenset(USUAL_METHODS)

MAX_PATH: Final = 1024
MAX_SEGMENTS: Final = 64
#: What stands for a segment that no pattern names.
SAMPLE: Final = "~sample"

_PARAMETER: Final = r":[A-Za-z_][A-Za-z0-9_]*"
#: What regular expressions, globs, addresses and routes mean something by.
_TAKEN: Final = r"*%?#|\\{}<>\[\]^$"
_LITERAL: Final = rf"[^:/{_TAKEN}][^/{_TAKEN}]*"
_PATH: Final = re.compile(rf"(?:/(?:{_LITERAL}|{_PARAMETER}))*(?:/\*?)?")
_DOTS: Final = re.compile(r"/\.{1,2}(?:/|\Z)")
_METHOD: Final = re.compile(r"[A-Za-z]+|\([A-Za-z]+\)")
_ODD: Final = re.compile(r"[%?#|\\{}<>\[\]^$]")
#: What a regular expression has, and a path written by mistake for one.
_REGEX: Final = re.compile(r"^\^|\$$|\.[*+]|\\[dws.]|\[\^?[\w-]+\][*+]?|\(\?|\)[*+?]")
_ANY: Final = ":any"

#: What other programs call what one does.
_METHOD_HINTS: Final = {
    "read": "write `GET`",
    "view": "write `GET`",
    "write": "write `POST|PUT|PATCH|DELETE`, or those that are meant",
    "edit": "write `POST|PUT|PATCH`, or those that are meant",
    **dict.fromkeys(("all", "any"), "write `*`"),
}
_CHARACTER_MENDS: Final = {
    "%": "write the decoded character; paths are compared after decoding",
    "?": "leave the query string out; only the path is compared",
    "#": "leave the fragment out; put comments on their own line",
    "|": "write one rule for each path",
    "\\": "use `/`",
    **dict.fromkeys("[]^$", "write `:name` for a segment that may be anything"),
    **dict.fromkeys("{}<>", "write a parameter as `:name`"),
}


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A rule's path: literal text, whole segments `:name`, and a final `/*`.

    `:name` matches any one segment that is not empty; `/x/*` every path that begins
    with `/x/`, that one included, and not `/x`. Nothing else is special.
    """

    text: str
    #: What stands between the slashes, without a tail.
    segments: tuple[str, ...]
    #: Whether it ends with `/*`.
    tail: bool

    @classmethod
    def of(cls, text: str) -> "PathPattern":
        """Return the pattern that *text* spells; it is not checked, see `problem`."""
        return _pattern(text)

    @staticmethod
    def problem(text: str) -> Problem | None:
        """Return what is wrong with *text* as a pattern, or None."""
        if _is_well_formed(text):
            return None
        return _diagnose(text)

    def matches(self, path: str) -> bool:
        """Return whether *path*, of a request, lies in the pattern."""
        given = path.split("/")
        if self.tail:
            if len(given) <= len(self.segments):
                return False
        elif len(given) != len(self.segments):
            return False
        return all(
            bool(have) if _is_parameter(want) else have == want
            for want, have in zip(self.segments, given, strict=False)
        )

    def covers(self, other: "PathPattern") -> bool:
        """Return whether every path that *other* matches is matched by this one."""
        if self.tail:
            if len(other.segments) + other.tail <= len(self.segments):
                return False
        elif other.tail or len(other.segments) != len(self.segments):
            return False
        return all(
            want == have or (_is_parameter(want) and have != "")
            for want, have in zip(self.segments, other.segments, strict=False)
        )

    def overlap(self, other: "PathPattern") -> "PathPattern | None":
        """Return the pattern of exactly the paths that both match; None if none is.

        Its parameters have a name of their own, unless it is one of the two.
        """
        if self.covers(other):
            return other
        if other.covers(self):
            return self
        short, long = sorted((self, other), key=lambda each: len(each.segments))
        if len(short.segments) < len(long.segments):
            if not short.tail:
                return None
        elif short.tail != long.tail:
            return None  # a tail is at least one segment more
        merged: list[str] = []
        for have, want in zip(short.segments, long.segments, strict=False):
            if have == want or (_is_parameter(have) and want):
                merged.append(want)
            elif _is_parameter(want) and have:
                merged.append(have)
            else:
                return None
        merged += long.segments[len(merged) :]
        merged = [_ANY if _is_parameter(part) else part for part in merged]
        return _pattern("/".join([*merged, "*"] if long.tail else merged))

    def samples(self, *, depth: int = 0, sample: str = SAMPLE) -> Iterator[str]:
        """Yield paths of the pattern, one for each length up to *depth* segments.

        Their parameters have the value *sample*. A tail is left empty too. What every
        pattern of at most *depth* - 1 segments says of a path of this one whose free
        segments it does not name, it says of one of these.
        """
        filled = [sample if _is_parameter(part) else part for part in self.segments]
        if not self.tail:
            yield "/".join(filled)
            return
        yield "/".join([*filled, ""])
        for length in range(1, max(1, depth - len(filled)) + 1):
            yield "/".join([*filled, *[sample] * length])

    def sample(self, sample: str = SAMPLE) -> str:
        """Return the longest of its samples: a path that is most likely meant."""
        *_, path = self.samples(sample=sample)
        return path

    @property
    def head(self) -> str | None:
        """Its first segment; None if that may be any."""
        first = self.segments[1] if len(self.segments) > 1 else ":"
        return None if _is_parameter(first) else first

    @property
    def is_wide(self) -> bool:
        """Whether it stands for more than one path."""
        return self.tail or any(map(_is_parameter, self.segments))

    @property
    def is_everything(self) -> bool:
        """Whether it matches every path that has enough segments."""
        return self.tail and all(map(_is_parameter, self.segments[1:]))

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=65_536)
def _pattern(text: str) -> PathPattern:
    segments = text.split("/")
    tail = segments[-1] == "*"
    return PathPattern(text, tuple(segments[:-1] if tail else segments), tail)


@dataclass(frozen=True, slots=True)
class Methods:
    """The methods of a rule."""

    #: Upper-case names; empty means every method.
    names: frozenset[str]

    @classmethod
    def parse(cls, field: str) -> "Methods":
        """Return what the method field of a rule says: `*`, or names joined by `|`.

        `(GET)|(PUT)`, as Casbin's `regexMatch` models spell it, means `GET|PUT`.

        Raises:
            InvalidValue: if the field cannot be used; it carries the problem.
        """
        if field == "*":
            return cls(frozenset())
        if not field:
            raise InvalidValue("the method is empty", "write `GET`, `GET|POST` or `*`")
        names = []
        for part in field.split("|"):
            if not _METHOD.fullmatch(part):
                raise InvalidValue(
                    f"`{field}` is not a method list",
                    "write names joined by `|`, such as `GET|POST`, or `*`",
                )
            name = part.strip("()")
            if name not in METHODS:
                known = name.upper() in METHODS
                raise InvalidValue(
                    f"unknown method `{name}`",
                    f"write `{name.upper()}`"
                    if known
                    else _METHOD_HINTS.get(
                        name.lower(), f"use {', '.join(sorted(METHODS))} or `*`"
                    ),
                )
            names.append(name)
        return cls(frozenset(names))

    def matches(self, method: str) -> bool:
        """Return whether a request with *method* is meant. `GET` covers `HEAD`."""
        return not self.names or method in _spoken(self.names)

    def covers(self, other: "Methods") -> bool:
        """Return whether all methods of *other* are among these."""
        return not self.names or bool(
            other.names and other.names <= _spoken(self.names)
        )

    def overlap(self, other: "Methods") -> "Methods | None":
        """Return the methods that are in both; None if none is."""
        if not self.names or not other.names:
            return self if self.names else other
        both = _spoken(self.names) & _spoken(other.names)
        if "GET" in both:
            both -= {"HEAD"}  # GET covers it
        return Methods(both) if both else None

    def samples(self, every: Iterable[str] = USUAL) -> list[str]:
        """Return them in the order people expect; *every* stands for `*`."""
        return in_order(self.names or every)

    def __str__(self) -> str:
        return "|".join(sorted(self.names)) or "*"


def in_order(methods: Iterable[str]) -> list[str]:
    """Return *methods* in the order people expect: GET first."""
    return sorted(methods, key=lambda m: ((*USUAL_METHODS, m).index(m), m))


def methods_in_words(methods: Iterable[str]) -> str:
    """Return *methods* as a rule spells them; `*` for all that are usual."""
    every = set(methods)
    return "*" if every >= USUAL else "|".join(in_order(every))


def path_match(path: str, pattern: str) -> bool:
    """Return whether *path* lies in *pattern*: Casbin's function `pathMatch`."""
    return _pattern(pattern).matches(path)


def method_match(method: str, field: str) -> bool:
    """Return whether *method* is in *field*: Casbin's function `methodMatch`."""
    names = () if field == "*" else field.split("|")
    return Methods(frozenset(names)).matches(method)


#: What a model may call besides pycasbin's own functions, as ordinary custom ones.
CASBIN_FUNCTIONS: Final = {
    "pathMatch": path_match,
    "methodMatch": method_match,
    "scopeMatch": scope_match,
}


def pattern_of(rule: Rule) -> PathPattern:
    """Return the pattern of *rule*."""
    return _pattern(rule.path)


def speaks_of(rule: Rule, method: str, path: str) -> bool:
    """Return whether *rule* speaks of *method* on *path*, whoever asks."""
    return Methods(rule.methods).matches(method) and pattern_of(rule).matches(path)


def covers(wide: Rule, narrow: Rule) -> bool:
    """Return whether whatever *narrow* speaks of, *wide* speaks of too."""
    return Methods(wide.methods).covers(Methods(narrow.methods)) and pattern_of(
        wide
    ).covers(pattern_of(narrow))


def overlaps(one: Rule, other: Rule) -> bool:
    """Return whether both rules speak of something."""
    return bool(
        Methods(one.methods).overlap(Methods(other.methods))
        and pattern_of(one).overlap(pattern_of(other))
    )


def widest(patterns: Iterable[PathPattern]) -> list[PathPattern]:
    """Return those of *patterns* that no other of them covers, in order."""
    every = sorted(set(patterns), key=str)
    return [
        each
        for each in every
        if not any(other.covers(each) for other in every if other is not each)
    ]


class RulesByHead:
    """Rules by the first segment of their path, to find those that overlap another."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules: dict[str | None, list[Rule]] = {}
        for rule in rules:
            self._rules.setdefault(pattern_of(rule).head, []).append(rule)

    def near(self, pattern: PathPattern) -> Iterator[Rule]:
        """Yield every rule whose pattern may overlap *pattern*."""
        heads = self._rules if pattern.head is None else (pattern.head, None)
        for each in heads:
            yield from self._rules.get(each, ())


def fresh_sample(patterns: Iterable[str]) -> str:
    """Return a segment that none of *patterns* names."""
    named = {part for pattern in patterns for part in pattern.split("/")}
    sample = SAMPLE
    while sample in named:
        sample += "~"
    return sample


def depth_of(patterns: Iterable[str]) -> int:
    """Return how many segments tell any two paths apart, one more than are named."""
    return max((pattern.count("/") for pattern in patterns), default=0) + 2


def _spoken(methods: frozenset[str]) -> frozenset[str]:
    return methods | {"HEAD"} if "GET" in methods else methods


def _is_well_formed(text: str) -> bool:
    return bool(
        len(text) <= MAX_PATH
        and text.startswith("/")
        and _PATH.fullmatch(text)
        and not _DOTS.search(text)
        and text.count("/") <= MAX_SEGMENTS
        and text.isprintable()
        and "\ufffd" not in text
        and not text.endswith(" ")
        and _are_paired(text)
        and not _REGEX.search(text)
    )


def _are_paired(text: str) -> bool:
    """Whether each parenthesis of *text* is closed: half of a pattern is no path."""
    depth = 0
    for character in text if "(" in text or ")" in text else "":
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


def _is_parameter(part: str) -> bool:
    return part.startswith(":")


def _diagnose(text: str) -> Problem:
    message, hint = _fault(text)
    return Problem(message=message, hint=hint)


def _of_another_language(text: str) -> tuple[str, str] | None:
    """Return what is wrong with a regular expression, a glob or an address."""
    if _REGEX.search(text):
        bare = text.removeprefix("^").removesuffix("$")
        plain = re.sub(r"\\([^\w])", r"\1", bare)
        right = (
            f"write `{plain}`: a rule is for the whole path anyway"
            if _is_well_formed(plain)
            else "write literal text, `:name` for a segment and a final `/*`"
        )
        return f"`{text}` is a regular expression, which is not read here", right
    if "://" in text:
        path = "/" + text.partition("://")[2].partition("/")[2]
        return f"`{text}` is a whole address", f"write its path, `{path}`"
    if text.endswith("/**"):
        return f"`{text}` ends with `**`", f"write `{text[:-1]}`: it covers all below"
    return None


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
    elsewhere = _of_another_language(text)
    if elsewhere is not None:
        return elsewhere
    if not text.startswith("/"):
        right = "/*" if text == "*" else "/" + text.lstrip("/")
        return f"`{text}` does not begin with `/`", f"write `{right}`"
    odd = _ODD.search(text)
    if odd:
        character = odd.group()
        return (
            f"`{text}` holds {character!r}, which has no meaning here",
            _CHARACTER_MENDS.get(
                character, "use literal text, whole segments `:name` and a final `/*`"
            ),
        )
    return _misshapen(text)


def _misshapen(text: str) -> tuple[str, str]:
    """Return what is wrong with a path of characters that may stand in one."""
    if not text.isprintable() or "\ufffd" in text:
        return (
            f"`{text!a}` holds a character that cannot be seen",
            "write the path as an address shows it, with plain blanks",
        )
    if text.endswith(" "):
        return f"`{text}` ends with a blank", "remove it, or write `:name` there"
    if not _are_paired(text):
        return f"`{text}` has a parenthesis too many", "write both, or none"
    if "//" in text:
        return f"`{text}` has an empty segment", "write one `/`"
    if _DOTS.search(text):
        return f"`{text}` has a dot segment", "write the path it leads to"
    if "*" in text:
        return (
            f"`{text}` has a `*` in the wrong place",
            "it may only end a path, as `/*`; for one segment write `:name`",
        )
    return (
        f"`{text}` has a parameter without a usable name",
        "write a whole segment such as `:id`",
    )
