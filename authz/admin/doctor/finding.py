"""What a check of the installation found."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from authz.errors import (
    AuthzError,
    PolicyError,
    Problem,
    SettingsError,
    StoreUnreachable,
)


class Status(StrEnum):
    """How bad it is."""

    OK = "ok"
    #: It works, and somebody should look at it.
    WARN = "warn"
    #: It does not work, or not safely.
    FAIL = "fail"
    #: It could not be checked, because something else is wrong or was not given.
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. Never holds a token or a secret."""

    #: What was looked at, in one or two words: `policy`, `key source`.
    check: str
    status: Status
    #: What was found.
    message: str
    #: What to do about it, one step a line; empty if there is nothing to do.
    hint: tuple[str, ...] = ()
    #: Whether it failed because a server did not answer.
    unreachable: bool = False


def ok(check: str, message: str) -> Finding:
    """Return that *check* found nothing wrong."""
    return Finding(check=check, status=Status.OK, message=message)


def warn(check: str, message: str, *hint: str) -> Finding:
    """Return that somebody should look at *message*."""
    return Finding(check=check, status=Status.WARN, message=message, hint=hint)


def fail(check: str, message: str, *hint: str, unreachable: bool = False) -> Finding:
    """Return that *message* keeps it from working, or from working safely."""
    return Finding(
        check=check,
        status=Status.FAIL,
        message=message,
        hint=hint,
        unreachable=unreachable,
    )


def skip(check: str, message: str) -> Finding:
    """Return why *check* was not made."""
    return Finding(check=check, status=Status.SKIP, message=message)


def from_error(check: str, error: AuthzError) -> tuple[Finding, ...]:
    """Return a finding for each problem that *error* lists, or one for it."""
    if isinstance(error, (PolicyError, SettingsError)):
        return from_problems(check, error.problems)
    return (fail(check, str(error), unreachable=isinstance(error, StoreUnreachable)),)


def from_problems(
    check: str, problems: Iterable[Problem], status: Status = Status.FAIL
) -> tuple[Finding, ...]:
    """Return a finding for each of *problems*."""
    return tuple(
        Finding(
            check=check,
            status=status,
            message=f"{problem.where}: {problem.message}",
            hint=(problem.hint,) if problem.hint else (),
        )
        for problem in problems
    )
