"""What a policy is asked: who wants to use which method on which path."""

from dataclasses import dataclass
from typing import Final, Protocol

from authz.decision.subject import Subject
from authz.scope import AskedScope

#: Methods that only look (RFC 9110, 9.2.1).
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """One question to the policy."""

    subject: Subject
    #: The path the router used (`request.path`), decoded once; never the raw URI.
    path: str
    #: An upper-case HTTP method.
    method: str
    #: What it is about: one scope, several (it is allowed if it is for each), or None
    #: for none in particular (it is allowed if it is in some scope). A policy without
    #: scopes does not ask.
    scope: AskedScope = None


class Asked(Protocol):
    """What a policy reads of a question.

    An `AccessRequest`, or what the hook keeps about a request anyway: making a frozen
    value of it for each request would cost more than the decision.
    """

    @property
    def subject(self) -> Subject:
        """Who asks."""

    @property
    def path(self) -> str:
        """The path the router used."""

    @property
    def method(self) -> str:
        """An upper-case HTTP method."""

    @property
    def scope(self) -> AskedScope:
        """What it is about: one scope, several, or None for none in particular."""
