"""What stands around every admin page, and the way a page is sent."""

import time
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from flask import Blueprint, Flask, redirect, request, url_for
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from authz.admin.changes import Draft
from authz.admin.context import Actor, AdminContext
from authz.admin.history import revisions
from authz.admin.latest_cache import LatestCache
from authz.admin.reach import reach_of
from authz.admin.scopes import KnownScope, known_scopes
from authz.audit import EventTag
from authz.decision import PolicyInForce, Subject
from authz.errors import AuthzError, NotFound, PolicyError, StoreError
from authz.identity.sessions import Session
from authz.identity.source import RequestFacts
from authz.policy.records import Revision
from authz.runtime import Runtime
from authz.scope import ScopeSet
from authz.web.admin_context import current_actor
from authz.web.causes import told
from authz.web.hook import Hook
from authz.web.next_page import safe_next
from authz.web.origin import origin_detail
from authz.web.pages import flash, wording
from authz.web.pages.csrf import FormTokens, StaleForm
from authz.web.pages.draft_cookie import DraftKeeper
from authz.web.pages.menu import Menu
from authz.web.pages.theme import has_keys
from authz.web.rendering import html_page, protect_page
from authz.web.state import current_state

#: A form of these pages is a few hundred bytes; a draft may have some hundred changes.
_MAX_FORM: Final = 256 * 1024
#: Like that of the other pages of authz, and scripts of the app itself that may ask
#: the app itself.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

#: Names that a field offers; more would only make the page long.
_OFFERED: Final = 300

#: Fields that name a scope; what is refused of them is recorded.
_OF_SCOPES: Final = frozenset({"scope", "scopes", "another"})
_TWICE: Final = "The scope was sent twice. Nothing was changed; send it once."

#: As many revisions as any page shows at once, and one more.
_REVISIONS: Final = 21

#: A part of the page on which people look after their own account: takes who they
#: are and returns HTML.
AccountSection = Callable[[Subject], Markup]


class Refused(AuthzError):
    """What a form asks for cannot be; the message is a sentence for its sender."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crumb:
    """One step of the way from the overview to a page."""

    label: str
    url: str


class AdminPages:
    """The admin pages of one app; `get_authz(app).pages`.

    An adapter adds pages of its own: views of its own blueprint that answer with `page`
    (its errors with `answer_errors_of`), a line in `menu`, sentences for `go` with
    `flash.teach`, and a part of everybody's account page with `add_account_section`.
    """

    def __init__(
        self,
        app: Flask,
        runtime: Runtime,
        hook: Hook,
        context: AdminContext,
        public_endpoints: Container[str],
    ) -> None:
        """Prepare the pages of *app*, which is administered in *context*."""
        self.app = app
        self.runtime = runtime
        self.context = context
        self.drafts = DraftKeeper(context)
        self._may = hook.may
        self.menu = Menu(hook.may)
        #: The endpoints that the app declared public.
        self.public_endpoints = public_endpoints
        self.account_sections: list[AccountSection] = []
        self._tokens = FormTokens(runtime)
        self._names: LatestCache[list[str]] = LatestCache()
        self._revisions: tuple[str, int, tuple[Revision, ...]] | None = None
        self.blueprint = Blueprint(
            "authz_admin", "authz.web.pages", url_prefix=runtime.settings.url_prefix
        )
        self.answer_errors_of(self.blueprint)
        #: When a page was sent last, by the monotonic clock; 0.0 if none was.
        self.sent = 0.0

    def add(
        self,
        path: str,
        endpoint: str,
        view: Callable[..., Any],
        *,
        post: bool = False,
    ) -> None:
        """Add the page *view* at *path*, which begins with `/admin/` or `/account`.

        It is one for sending a form to if *post*.
        """
        methods = ["POST"] if post else ["GET"]
        self.blueprint.add_url_rule(path, endpoint, view, methods=methods)

    def answer_errors_of(self, blueprint: Blueprint) -> None:
        """Answer the errors of an adapter's *blueprint* as those of these pages."""
        for error, answer in (
            (StaleForm, self._stale),
            (Refused, self._refused),
            (NotFound, self._not_found),
            (StoreError, self._unreadable),
            (PolicyError, self._unreadable),
        ):
            blueprint.register_error_handler(error, answer)

    def add_account_section(self, section: AccountSection) -> None:
        """Add *section* to the page on which people look after their own account."""
        self.account_sections.append(section)

    @property
    def subject(self) -> Subject:
        """Who looks at the page."""
        return current_state().subject

    @property
    def actor(self) -> Actor:
        """Who administers, as the audit record will tell."""
        return current_actor(self.runtime)

    @property
    def reach(self) -> ScopeSet:
        """The scopes that the visitor administers; see `authz.admin.reach`."""
        return reach_of(self.context, self.actor)

    @property
    def session(self) -> Session | None:
        """The session by which the visitor came; None if it was another way."""
        return self._tokens.session()

    def names(self, *, without: Collection[str] = ()) -> list[str]:
        """Return names of the policy for a field to offer, a few hundred at most."""
        policy = self.context.policy
        known = self._names.get(policy.revision, lambda: sorted(names_of(policy)))
        return [name for name in known[:_OFFERED] if name not in without]

    def scopes(self) -> tuple[KnownScope, ...]:
        """Return scopes for a field to offer, a few hundred at most."""
        reach = self.reach
        known = (s for s in known_scopes(self.context) if reach.covers(s.pattern))
        return tuple(islice(known, _OFFERED))

    def revisions(self, limit: int, before: int | None = None) -> tuple[Revision, ...]:
        """Return the newest revisions first, those below number *before*.

        Raises:
            StoreError, PolicyError: if they cannot be read.
        """
        if before is not None:
            return revisions(self.context, limit=limit, before=before)
        # A big first revision takes long to read, and stays the same.
        now = self.context.records.snapshot()
        known = self._revisions
        if known is None or known[:2] != (now.etag, now.number):
            found = self._newer(now.number, known[2] if known else ())
            known = now.etag, now.number, found
            # The history may be a moment behind the state it tells of.
            if found and found[0].number == now.number:
                self._revisions = known
        return known[2][:limit]

    def _newer(self, number: int, known: tuple[Revision, ...]) -> tuple[Revision, ...]:
        """Return the newest revisions, up to *number*; read are those above *known*."""
        more = number - known[0].number if known else 0
        if 0 < more < _REVISIONS:
            found = tuple(revisions(self.context, limit=more + 1))
            # Not after a restore, which may have brought others with their numbers.
            if found[-1] == known[0]:
                return (*found, *known[1:])[:_REVISIONS]
        return revisions(self.context, limit=_REVISIONS)

    @property
    def draft(self) -> Draft | None:
        """The draft that the visitor is working on."""
        return self.drafts.current(self._tokens.token())

    def keep_draft(self, response: Response, draft: Draft) -> Response:
        """Keep *draft* in the visitor's browser. Raises `DraftTooLong`."""
        self.drafts.keep(response, draft, self._tokens.token())
        return response

    def form(self) -> MultiDict[str, str]:
        """Return the form that was sent.

        Raises:
            StaleForm: if it is not one that this browser was given.
        """
        request.max_content_length = _MAX_FORM
        self._tokens.check()
        for name in ("scope", "another"):
            if len(request.form.getlist(name)) > 1:
                raise Refused(_TWICE)
        return request.form

    def asked_scope(self) -> str:
        """Return the scope that the address of the page names, as it stands there.

        Raises:
            Refused: if there are two.
        """
        texts = request.args.getlist("scope")
        if len(texts) > 1:
            raise Refused(_TWICE)
        return "".join(texts)

    def page(
        self,
        template: str,
        *,
        status: int | None = None,
        crumbs: Iterable[Crumb] = (),
        errors: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """Return the page that *template* makes of *values*.

        *errors* are sentences by the field of its form that they are about; then it is
        a 422, if no other *status* is said.
        """
        token = self._tokens.token()
        self.sent = time.monotonic()
        if not _OF_SCOPES.isdisjoint(errors or ()):
            self._note_refused()
        if status is None:
            status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
        response = html_page(
            template,
            status,
            frame=self._frame(token),
            crumbs=tuple(crumbs),
            wording=wording,
            errors=errors or {},
            **values,
        )
        self._tokens.keep(response, token)
        flash.forget(response)
        return protect(response)

    def go(
        self, endpoint: str, said: str = "", word: str = "", **values: Any
    ) -> Response:
        """Send the browser on to another page, after a form was carried out."""
        return self.go_to(url_for(endpoint, **values), said, word)

    def go_to(self, path: str, said: str = "", word: str = "") -> Response:
        """Send the browser on to *path*, which is one of this app."""
        response = redirect(path, HTTPStatus.SEE_OTHER)
        if said:
            flash.say(response, said, word)
        return protect(response)

    def _frame(self, token: str) -> Mapping[str, Any]:
        runtime = self.runtime
        subject = self.subject
        said = flash.said()
        limited = not self.reach.is_all
        return {
            "limited": limited,
            # Who administers some scopes has no overview; it leads to their people.
            "menu": tuple(
                self.menu.shown(subject, without="authz_admin.overview" * limited)
            ),
            "subject": subject,
            "who": wording.who(subject.name),
            "csrf_token": token,
            "said": said[0].partition("{}") if said else None,
            "word": said[1] if said else "",
            "revision": runtime.policy.revision,
            "number": self._number(),
            # What is wrong with the whole may quote lines that are not theirs.
            "problem": None if limited else runtime.live.problem,
            "instead": runtime.live.instead,
            "unread": {} if limited else runtime.following.problems,
            "ages": runtime.following.ages,
            "write_problem": None if limited else runtime.write_problem,
            "restored": None if limited else runtime.restored,
            "table": None if limited else runtime.table_watch,
            "report_only": runtime.report_only,
            "open_to_everyone": runtime.open_to_everyone,
            "home": self._home(subject),
            "account_path": url_for("authz_admin.account").removeprefix(
                request.script_root
            ),
            "draft_size": len(draft.changes) if (draft := self.draft) else 0,
            "read_only": self.context.records.read_only,
            "scoped": self.context.scoped,
            "single_keys": has_keys(),
            "sign_out_elsewhere": runtime.settings.proxy.sign_out_url,
            "can_sign_out": self.session is not None,
            "here": self._here(),
            "scopes": self.scopes,
        }

    def _home(self, subject: Subject) -> str:
        """Return where the name of these pages leads: never to a refusal."""
        url = url_for("authz_admin.overview")
        path = url.removeprefix(request.script_root)
        return (
            url if self._may(subject, "GET", path) else url_for("authz_admin.account")
        )

    def _number(self) -> int:
        """Return the number of the newest revision, or 0 if nobody counts."""
        try:
            return self.context.records.snapshot().number
        except (StoreError, PolicyError):
            return 0

    @staticmethod
    def _here() -> str:
        """Return where to come back to: this page, if it was asked for with GET."""
        if request.method != "GET":
            return request.script_root + "/"
        query = request.query_string.decode("ascii", "replace")
        path = request.script_root + request.path
        return f"{path}?{query}" if query else path

    def _not_found(self, error: NotFound) -> Response:
        return self.page(
            "authz/admin/not_found.html",
            status=HTTPStatus.NOT_FOUND,
            problem=wording.sentence(error),
        )

    def _note_refused(
        self, why: str = "does-not-fit", detail: Mapping[str, str] | None = None
    ) -> None:
        """Record that what was sent, a scope for example, is refused."""
        self.runtime.record(
            EventTag.FORM_REFUSED,
            facts=RequestFacts(request.environ),
            subject=self.subject.name,
            method=request.method,
            path=request.path,
            reason=why,
            detail=detail or {},
        )

    def _refused(self, error: Refused) -> Response:
        self._note_refused()
        return self.page(
            "authz/admin/refused.html",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            problem=str(error),
            back=_same_site_referrer(),
        )

    def _unreadable(self, error: AuthzError) -> Response:
        """Answer when what is stored cannot be read; the last good policy decides."""
        return self.page(
            "authz/admin/unreadable.html",
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            problems=str(error).splitlines(),
        )

    def _stale(self, error: StaleForm) -> Response:
        self._note_refused(error.why, origin_detail(request.environ))
        return self.page(
            "authz/admin/stale.html",
            status=HTTPStatus.BAD_REQUEST,
            told=told(error.why, request.environ),
            back=_same_site_referrer(),
        )


def names_of(policy: PolicyInForce) -> frozenset[str]:
    """Return the names that a policy speaks of, if it can be looked through."""
    return policy.written.names if policy.written else frozenset()


def protect(response: Response) -> Response:
    """Add the headers of an admin page to *response*."""
    protect_page(response)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


def _same_site_referrer() -> str | None:
    """Return the page that the form was on, if the browser says, as a path."""
    root = request.host_url.rstrip("/")
    referrer = request.headers.get("Referer", "")
    if referrer.startswith(root + "/"):
        return safe_next(referrer.removeprefix(root))
    return None
