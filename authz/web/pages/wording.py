"""Names, reasons and times as a person reads them.

The pages never show how the policy language abbreviates things; a name is shown with
what kind of name it is, a rule as a sentence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from authz.decision import ANONYMOUS_METHOD, AUTHENTICATED, EVERYONE, Effect, Reason
from authz.errors import AuthzError, PolicyError, Problem

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_MONTH: Final = 30 * _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """A name of the policy, in words."""

    #: The name as the policy has it.
    name: str
    #: A sign in `authz/admin/icons.html`.
    icon: str
    #: What kind of name it is: `Person`, `Role`.
    kind: str
    label: str
    #: Who vouches for them, if that is not this app.
    note: str = ""


_FIXED: Final = {
    EVERYONE: ("everyone", "Everyone", "Everyone"),
    AUTHENTICATED: ("people", "Everyone", "Everyone who signed in"),
    ANONYMOUS_METHOD: ("stranger", "Everyone", "People who have not signed in"),
    "auth:local": ("key", "Sign-in", "Signed in here with a password"),
}
_KINDS: Final = {
    "user": ("person", "Person"),
    "group": ("people", "Group"),
    "role": ("role", "Role"),
    "auth": ("key", "Sign-in"),
    "token": ("token", "Token"),
}

#: Before the name on the host of whoever typed a command.
_SHELL: Final = "auth:shell/"


def who(name: str) -> Who:
    """Return the *name* of a policy in words."""
    if name in _FIXED:
        icon, kind, label = _FIXED[name]
        return Who(name=name, icon=icon, kind=kind, label=label)
    prefix, _, body = name.partition(":")
    icon, kind = _KINDS.get(prefix, ("dot", "Name"))
    if name.startswith(_SHELL):
        label = name.removeprefix(_SHELL)
        return Who(name=name, icon="key", kind="Shell", label=label)
    if prefix == "auth":
        return Who(name=name, icon=icon, kind=kind, label=f"Signed in by {body}")
    if prefix == "user" and "/" in body:
        source, _, person = body.partition("/")
        return Who(name=name, icon=icon, kind=kind, label=person, note=source)
    return Who(name=name, icon=icon, kind=kind, label=body or name)


#: Why a decision came out as it did, as a sentence.
REASONS: Final = {
    Reason.ALLOWED_BY_RULE: "A rule allows it, and none denies it.",
    Reason.DECLARED_PUBLIC: "The app declares it public, and no rule denies it.",
    Reason.DENIED_BY_RULE: "A rule denies it. A rule that denies always wins.",
    Reason.NO_RULE: "No rule allows it, and what no rule allows is denied.",
    Reason.CROSS_ORIGIN: "The request came from another site.",
    Reason.EVALUATION_FAILED: "The policy raised an error for this request.",
    Reason.MALFORMED: "The address or the method is not written in its plain form.",
    Reason.INVALID_CREDENTIALS: "What identified the visitor is not valid.",
    Reason.DISABLED: "They are disabled, and refused whatever the policy says.",
    Reason.STORE_UNAVAILABLE: "The store was out of reach for too long.",
}


def reason(word: str) -> str:
    """Return the machine word of a reason as a sentence, or the word itself."""
    try:
        return REASONS[Reason(word)]
    except (ValueError, KeyError):
        return word.replace("-", " ")


def effect(value: Effect) -> str:
    """Return what a rule does, as a verb."""
    return "Allow" if value is Effect.ALLOW else "Deny"


def methods(field: str) -> str:
    """Return the methods of a rule in words: `GET or POST`."""
    if field == "*":
        return "any method"
    names = field.split("|")
    return " or ".join(names)


def ago(then: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago *then* was, roughly."""
    if then is None:
        return "never"
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    if seconds < _MINUTE:
        return "just now" if seconds > -_MINUTE else "in the future"
    for unit, word in ((_MINUTE, "minute"), (_HOUR, "hour"), (_DAY, "day")):
        bigger = {_MINUTE: _HOUR, _HOUR: _DAY, _DAY: _MONTH}[unit]
        if seconds < bigger:
            return f"{_count(int(seconds // unit), word)} ago"
    return f"on {then.date().isoformat()}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def count(number: int, word: str, plural: str = "") -> str:
    """Return *number* and *word*, in the plural if it wants one."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


def pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return *names* as a field offers them: the name, and how it is read."""
    return [(name, who(name).label) for name in names]


def sentence(wrong: Problem | AuthzError | str) -> str:
    """Return what is wrong, and what to do about it if that is said, in sentences.

    Of a policy that cannot be, the first thing that is wrong.
    """
    if isinstance(wrong, PolicyError):
        wrong = wrong.problems[0]
    parts = [wrong] if isinstance(wrong, str) else [wrong.message, wrong.hint]
    return " ".join(f"{_upper(part)}." for part in parts if part).replace("`", "'")


def sentences(problems: Iterable[Problem]) -> str:
    """Return everything that is wrong with one thing, in sentences."""
    return " ".join(map(sentence, problems))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
