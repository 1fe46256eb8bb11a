"""May somebody do something, and why: the address of the page holds the question."""

import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from authz.decision import (
    AccessRequest,
    Decision,
    Effect,
    Explanation,
    Reason,
    Subject,
)
from authz.errors import MalformedRequest
from authz.policy.asking import asked_subject
from authz.policy.matching import METHODS
from authz.web.canonical import check_canonical
from authz.web.pages import words
from authz.web.pages.frame import AdminPages
from authz.web.pages.listing import asked
from authz.web.pages.menu import Group, MenuEntry

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was typed into the form."""

    who: str = ""
    method: str = "GET"
    path: str = ""
    groups: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the policy says, and what the app has at that path."""

    subject: Subject
    explanation: Explanation
    decision: Decision
    #: The endpoint and pattern of the route, or None if the app has none.
    endpoint: str | None
    route: str | None
    #: How long the decision took, in microseconds.
    microseconds: float
    #: The roles that the subject has.
    roles: tuple[str, ...]


class Tester:
    """The tester of one app."""

    def __init__(self, pages: AdminPages) -> None:
        """Add the page to *pages*."""
        self._pages = pages
        entry = MenuEntry(
            label="Tester",
            endpoint="authz_admin.tester",
            group=Group.WHAT,
            icon="tester",
        )
        pages.add("/admin/tester", "tester", self.show, entry=entry)

    def show(self) -> Response:
        """Show the form and, if something was asked, the answer."""
        question = Question(
            who=asked("who"),
            method=asked("method").upper() or "GET",
            path=_path(asked("path")),
            groups=asked("groups"),
        )
        errors: dict[str, str] = {}
        answer = None
        if question.who or question.path:
            answer = self._answer(question, errors)
        return self._pages.page(
            "authz/admin/tester.html",
            question=question,
            answer=answer,
            errors=errors,
            methods=_METHODS,
            offered=self._pages.names(),
        )

    def _answer(self, question: Question, errors: dict[str, str]) -> Answer | None:
        groups = [g.strip() for g in question.groups.split(",") if g.strip()]
        subject = None
        if not question.who:
            errors["who"] = "Say who is asking, for example alice or role:user."
        else:
            try:
                subject = asked_subject(question.who, groups)
            except ValueError as error:
                errors["who"] = words.sentence(str(error))
        if not question.path.startswith("/"):
            errors["path"] = "Write a path of the app; it begins with a slash: /map."
        elif question.method not in METHODS:
            errors["method"] = "This is not a method of HTTP."
        else:
            environ = {"REQUEST_METHOD": question.method, "PATH_INFO": question.path}
            try:
                check_canonical(environ, question.path, question.method)
            except MalformedRequest as error:
                errors["path"] = (
                    "A request with this path is refused before the policy is asked "
                    f"({error.why.replace('-', ' ')})."
                )
        if errors or subject is None:
            return None
        request = AccessRequest(
            subject=subject, path=question.path, method=question.method
        )
        return self._ask(request)

    def _ask(self, request: AccessRequest) -> Answer:
        policy = self._pages.runtime.policy
        policy.decide(request)  # the first look at a subject notes what it found
        begin = time.perf_counter()
        policy.decide(request)
        took = time.perf_counter() - begin
        explanation = policy.explain(request)
        endpoint, route = self._route(request)
        decision = explanation.decision
        if (
            decision.reason is Reason.NO_RULE
            and endpoint in self._pages.public_endpoints
        ):
            decision = Decision(
                effect=Effect.ALLOW,
                reason=Reason.DECLARED_PUBLIC,
                rules=(),
                revision=decision.revision,
            )
        return Answer(
            subject=request.subject,
            explanation=explanation,
            decision=decision,
            endpoint=endpoint,
            route=route,
            microseconds=took * 1e6,
            roles=tuple(sorted(policy.roles_of(request.subject.names))),
        )

    def _route(self, request: AccessRequest) -> tuple[str | None, str | None]:
        adapter = self._pages.app.url_map.bind("")
        try:
            rule, _ = adapter.match(request.path, request.method, return_rule=True)
        except HTTPException:
            return None, None
        return str(rule.endpoint), rule.rule


def _path(text: str) -> str:
    """Return the path in *text*, which may be an address copied from a browser."""
    if text.startswith(("http://", "https://")):
        return unquote(urlsplit(text).path) or "/"
    return text.partition("?")[0].partition("#")[0]
