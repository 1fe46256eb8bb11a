"""What a question of AuthZEN means here, and what the policy says to it.

A question is a request that nobody sent: the same gate, the same scopes, the same
decision as for a request that arrives. What has no meaning here is denied.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask

from authz.admin.context import AdminContext
from authz.decision import AccessRequest, Decision, Subject
from authz.errors import InvalidValue, MalformedRequest
from authz.policy.authzen_table import ROUTE, AuthzenTable, Target
from authz.scope import AskedScope, Scope, asked_scope, texts_of
from authz.settings.authzen import ACCESS
from authz.web.authzen.people import Subjects
from authz.web.authzen.questions import Question
from authz.web.canonical import check_canonical
from authz.web.hook import Hook
from authz.web.state import current_state

#: The property of a resource that says what it is about.
SCOPE: Final = "scope"
_HOST: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one question."""

    #: What was asked of the policy; None if the question has no meaning here.
    asked: AccessRequest | None = None
    decision: Decision | None = None
    #: A stable word for why the policy was not asked; empty if it was.
    why: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the policy was asked, and allows it."""
        return self.decision is not None and bool(self.decision)


class Pdp:
    """Answers questions about the app of one hook."""

    def __init__(
        self, app: Flask, context: AdminContext, hook: Hook, table: AuthzenTable
    ) -> None:
        """Answer about *app*; *table* says what types mean."""
        self._app = app
        self._context = context
        self._hook = hook
        self.table = table
        self.subjects = Subjects(context.runtime, table.subjects)

    def may_ask_about(self, caller: Subject, kind: str, id: str) -> bool:  # noqa: A002
        """Return whether *caller* may ask about the subject *id* of a type.

        That is a decision of the policy: may they POST to `.../about/user/alice`? What
        can be nobody's name is nobody's secret, and denied to whoever asks.
        """
        found = self.subjects.find(kind, id)
        if found is None:
            return True
        # The name of the policy, not the type of the question: one way to say it.
        name = (self.table.subjects[kind] + id).replace(":", "/", 1)
        path = f"{self._context.settings.authzen.prefix}{ACCESS}/about/{name}"
        try:
            _check_form("POST", path)
        except MalformedRequest:
            return False
        # About the host that is asked, say, as the request itself is.
        asked = AccessRequest(
            subject=caller, path=path, method="POST", scope=current_state().scope
        )
        return bool(self._context.runtime.decide(asked))

    def answer(self, asked: Question) -> Verdict:
        """Return what the policy says to *asked*."""
        subject = self.subjects.find(asked.subject_type, asked.subject_id)
        if subject is None:
            return Verdict(why="unknown-subject")
        return self.answer_about(asked)(subject)

    def answer_about(self, asked: Question) -> Callable[[Subject], Verdict]:
        """Return what says what the policy says to *asked* of each of many subjects."""
        try:
            target, scope = self._meant(asked)
        except MalformedRequest as error:
            verdict = Verdict(why=error.why)
            return lambda _: verdict
        decide = self._hook.decide_for(*target, scope)
        refused = self._context.runtime.accounts.refused

        def answer(subject: Subject) -> Verdict:
            request = AccessRequest(
                subject=subject, path=target.path, method=target.method, scope=scope
            )
            if subject.name in refused:
                return Verdict(asked=request, why="disabled")
            return Verdict(asked=request, decision=decide(request))

        return answer

    def _meant(self, asked: Question) -> tuple[Target, AskedScope]:
        """Return which request *asked* speaks of, and what that is about.

        Raises:
            MalformedRequest: if it speaks of none.
        """
        host, id_ = _host_and_id(asked)
        target = self.table.target(asked.resource_type, id_, asked.action)
        if target is None or (host and not self._has_scopes):
            raise MalformedRequest("unknown-resource")
        _check_form(*target)
        given = [*host, *_texts(asked.properties.get(SCOPE))]
        return target, self._scope(target, given) if self._has_scopes else None

    def possible(self, asked: Question, ids: Iterable[str]) -> Iterator[str]:
        """Yield those of *ids* that are worth to be asked about.

        At another app behind `authz serve` nothing but a rule lets in, and that in each
        scope that a request is about: so in the one that stands beside the question.
        """
        try:
            about = asked_scope(_texts(asked.properties.get(SCOPE)))
        except (InvalidValue, MalformedRequest):
            return
        if self._context.settings.is_here(about):
            yield from ids
            return
        subject = self.subjects.find(asked.subject_type, asked.subject_id)
        if subject is None:
            return
        decide = self._context.runtime.decide
        for id_ in ids:
            target = self.table.target(asked.resource_type, id_, asked.action)
            if target is not None and decide(
                AccessRequest(
                    subject=subject,
                    path=target.path,
                    method=target.method,
                    scope=about,
                )
            ):
                yield id_

    def is_here(self, asked: Question) -> bool:
        """Return whether the scope beside *asked*, if any, is that of this very app."""
        try:
            about = asked_scope(_texts(asked.properties.get(SCOPE)))
        except (InvalidValue, MalformedRequest):
            return False
        return self._context.settings.is_here(about)

    @property
    def _has_scopes(self) -> bool:
        """Whether the policy asks what a request is about."""
        written = self._context.policy.written
        return bool(self._hook.scopes) if written is None else written.scoped

    def _scope(self, target: Target, given: list[str]) -> AskedScope:
        """Return what a request is about, by its path and by what is *given* beside.

        Raises:
            MalformedRequest: if that is missing, contradicts itself or is no scope.
        """
        scopes = self._hook.scopes
        try:
            named = asked_scope(given)
            is_here = self._context.settings.is_here(named)
            app = self._app if is_here else None
            beside = texts_of(named)
            inside = texts_of(scopes.of_path(app, *target)) if scopes else ()
        except InvalidValue:
            raise MalformedRequest("scope-malformed") from None
        kinds = {Scope(text).kind for text in inside}
        others = [text for text in beside if Scope(text).kind not in kinds]
        if any(text not in (*inside, *others) for text in beside):
            raise MalformedRequest("scope-contradicts")
        route = self._context.find_route_at(*target, named)
        endpoint = "" if route is None else route.endpoint
        needed = {d.kind for d in scopes.declared(endpoint, *target)}
        if needed - kinds - {Scope(text).kind for text in others}:
            raise MalformedRequest("scope-missing")
        if scopes.ask_the_app and not beside:
            raise MalformedRequest("scope-missing")  # what it would say, nobody knows
        return asked_scope([*inside, *others])


def _host_and_id(asked: Question) -> tuple[list[str], str]:
    """Return the scope and the path that a route's URL names; else its id as it is."""
    id_ = asked.resource_id
    if asked.resource_type != ROUTE or not id_.startswith(("https://", "http://")):
        return [], id_
    try:
        parts = urlsplit(id_)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    # Nothing that two readers could take for the host, and nothing behind the path.
    if (
        not _HOST.fullmatch(host)
        or id_ != f"{parts.scheme}://{parts.netloc}{parts.path}"
    ):
        raise MalformedRequest("url")
    if parts.netloc.lower().partition(":")[0] != host:
        raise MalformedRequest("url")
    return [f"host:{host}"], parts.path


def _texts(given: Any) -> list[str]:
    """Return the scopes that are *given*: none, one, or several."""
    if given is None:
        return []
    texts = given if isinstance(given, list) else [given]
    if not texts or not all(isinstance(each, str) for each in texts):
        raise MalformedRequest("scope-malformed")
    return texts


def _check_form(method: str, path: str) -> None:
    """Raise `MalformedRequest` unless a request could be for *method* on *path*."""
    if path[:1] != "/":
        raise MalformedRequest("path-start")
    check_canonical({"REQUEST_METHOD": method, "PATH_INFO": path}, path, method)
