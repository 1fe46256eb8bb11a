"""What can be promised of a policy, and what comes of it: proven, refuted, neither."""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from authz.decision import (
    ANONYMOUS,
    ANONYMOUS_METHOD,
    EVERYONE,
    SAFE_METHODS,
    Policy,
    Rule,
)
from authz.errors import InvalidValue
from authz.policy.analysis.holders import BASE, GIVEN, Names
from authz.policy.analysis.path_classes import EVERY_PATH
from authz.policy.parse_subject import parse_subject
from authz.policy.patterns import USUAL_METHODS, Methods, PathPattern
from authz.scope import ANY_SCOPE, pattern_problem, patterns_of

#: Whoever there can be.
ANYONE: Final = "anyone"
#: Every method but those that only look.
CHANGE: Final = "change"
#: Each method a rule can name, and two that stand for all it cannot: one that only
#: looks and one that does not. The order is that of counterexamples.
EVERY_METHOD: Final = (*USUAL_METHODS, "HEAD", "OPTIONS", "TRACE", "PURGE")


class Question(StrEnum):
    """What is promised."""

    NEVER = "never"
    ALWAYS = "always"
    IMPLIES = "implies"
    EQUIVALENT = "equivalent"
    DISJOINT = "disjoint"
    REACHABLE = "reachable"
    SEPARATE = "separate"
    #: Of two policies: nobody gains, nobody loses, nothing changes.
    TAKES_AWAY = "takes-away"
    GIVES = "gives"
    SAME = "same"


#: Between two names.
BETWEEN_NAMES: Final = frozenset(
    {Question.IMPLIES, Question.EQUIVALENT, Question.DISJOINT, Question.SEPARATE}
)


class Verdict(StrEnum):
    """What came of a promise."""

    PROVEN = "proven"
    REFUTED = "refuted"
    #: The time was up, or the policy is in a language that cannot be looked through.
    NOT_PROVEN = "not-proven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Whom a promise speaks of."""

    #: As it was written.
    text: str
    #: Their names; None stands for whoever there can be.
    names: Names | None
    #: Names that exist, or are made up for a test, although no policy speaks of them.
    known: Names = frozenset()

    @classmethod
    def of(cls, text: str, groups: Iterable[str] = ()) -> "Party":
        """Return whom *text* means, in *groups*.

        Raises:
            InvalidValue: if it, or a group, cannot be a name.
        """
        if text == ANYONE:
            return cls(text=text, names=None)
        return cls(text=text, names=parse_subject(text, groups).names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Something that is to hold whatever is asked."""

    question: Question
    #: One party, or two for a question between names; none for other questions.
    parties: tuple[Party, ...] = ()
    #: On which paths, and by which of `EVERY_METHOD`.
    region: PathPattern = EVERY_PATH
    methods: tuple[str, ...] = EVERY_METHOD
    #: Who is left out: whoever holds one of these names.
    but: tuple[str, ...] = ()
    #: In which scopes, as a pattern; empty is in each.
    scope: str = ""
    #: Whether a provider may deliver any groups beside the names that are given.
    any_groups: bool = False
    #: The rule that a question is about.
    rule: Rule | None = None
    #: As it was written.
    text: str = ""

    def __str__(self) -> str:
        return self.text or str(self.question)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterexample:
    """The smallest request that breaks a promise; without one, who holds both names."""

    names: Names
    method: str = ""
    path: str = ""
    #: What the request is about; empty if the policy has no scopes.
    scope: str = ""
    #: For a question between two names, who the other one is.
    other: Names | None = None

    @property
    def who(self) -> str:
        """Who asks, in words."""
        return in_words(self.names)

    def command(self, *options: str, other: bool = False) -> str:
        """Return the command line that shows it; *options* are added.

        Of the *other* one of two, if so.
        """
        names = self.other if other and self.other is not None else self.names
        subject, groups = spoken(names)
        words = ["authz", "check", subject, self.method, self.path]
        for group in groups:
            words += ["--group", group]
        if self.scope:
            words += ["--scope", self.scope]
        return shlex.join([*words, "--explain", *options])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a promise."""

    promise: Promise
    verdict: Verdict
    #: What refutes it; for a rule that can be reached, the request that meets it.
    example: Counterexample | None = None
    #: Why it could not be proven.
    why: str = ""
    #: How many kinds of paths were looked at.
    paths: int = 0

    def __bool__(self) -> bool:
        # Only what is proven is true: a time limit must not read as a proof.
        return self.verdict is Verdict.PROVEN


def _never() -> bool:
    return False


def _unheard(_done: int, _total: int) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Whoever waits for a proof: says when to stop, is told how far it is."""

    stop: Callable[[], bool] = _never
    tell: Callable[[int, int], None] = _unheard


UNWATCHED: Final = Watch()
#: How many kinds of paths are looked at between two looks at the clock.
STRIDE: Final = 64


def budget(paths: int) -> Watch:
    """Return what stops a proof after so many kinds of paths, however fast it is."""
    left = iter(range(paths // STRIDE))
    return Watch(stop=lambda: next(left, None) is None)


#: Methods of `EVERY_METHOD`, and paths.
Promised = tuple[tuple[str, ...], PathPattern]


def parse_promised(text: str) -> Promised:
    """Return the methods and the paths that *text* means: `POST /api/**`.

    `change` stands for every method but those that only look, `/**` at the end for
    everything below.

    Raises:
        InvalidValue: if it cannot be read.
    """
    from authz.policy.analysis.tests_file import parse_request

    word, _, rest = text.strip().partition(" ")
    changing = word.lower() == CHANGE
    names, path, below = parse_request(f"* {rest.strip()}" if changing else text)
    region = PathPattern.of(f"{path}*" if below else path)
    if changing:
        return tuple(m for m in EVERY_METHOD if m not in SAFE_METHODS), region
    return tuple(m for m in EVERY_METHOD if Methods(names).matches(m)), region


def check_known(promise: Promise, policy: Policy) -> None:
    """Refuse a promise about what *policy* does not know: it would hold for nothing.

    Raises:
        InvalidValue: with the nearest name or scope.
    """
    ruled = {rule.subject for rule in policy.deciding}
    there = policy.names | ruled | GIVEN
    asked = [
        n for party in promise.parties for n in (party.names or BASE) - party.known
    ]
    for name in (*asked, *promise.but):
        # How somebody signs in comes with their name.
        if name not in there and not name.startswith("auth:"):
            same = [each for each in sorted(there) if each.partition(":")[2] == name]
            near = same or get_close_matches(name, sorted(there), n=1)
            raise InvalidValue(
                f"the policy does not know `{name}`",
                f"did you mean `{near[0]}`?" if near else "check the name",
            )
    _check_scope(promise.scope, policy)


def _check_scope(scope: str, policy: Policy) -> None:
    if not scope:
        return
    if not policy.scoped:
        raise InvalidValue("the policy has no scopes", "leave the scope out")
    problem = pattern_problem(scope)
    if problem:
        raise InvalidValue.of(problem)
    named = {rule.scope for rule in policy.deciding} | {g.scope for g in policy.grants}
    there = {each for pattern in named for each in patterns_of(pattern)} | {ANY_SCOPE}
    if scope not in there:
        near = get_close_matches(scope, sorted(there), n=1)
        raise InvalidValue(
            f"the policy does not know the scope `{scope}`",
            f"did you mean `{near[0]}`?" if near else "check the scope",
        )


def spoken(names: Names) -> tuple[str, list[str]]:
    """Return the subject and the groups that `authz check` takes for *names*."""
    if names == ANONYMOUS.names:
        return "anonymous", []
    own = sorted(names - GIVEN, key=lambda n: (not n.startswith("user:"), n))
    for subject in own:
        groups = [name for name in own if name != subject]
        if parse_subject(subject, groups).names == names:
            return subject, groups
    return "role:authenticated", own


def in_words(names: Names) -> str:
    """Return who has *names*, in words."""
    if ANONYMOUS_METHOD in names:
        return "somebody who has not signed in"
    own = sorted(names - GIVEN)
    if not own:
        if names >= BASE:
            return "somebody who signed in, whoever it is"
        return "somebody" if EVERYONE in names else "nobody"
    return "somebody with " + " and ".join(f"`{name}`" for name in own)
