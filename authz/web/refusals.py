"""What somebody gets who gets nothing: which refusal, audited and rendered."""

import re
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote, urlencode, urlsplit

from flask import Request, redirect, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from authz.audit import EventTag
from authz.decision import (
    ANONYMOUS,
    AUTHENTICATED,
    EVERYONE,
    AccessRequest,
    Decision,
    Reason,
    Subject,
)
from authz.errors import InvalidCredentials, MalformedRequest
from authz.identity.basic_auth import CHALLENGE, is_basic
from authz.identity.cookies import Cookie
from authz.identity.guesser import WINDOW
from authz.identity.source import IdentitySource, RequestFacts
from authz.identity.view_as import METHOD as VIEW_AS
from authz.identity.why import Why
from authz.runtime import Runtime
from authz.web.causes import told
from authz.web.error_handlers import rendered_by_app
from authz.web.next_page import safe_next
from authz.web.origin import origin_detail, origin_message, origin_problem
from authz.web.rendering import (
    Refusal,
    as_page,
    as_problem,
    is_host_failure,
    new_request_id,
    return_path,
    wants_json,
)
from authz.web.state import current_request, viewer_in

_MALFORMED: Final = "The address of this page is not written in its plain form."
_NOT_VALID: Final = "What was sent with this request to identify you is not valid."
_TOO_MANY: Final = "Too many wrong tokens came from this address."
_NO_BASIC: Final = (
    "HTTP Basic authentication does not work here: send an API token, "
    "`Authorization: Bearer`."
)
_NO_QUERY: Final = (
    "A token in the address is not looked at, because addresses end up in logs: send "
    "it as a header, `Authorization: Bearer`."
)
#: What programs call a token that they put into an address.
_TOKEN_NAMES: Final = frozenset(
    {"token", "apitoken", "accesstoken", "authtoken", "apikey", "accesskey", "authkey"}
)
_ANONYMOUS: Final = "You need to sign in first."
_CLOSED: Final = (
    "A rule of this app denies the sign-in page itself. Whoever runs the app finds the "
    "rule with `authz doctor`."
)
#: Why a session is over as the sign-in page is told, and what tells it: a cookie that
#: names no session may be another app's, so nothing is said of that.
ENDED: Final = "ended"
SAID_HERE: Final = frozenset(
    {Why.ACCOUNT_CHANGED, Why.ROLES_CHANGED, Why.SEVERAL_COOKIES}
)
_SIGN_IN: Final = frozenset({"authz.sign_in", "authz.sign_in_submit"})
_FORBIDDEN: Final = "Your account may not open this page or do this."
_NO_ROLE: Final = (
    "You are signed in, but neither your name nor any of your groups has a role here."
)
_FOREIGN: Final = "This request came from another site, so it was not carried out."
_VIEW_ONLY: Final = (
    "You see the app as somebody else does, and can only look: nothing is changed in "
    "their name, and their account and the administration stay closed."
)
_UNAVAILABLE: Final = "The app cannot find out right now who may do what."
_RETRY_SECONDS: Final = "5"
_UNSERVED: Final = "The API has no such path, or not for this method."
_BROKEN: Final = "The app is set up in a way that cannot be guarded."


class Refusals:
    """The refusals of one app."""

    def __init__(
        self, runtime: Runtime, may: Callable[[Subject, str, str], bool]
    ) -> None:
        """Refuse what *runtime* decides; *may* says whether somebody may use a path."""
        self._runtime = runtime
        self._may = may
        settings = runtime.settings
        self._json_prefixes = settings.json_prefixes
        #: What the paths of authz itself begin with.
        self._own = tuple(
            f"{prefix}/" for prefix in (settings.url_prefix, *settings.own_apis)
        )

    def malformed(self, facts: RequestFacts, error: MalformedRequest) -> Response:
        """Refuse a path or method that is not in canonical form."""
        request_id = new_request_id()
        self._runtime.record(
            EventTag.REQUEST_MALFORMED,
            facts=facts,
            method=request.environ["REQUEST_METHOD"],
            path=request.path,
            reason=error.why,
            request_id=request_id,
        )
        return self._answer(400, _MALFORMED, "malformed-request", request_id)

    def invalid(self, facts: RequestFacts, error: InvalidCredentials) -> Response:
        """Refuse a credential that does not hold."""
        request_id = new_request_id()
        self._runtime.record(
            EventTag.IDENTITY_INVALID,
            facts=facts,
            method=request.method,
            path=request.path,
            reason=error.why,
            request_id=request_id,
            detail={
                "source": error.source,
                **({"place": error.place} if error.place else {}),
                **({"value": error.value} if error.value else {}),
            },
        )
        if error.why == Why.TOO_MANY_ATTEMPTS:
            response = self._answer(
                429, _TOO_MANY, "too-many-attempts", request_id, sign_in=False
            )
            response.headers["Retry-After"] = str(WINDOW)
            return response
        if error.source == VIEW_AS:
            response = self._answer(
                401, told(error.why), "view-over", request_id, sign_in=False
            )
            # Gone, so that the next request is their own.
            names = self._runtime.cookies
            response.delete_cookie(
                names.name(Cookie.VIEW_AS, facts),
                **names.attributes(Cookie.VIEW_AS, facts),
            )
            return response
        if error.source != "session":
            # The sign-in page would be sent the same, and refuse it as well.
            return self._answer(
                401, _not_valid(error), "invalid-credentials", request_id, sign_in=False
            )
        # The cookie stays: it may be another app's, which shares this host.
        return self._sign_in(
            told(error.why), "invalid-credentials", request_id, ended=error.why
        )

    def unavailable(self, facts: RequestFacts) -> Response:
        """Refuse because the store is out of reach: nobody knows what holds now."""
        request_id = new_request_id()
        self._runtime.record(
            EventTag.DECISION_DENY,
            facts=facts,
            method=request.method,
            path=request.path,
            reason=str(Reason.STORE_UNAVAILABLE),
            revision=self._runtime.policy.revision,
            request_id=request_id,
        )
        response = self._answer(503, _UNAVAILABLE, "store-unavailable", request_id)
        response.headers["Retry-After"] = _RETRY_SECONDS
        return response

    def denied(
        self,
        facts: RequestFacts,
        asked: AccessRequest,
        decision: Decision,
        source: IdentitySource | None,
    ) -> Response:
        """Refuse what the policy does not allow."""
        landing = self._landing(asked)
        if landing is not None:
            return redirect(request.script_root + landing)
        request_id = new_request_id()
        has_role = self._has_role(asked.subject)
        self._runtime.record_decision(
            EventTag.DECISION_DENY,
            asked,
            decision,
            facts=facts,
            detail={
                **self._detail(asked.subject, decision, has_role=has_role),
                **viewer_in(facts.environ),
            },
            request_id=request_id,
        )
        if decision.reason is Reason.VIEW_ONLY:
            return self._answer(
                403, _VIEW_ONLY, "view-only", request_id, subject=asked.subject
            )
        if decision.reason is Reason.CROSS_ORIGIN:
            why = origin_problem(facts.environ, self._runtime.settings.trusted_origins)
            return self._answer(
                403,
                origin_message(str(why), facts.environ) or _FOREIGN,
                "cross-origin",
                request_id,
                subject=asked.subject,
                source=source,
            )
        if request.endpoint in _SIGN_IN:  # a way in that is closed leads nowhere
            return self._answer(
                401, _CLOSED, "sign-in-required", request_id, sign_in=False
            )
        if not asked.subject.is_authenticated:
            return self._sign_in(self._why_anonymous(), "sign-in-required", request_id)
        return self._answer(
            403,
            _FORBIDDEN if has_role else _NO_ROLE,
            "access-denied" if has_role else "no-role",
            request_id,
            subject=asked.subject,
            source=source,
        )

    def _why_anonymous(self) -> str:
        """Return what is said to who did not say who they are in a way that counts."""
        if is_basic(request.environ.get("HTTP_AUTHORIZATION")):
            return _NO_BASIC
        sent = {re.sub("[^a-z]", "", name.lower()) for name in request.args}
        if self._runtime.identity.tokens is not None and sent & _TOKEN_NAMES:
            return _NO_QUERY
        return _ANONYMOUS

    def _has_role(self, subject: Subject) -> bool:
        """Whether *subject* has any role that not everybody has."""
        roles = self._runtime.policy.roles_of(subject.names)
        return bool(roles - {EVERYONE, AUTHENTICATED})

    def _detail(
        self, subject: Subject, decision: Decision, *, has_role: bool
    ) -> dict[str, str]:
        """Return what an operator has to know beside the decision."""
        if decision.reason is Reason.CROSS_ORIGIN:
            environ = request.environ
            why = origin_problem(environ, self._runtime.settings.trusted_origins)
            return {"cause": str(why), **origin_detail(environ)}
        return {} if has_role else self._groups_said(subject)

    def _groups_said(self, subject: Subject) -> dict[str, str]:
        """Return what an operator has to know of the groups of who has no role."""
        found = {
            "dropped": "; ".join(f"{g.text}: {g.why}" for g in subject.groups.dropped),
            "near": "; ".join(
                map(str, self._runtime.named_groups.near_misses(subject))
            ),
        }
        return {key: text for key, text in found.items() if text}

    def unserved(self, failure: Exception) -> Response | None:
        """Say that an API of ours has no such path or method; None: Flask says it."""
        if not isinstance(failure, HTTPException) or not request.path.startswith(
            tuple(f"{prefix}/" for prefix in self._runtime.settings.own_apis)
        ):
            return None
        refusal = Refusal(
            status=failure.code or 404,
            message=_UNSERVED,
            reason="no-such-operation",
            request_id=new_request_id(),
        )
        response = as_problem(refusal, sign_in=False)
        allowed = dict(failure.get_headers(request.environ)).get("Allow")
        if allowed:
            response.headers["Allow"] = allowed
        return response

    def broken(self, what: str) -> Response:
        """Refuse because the app cannot be guarded as it stands."""
        request_id = new_request_id()
        self._runtime.record(
            EventTag.DECISION_MISSING,
            facts=RequestFacts(request.environ),
            method=request.method,
            path=request.path,
            request_id=request_id,
            detail={"why": what},
        )
        return self._answer(500, _BROKEN, "misconfigured", request_id)

    def _landing(self, asked: AccessRequest) -> str | None:
        """Return where somebody goes instead of `/`, if they may."""
        landing = self._runtime.settings.landing
        if (
            landing is None
            or landing == "/"
            or asked.path != "/"
            or asked.method not in {"GET", "HEAD"}
            or not asked.subject.is_authenticated
        ):
            return None
        return landing if self._may(asked.subject, "GET", landing) else None

    def _sign_in(
        self, message: str, reason: str, request_id: str, *, ended: str = ""
    ) -> Response:
        """Send a person to the sign-in page; tell a program.

        *ended* is why their session is over, if it is.
        """
        rendered = self._rendered_by_app(
            Refusal(
                status=HTTPStatus.UNAUTHORIZED,
                message=message,
                reason=reason,
                request_id=request_id,
            ),
            sign_in=bool(self._runtime.accounts),
        )
        if rendered is not None:
            return rendered
        runtime = self._runtime
        if (
            runtime.accounts
            and is_navigation(request)
            and not wants_json(current_request(), self._json_prefixes)
        ):
            back = self._back(return_path(request))
            return redirect(sign_in_location(back, ended=ended))
        response = self._answer(401, message, reason, request_id)
        if runtime.accounts and request.headers.get("HX-Request") == "true":
            # htmx follows it whatever the status is, and shows the page it leads to.
            response.headers["HX-Redirect"] = sign_in_location(
                self._back(_shown_page())
            )
        return response

    def _rendered_by_app(self, refusal: Refusal, *, sign_in: bool) -> Response | None:
        if not self._runtime.settings.error_handlers or request.path.startswith(
            self._own
        ):
            return None
        if sign_in and not is_host_failure(request.routing_exception):
            looks = request.method in {"GET", "HEAD"}
            back = self._back(return_path(request)) if looks else None
            refusal = replace(refusal, sign_in_url=sign_in_location(back))
        return rendered_by_app(refusal)

    def _answer(  # noqa: PLR0913 - what a refusal is made of
        self,
        status: int,
        message: str,
        reason: str,
        request_id: str,
        *,
        subject: Subject = ANONYMOUS,
        source: IdentitySource | None = None,
        sign_in: bool = True,
    ) -> Response:
        response = self._rendered(
            status,
            message,
            reason,
            request_id,
            subject=subject,
            source=source,
            sign_in=sign_in,
        )
        if (
            status == HTTPStatus.UNAUTHORIZED
            and self._runtime.identity.basic is not None
            # A browser would open a window of its own.
            and "HTTP_SEC_FETCH_MODE" not in request.environ
            and "HTTP_X_REQUESTED_WITH" not in request.environ
        ):
            response.headers["WWW-Authenticate"] = CHALLENGE
        return response

    def _rendered(  # noqa: PLR0913 - what a refusal is made of
        self,
        status: int,
        message: str,
        reason: str,
        request_id: str,
        *,
        subject: Subject,
        source: IdentitySource | None,
        sign_in: bool,
    ) -> Response:
        runtime = self._runtime
        refusal = Refusal(
            status=status, message=message, reason=reason, request_id=request_id
        )
        sign_in = (
            sign_in
            and bool(runtime.accounts)
            and not subject.is_authenticated
            and status != HTTPStatus.SERVICE_UNAVAILABLE  # it would be refused as well
        )
        rendered = self._rendered_by_app(refusal, sign_in=sign_in)
        if rendered is not None:
            return rendered
        current = current_request()
        if wants_json(current, self._json_prefixes):
            return as_problem(refusal, sign_in=sign_in)
        return as_page(
            refusal,
            subject=subject,
            csrf_token=self._csrf_token(source),
            sign_out_url=runtime.settings.proxy.sign_out_url
            if source is not None and source is runtime.identity.proxied
            else None,
            sign_in=sign_in,
            next_page=self._back(return_path(current))
            if sign_in and current.method == "GET"
            else None,
            contact=runtime.settings.contact,
        )

    def _back(self, page: str | None) -> str | None:
        """Return how the sign-in page is told to lead back to *page* of the app."""
        return page

    def _csrf_token(self, source: IdentitySource | None) -> str | None:
        """Return what a form to sign out needs, if that is done here."""
        sessions = self._runtime.sessions
        if source is not sessions:
            return None
        session = sessions.session(RequestFacts(request.environ))
        return session.csrf_token if session else None


def _not_valid(error: InvalidCredentials) -> str:
    """Return what is wrong with a credential, as far as its sender may know."""
    sentence = f"{_NOT_VALID} {told(error.why)}"
    if not error.place:
        return sentence
    said = f": {error.value}" if error.value else ""
    return f"{sentence} See {error.place}{said} ({error.why})."


def is_navigation(asked: Request) -> bool:
    """Return whether a browser asks for a page to show, and no script or element.

    Browsers say so (`Sec-Fetch-Mode`, Fetch Metadata), but over plain HTTP they do
    not; then what names HTML in `Accept` asks for a page.
    """
    environ = asked.environ
    if asked.method not in {"GET", "HEAD"} or environ.get("HTTP_UPGRADE"):
        return False
    if "HTTP_SEC_WEBSOCKET_KEY" in environ:  # where a proxy took `Upgrade` away
        return False
    if "HTTP_HX_REQUEST" in environ or "HTTP_X_REQUESTED_WITH" in environ:
        return False
    mode = environ.get("HTTP_SEC_FETCH_MODE")
    if mode is not None:
        return bool(mode == "navigate")
    accepted = str(environ.get("HTTP_ACCEPT", "")).lower()
    return "text/html" in accepted or "application/xhtml+xml" in accepted


def _shown_page() -> str | None:
    """Return the page that htmx says it is on, if it is one of this app."""
    try:
        parts = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:
        return None
    return safe_next(parts.path + (f"?{parts.query}" if parts.query else ""))


def sign_in_location(next_page: str | None, *, ended: str = "") -> str:
    """Return the address of the sign-in page that leads on to *next_page*.

    It says why a session has *ended*, where the page alone cannot know.
    """
    location = url_for("authz.sign_in")
    said = {"next": next_page, ENDED: ended if ended in SAID_HERE else None}
    query = urlencode({name: value for name, value in said.items() if value})
    return f"{location}?{query}" if query else location


def redirect_target(failure: RequestRedirect) -> tuple[str, str]:
    """Return where Flask would redirect to: the path as the app sees it, the location.

    Flask builds an absolute address from the Host header; the location has no host.
    """
    parts = urlsplit(failure.new_url)
    root = request.script_root
    path = unquote(parts.path)
    location = parts.path + (f"?{parts.query}" if parts.query else "")
    return path.removeprefix(root), safe_next(location) or root + "/"
