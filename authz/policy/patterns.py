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

from authz.decision import Asked, Rule
from authz.errors import InvalidValue, Problem
from authz.policy.path_text import one_spelling, path_problem, plain, spell_path
from authz.scope import scope_match

#: The methods a rule may name. `*` covers these and every other one.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: What a rule for every method is taken to stand for, in the order people expect.
USUAL_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
USUAL: Final = frozenset(USUAL_METHODS)

#: What stands for a segment that no pattern names.
SAMPLE: Final = "~sample"

_METHOD: Final = re.compile(r"[A-Za-z]+|\([A-Za-z]+\)")
_ANY: Final = ":any"

#: What other programs call what one does.
_METHOD_HINTS: Final = {
    "read": "write `GET`",
    "view": "write `GET`",
    "write": "write `POST|PUT|PATCH|DELETE`, or those that are meant",
    "edit": "write `POST|PUT|PATCH`, or those that are meant",
    **dict.fromkeys(("all", "any"), "write `*`"),
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
    #: The segments as a path has them; None for those that may be any.
    literals: tuple[str | None, ...]

    @classmethod
    def of(cls, text: str) -> "PathPattern":
        """Return the pattern that *text* spells; it is not checked, see `problem`."""
        return _pattern(text)

    @classmethod
    def literal(cls, path: str) -> "PathPattern":
        """Return the pattern of *path*, of a request, and of no other."""
        return _pattern(spell_path(path))

    @staticmethod
    def problem(text: str) -> Problem | None:
        """Return what is wrong with *text* as a pattern, or None."""
        return path_problem(text)

    def matches(self, path: str) -> bool:
        """Return whether *path*, of a request, lies in the pattern."""
        given = path.split("/")
        if self.tail:
            if len(given) <= len(self.segments):
                return False
        elif len(given) != len(self.segments):
            return False
        return all(
            bool(have) if want is None else have == want
            for want, have in zip(self.literals, given, strict=False)
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
        filled = [sample if part is None else part for part in self.literals]
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
    segments = [*map(one_spelling, text.split("/"))]
    tail = segments[-1] == "*"
    if tail:
        segments.pop()
    literals = (None if _is_parameter(part) else plain(part) for part in segments)
    return PathPattern(text, tuple(segments), tail, tuple(literals))


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
                    f"`{field}` is not a method list", _meant_methods(field)
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


def _meant_methods(field: str) -> str:
    """Return the mend of what is no list of methods: regular, or parted otherwise."""
    if field.strip("^$()") in {".*", ".+", "**"}:
        return "write `*`"
    names = re.findall(r"\w+", field.upper())
    if names and METHODS.issuperset(names):
        return f"write `{'|'.join(names)}`"
    return "write names joined by `|`, such as `GET|POST`, or `*`"


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


def concerns(rule: Rule, request: Asked) -> bool:
    """Return whether *rule* speaks of what *request* asks for, whoever asks."""
    return speaks_of(rule, request.method, request.path)


def covers(wide: Rule, narrow: Rule) -> bool:
    """Return whether whatever *narrow* speaks of, *wide* speaks of too."""
    return Methods(wide.methods).covers(Methods(narrow.methods)) and pattern_of(
        wide
    ).covers(pattern_of(narrow))


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


def _is_parameter(part: str) -> bool:
    return part.startswith(":")
