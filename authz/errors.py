"""What can go wrong, and the evidence for it.

Messages follow one form: a lower-case sentence without a final full stop, user
input in backticks, the place in front (`policy.csv:12: ...`) and the mend last.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, where it stands and how to mend it."""

    #: `policy.csv:12`, `AUTHZ_ADMIN_PASSWORD`, or another place the operator can open;
    #: empty while only whoever asked knows it.
    where: str = ""
    #: What is wrong.
    message: str
    #: What to do about it.
    hint: str
    #: A stable word for what kind of problem it is, where programs tell them apart.
    code: str = ""

    def at(self, where: object) -> "Problem":
        """Return the same problem at the place *where*."""
        return replace(self, where=str(where))

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.where, self.message, self.hint)))


class AuthzError(Exception):
    """Base of every error that authz raises. Never raised itself."""

    #: The settings of an app that could not start because of it: with them a command
    #: finds its store.
    config: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, message: str = "", hint: str = "") -> None:
        #: What is wrong.
        self.message = message
        #: What to do about it; empty if that is not said.
        self.hint = hint
        super().__init__(": ".join(filter(None, (message, hint))))


class _ProblemsError(AuthzError):
    """An error that lists every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        #: All problems, in the order in which they were found.
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    @classmethod
    def at(cls, where: str, message: str, hint: str) -> Self:
        """Return the error of the one problem at a place."""
        return cls([Problem(where=where, message=message, hint=hint)])


class SettingsError(_ProblemsError):
    """Raised at start when settings are missing, unknown or contradict each other.

    Or when packages are installed that must not be together.
    """


class PolicyError(_ProblemsError):
    """Raised when a model or policy cannot be put in force. Nothing of it is used."""


class InvalidValue(AuthzError, ValueError):
    """One value cannot be used. Whoever knows where it stands makes a report of it."""

    def __init__(self, message: str, hint: str) -> None:
        #: What is wrong, and what to do about it.
        self.problem = Problem(message=message, hint=hint)
        super().__init__(message, hint)

    @classmethod
    def of(cls, problem: Problem) -> "InvalidValue":
        """Return the error that carries *problem*."""
        return cls(problem.message, problem.hint)


class InvalidCredentials(AuthzError):
    """A credential is present but does not hold.

    The request is refused; no weaker source is asked.
    """

    def __init__(
        self, source: str, why: str, *, place: str = "", value: str = ""
    ) -> None:
        super().__init__(f"{source}: {why}" + (f" ({place})" if place else ""))
        #: The identity source that recognised the credential.
        self.source = source
        #: A stable machine word, such as `unknown-session`. Never the credential.
        self.why = why
        #: Where what is wrong stands, such as "the header `Remote-User`"; or empty.
        self.place = place
        #: What stands there, shortened, if it is no credential: a name, a group.
        self.value = value


class MalformedRequest(AuthzError):
    """The request's path or method is not in canonical form (answered with 400)."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        #: A stable machine word, such as `dot-segment`.
        self.why = why


class NotFound(AuthzError):
    """What somebody asked an administrator's question about is not there."""


class StoreError(AuthzError):
    """A store could not be read or written. Never read as "the store is empty"."""


class StoreUnreachable(StoreError):
    """The server that keeps the store does not answer; later it may."""


class StoreConflict(StoreError):
    """What is stored is not what the writer last read; somebody else changed it."""


class AlreadyThere(StoreError):
    """What was to be added is there already: a rule, a grant, a person, or a twin."""


class StoreReadOnly(StoreError):
    """Changes are made elsewhere: in the policy file, which is kept in Git."""

    def __init__(self, message: str, hint: str = "", *, patch: str = "") -> None:
        super().__init__(message, hint)
        #: The change as a unified diff, for whoever keeps the file, if there is one.
        self.patch = patch


class AuditFailure(StoreError):
    """The audit record of a change cannot be written, so nothing is changed."""


class LockedOut(AuthzError):
    """The change would take the administration from the very person who makes it."""


class BeyondReach(LockedOut):
    """The change is beyond the scopes that its author administers."""


class LastAdmin(AuthzError):
    """The change would leave nobody who can sign in and administer."""
