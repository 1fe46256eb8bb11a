"""What a policy is asked: who wants to use which method on which path."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from authz.decision.subject import Subject
from authz.scope import AskedScope, asked_scope, texts_of

#: Methods that only look (RFC 9110, 9.2.1).
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a question is about, beside who asks for which method on which path."""

    #: One scope, several (it is allowed if it is for each), or None for none in
    #: particular (it is allowed if it is in some scope). A policy without scopes does
    #: not ask.
    scope: AskedScope = None

    @classmethod
    def of_kept(cls, kept: Mapping[str, Any]) -> "About":
        """Return what was *kept* by `kept_of`. Raises `InvalidValue`."""
        return About(scope=asked_scope(str(kept.get("scope", "")).splitlines()))

    @property
    def document(self) -> dict[str, Any]:
        """The same as JSON knows values."""
        return {"scopes": list(texts_of(self.scope))}

    @property
    def in_words(self) -> str:
        """What to say behind a method and a path, a blank first; empty if nothing."""
        return f" in {self.scope}" if self.scope else ""

    def asked(self, subject: Subject, method: str, path: str) -> "AccessRequest":
        """Return the question whether *subject* may use *method* on *path*."""
        return AccessRequest(
            subject=subject, path=path, method=method, scope=self.scope
        )


#: Where a question is about nothing else.
ABOUT_NOTHING: Final = About()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest(About):
    """One question to the policy."""

    subject: Subject
    #: The path the router used (`request.path`), decoded once; never the raw URI.
    path: str
    #: An upper-case HTTP method.
    method: str


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


def kept_of(asked: Asked) -> dict[str, str]:
    """Return what *asked* is about as texts by name, to be kept with a decision."""
    return {} if asked.scope is None else {"scope": "\n".join(texts_of(asked.scope))}
