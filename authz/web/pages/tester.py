"""May somebody do something, and why: the address of the page holds the question."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from werkzeug.wrappers import Response

from authz.admin.decisions import Answer, asked_about, check, named
from authz.admin.known_names import Meant
from authz.admin.roles import GIVEN
from authz.decision import About, PolicyInForce
from authz.errors import InvalidValue, MalformedRequest, NotFound
from authz.policy.patterns import METHODS, USUAL_METHODS
from authz.settings.identity_parsers import listed
from authz.web.canonical import check_canonical
from authz.web.pages import wording
from authz.web.pages.base import AdminPages
from authz.web.pages.pagination import asked
from authz.web.pages.previews import Previews


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was typed into the form."""

    who: str = ""
    method: str = "GET"
    path: str = ""
    groups: str = ""
    #: In which scope; in some if it is empty.
    scope: str = ""
    #: `draft` asks the visitor's draft.
    policy: str = ""


class Tester:
    """The tester of one app."""

    def __init__(self, pages: AdminPages, previews: Previews) -> None:
        """Add the page to *pages*."""
        self._pages = pages
        self._previews = previews
        pages.add("/admin/tester", "tester", self.show)

    def show(self) -> Response:
        """Show the form and, if something was asked, the answer."""
        question = Question(
            who=asked("who"),
            method=asked("method").upper() or "GET",
            path=_path(asked("path")),
            groups=asked("groups"),
            scope=self._pages.asked_scope(),
            policy=asked("policy"),
        )
        errors: dict[str, str] = {}
        answer = None
        if question.who or question.path:
            answer = self._answer(question, errors)
        return self._pages.page(
            "authz/admin/tester.html",
            status=HTTPStatus.OK,
            question=question,
            answer=answer,
            roles=self._roles(answer),
            errors=errors,
            methods=USUAL_METHODS,
            offered=self._pages.names(),
        )

    def _roles(self, answer: Answer | None) -> list[str]:
        """Return the roles of who was asked about, but those that everybody has."""
        if answer is None:
            return []
        roles = self._pages.context.policy.roles_of(answer.request.subject.names)
        return sorted(roles - GIVEN)

    def _answer(self, question: Question, errors: dict[str, str]) -> Answer | None:
        if not question.path.startswith("/"):
            errors["path"] = "Write a path of the app; it begins with a slash: /map."
        elif question.method not in METHODS:
            errors["method"] = "This is not an HTTP method."
        else:
            environ = {"REQUEST_METHOD": question.method, "PATH_INFO": question.path}
            try:
                check_canonical(environ, question.path, question.method)
            except MalformedRequest as error:
                errors["path"] = (
                    "A request with this path is refused before the policy is asked "
                    f"({error.why.replace('-', ' ')})."
                )
        subject = self._subject(question, errors)
        about = self._about(question, errors)
        policy = self._policy(question, errors)
        if errors or subject is None:
            return None
        return check(
            self._pages.context,
            subject,
            question.method,
            question.path,
            about=about,
            policy=policy,
        )

    def _about(self, question: Question, errors: dict[str, str]) -> About:
        try:
            scopes = [question.scope] if question.scope else []
            return About(scope=asked_about(self._pages.context, scopes))
        except InvalidValue as error:
            errors["scope"] = wording.sentence(error)
            return About()

    def _subject(self, question: Question, errors: dict[str, str]) -> Meant | None:
        """Return who is meant: somebody the store knows, or just a name."""
        if not question.who:
            errors["who"] = "Say who is asking, for example alice or role:user."
            return None
        try:
            groups = listed(question.groups)
            return named(self._pages.context, question.who, groups)
        except (InvalidValue, NotFound) as error:
            errors["who"] = wording.sentence(error)
            return None

    def _policy(
        self, question: Question, errors: dict[str, str]
    ) -> PolicyInForce | None:
        """Return the policy to ask: the visitor's draft, or None for that in force."""
        draft = self._pages.draft
        if question.policy != "draft" or draft is None:
            return None
        seen = self._previews.of(self._pages.actor, draft)
        if seen.after is None:
            errors["policy"] = wording.sentences(seen.problems)
        return seen.after


def _path(text: str) -> str:
    """Return the path in *text*, which may be an address copied from a browser."""
    if text.startswith(("http://", "https://")):
        return unquote(urlsplit(text).path) or "/"
    return text.partition("?")[0].partition("#")[0]
