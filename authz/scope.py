"""What a request is about beside its path: `library:kids`. Casbin calls it the domain.

A **scope** is a kind and an id. A request is about one `Scope`, about several
(`Scopes`: allowed if it is for each), or, where there is `None`, about none in
particular: allowed if it is in some scope, known or not yet known.

A rule or a grant holds in every scope its **scope pattern** matches: `*` is every
scope, `kind:*` every one of a kind, anything else the same text.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from authz.errors import InvalidValue, Problem

MAX_SCOPE: Final = 255
#: The pattern of every scope.
ANY_SCOPE: Final = "*"

_KIND: Final = re.compile(r"[a-z][a-z0-9_-]*")
#: What two readers could read differently, as in a path (`web/canonical`).
_ODD: Final = (
    (re.compile(r"\A\s|\s\Z"), "has a blank at an end"),
    (re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"), "holds a control character"),
    (re.compile(r"[\ufffd\ud800-\udfff]"), "is not UTF-8"),
    (re.compile(r"\\"), "holds a backslash"),
    (re.compile(r"//|\A/|/\Z"), "has an empty segment"),
    (re.compile(r"(?:\A|/)\.{1,2}(?:/|\Z)"), "has a dot segment"),
    (re.compile(r"%(?:2f|5c|2e|00)", re.IGNORECASE), "is encoded twice"),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope, as a request is about it: `library:kids`.

    An id may hold what an id in a path may hold, in any alphabet; what could be read
    in two ways is refused when the value is made, and so is a pattern.

    Raises:
        InvalidValue: if *text* is no scope.
    """

    text: str

    def __post_init__(self) -> None:
        problem = _scope_problem(self.text)
        if problem is not None:
            raise InvalidValue.of(problem)

    @classmethod
    def of(cls, kind: str, id: str) -> "Scope":  # noqa: A002 - the field's word
        """Return the scope *id* of a *kind*: `Scope.of("library", "kids")`."""
        if not _KIND.fullmatch(kind):
            raise InvalidValue.of(_kind_problem(kind))
        return cls(f"{kind}:{id}")

    @property
    def kind(self) -> str:
        """What kind of thing it is: `library`."""
        return self.text.partition(":")[0]

    @property
    def id(self) -> str:
        """Which one of that kind: `kids`."""
        return self.text.partition(":")[2]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Scopes:
    """Several scopes that one request is about; it is allowed if it is for each."""

    every: tuple[Scope, ...]

    def __post_init__(self) -> None:
        if not self.every:
            # "About each of none" would allow everything.
            raise InvalidValue("there is no scope in it", "name at least one")

    def __iter__(self) -> Iterator[Scope]:
        return iter(self.every)

    def __str__(self) -> str:
        return ", ".join(scope.text for scope in self.every)


#: What a request is about: one scope, several, or none in particular.
AskedScope = Scope | Scopes | None


def asked_scope(texts: Iterable[str]) -> AskedScope:
    """Return what a request about *texts* is about; about none in particular if empty.

    Raises:
        InvalidValue: if one of them is no scope.
    """
    scopes = tuple(dict.fromkeys(map(Scope, texts)))
    if not scopes:
        return None
    return scopes[0] if len(scopes) == 1 else Scopes(scopes)


def texts_of(about: AskedScope) -> tuple[str, ...]:
    """Return the scopes that a request is about, as text; `asked_scope` reads them."""
    every = (about,) if isinstance(about, Scope) else about or ()
    return tuple(scope.text for scope in every)


def patterns_of(scope: str) -> tuple[str, str, str]:
    """Return the three patterns that match *scope*, the narrowest first."""
    return scope, f"{scope.partition(':')[0]}:*", ANY_SCOPE


def scope_match(scope: str, pattern: str) -> bool:
    """Return whether *scope* lies in *pattern*: Casbin's function `scopeMatch`."""
    return pattern in patterns_of(scope)


def pattern_problem(text: str) -> Problem | None:
    """Return what is wrong with *text* as the scope pattern of a row, or None."""
    if text == ANY_SCOPE:
        return None
    kind, colon, rest = text.partition(":")
    if rest == "*" and _KIND.fullmatch(kind):
        return None
    if colon and "*" in rest:
        return Problem(
            message=f"the scope `{text[:60]}` has a `*` in the wrong place",
            hint=f"write `{kind}:*` for every one of the kind, `*` for every scope, "
            "or a whole id",
        )
    return _scope_problem(text)


def _scope_problem(text: str) -> Problem | None:
    kind, colon, rest = text.partition(":")
    if not text:
        return Problem(
            message="a scope is empty",
            hint="write for example `library:kids`; in a rule, `*` is every scope",
        )
    if not colon or not _KIND.fullmatch(kind):
        return _kind_problem(text[:60] if not colon else kind[:60])
    if not rest:
        return Problem(
            message=f"no id follows `{kind}:` in the scope",
            hint=f"write one, such as `{kind}:kids`",
        )
    if len(text) > MAX_SCOPE:
        return Problem(
            message=f"the scope `{text[:60]}...` is too long",
            hint=f"use at most {MAX_SCOPE - len(kind) - 1} characters after `{kind}:`",
        )
    if rest == "*":
        return Problem(
            message=f"`{text}` is every scope of a kind, not one",
            hint=f"write one, such as `{kind}:kids`",
        )
    for odd, why in _ODD:
        if odd.search(rest):
            return Problem(
                message=f"the id of the scope {text[:60]!a} {why}",
                hint="write it as the app spells it, decoded once",
            )
    return None


def _kind_problem(text: str) -> Problem:
    return Problem(
        message=f"`{text}` does not say what kind of scope it is",
        hint="begin with a kind of small letters, for example `library:kids`",
    )


@dataclass(frozen=True, slots=True)
class ScopeSet:
    """A set of scopes, known and not yet known: what patterns match, less others.

    It is always as small as it can be written: two equal sets have equal patterns, and
    a set without patterns is empty.
    """

    #: The patterns of what is in it; no one is within another, or within `but`.
    patterns: frozenset[str] = frozenset()
    #: The patterns of what is not, although `patterns` match it.
    but: frozenset[str] = frozenset()

    @classmethod
    def where(cls, allowed: Iterable[str], denied: Iterable[str] = ()) -> "ScopeSet":
        """Return the scopes that one of *allowed* matches and none of *denied*."""
        without = _outermost(frozenset(denied))
        outer = _outermost(frozenset(allowed))
        left = frozenset(p for p in outer if not _within(p, without))
        return cls(left, frozenset(p for p in without if _within(p, left)))

    def __contains__(self, scope: object) -> bool:
        """Return whether *scope*, a `Scope`, is in it."""
        if not isinstance(scope, Scope):
            return False
        return _within(scope.text, self.patterns) and not _within(scope.text, self.but)

    def __bool__(self) -> bool:
        """Return whether anything is in it."""
        return bool(self.patterns)

    def covers(self, pattern: str) -> bool:
        """Return whether every scope that *pattern* matches is in it."""
        return _within(pattern, self.patterns) and not common(
            frozenset((pattern,)), self.but
        )

    def meets(self, pattern: str) -> bool:
        """Return whether some scope that *pattern* matches is in it.

        Everything is in every scope, so also a line of a policy without scopes.
        """
        if self.is_all:
            return True
        shared = common(self.patterns, frozenset((pattern,)))
        return bool(ScopeSet.where(shared, self.but))

    @property
    def is_all(self) -> bool:
        """Whether every scope is in it."""
        return ANY_SCOPE in self.patterns and not self.but

    def ids(self, kind: str) -> "ScopeIds":
        """Return which ids of one *kind* are in it."""
        every = f"{kind}:*"
        prefix = f"{kind}:"
        if ANY_SCOPE in self.patterns or every in self.patterns:
            if every in self.but:
                return ScopeIds(every=False, ids=frozenset())
            listed = self.but
            return ScopeIds(every=True, ids=_ids(listed, prefix))
        return ScopeIds(every=False, ids=_ids(self.patterns, prefix))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeIds:
    """Which ids of one kind: those listed, or every one but those listed."""

    #: Whether every id is meant but those in `ids`, known or not yet known.
    every: bool
    ids: frozenset[str]

    @property
    def is_all(self) -> bool:
        """Whether every id is meant."""
        return self.every and not self.ids

    def __contains__(self, id: object) -> bool:  # noqa: A002 - the field's word
        """Return whether *id* is meant."""
        return (id in self.ids) is not self.every

    def __bool__(self) -> bool:
        """Return whether any is meant."""
        return self.every or bool(self.ids)

    def among(self, known: Iterable[str]) -> tuple[str, ...]:
        """Return those of the *known* ids that are meant, in order."""
        return tuple(id for id in known if id in self)  # noqa: A001 - the field's word


def common(some: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    """Return patterns of exactly the scopes that both sets of patterns match.

    Two patterns have nothing in common unless one is within the other.
    """
    if ANY_SCOPE in some:
        return others
    if ANY_SCOPE in others:
        return some
    return frozenset(
        (
            *(p for p in some if _within(p, others)),
            *(p for p in others if _within(p, some)),
        )
    )


def _within(pattern: str, patterns: frozenset[str]) -> bool:
    return not patterns.isdisjoint(patterns_of(pattern))


def _outermost(patterns: frozenset[str]) -> frozenset[str]:
    if ANY_SCOPE in patterns:
        return frozenset((ANY_SCOPE,))
    return frozenset(
        p for p in patterns if p.endswith(":*") or patterns_of(p)[1] not in patterns
    )


def _ids(patterns: Iterable[str], prefix: str) -> frozenset[str]:
    start = len(prefix)
    return frozenset(p[start:] for p in patterns if p.startswith(prefix))


#: Every scope, known and not yet known.
EVERYWHERE: Final = ScopeSet.where((ANY_SCOPE,))
#: What belongs to no one scope: who administers the whole is asked about it. A role in
#: one scope is none here, a role in `*` is.
WHOLE: Final = Scope("authz:whole")
