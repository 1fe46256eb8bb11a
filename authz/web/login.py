"""The sign-in page, and signing out: a blueprint of its own."""

import hmac
import secrets
import time
import unicodedata
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Final

from flask import Blueprint, Flask, redirect, request
from werkzeug.wrappers import Response

from authz.admin.context import AdminContext
from authz.admin.password_links import PATH
from authz.audit import EventTag
from authz.errors import AuthzError, InvalidCredentials, StoreError
from authz.identity.accounts import Account
from authz.identity.devices import known_device
from authz.identity.guesser import Guesser
from authz.identity.hashing_queue import TooBusy
from authz.identity.people import LOCAL, Person
from authz.identity.sessions import Session
from authz.identity.source import RequestFacts
from authz.identity.why import Why
from authz.runtime import Runtime
from authz.web.causes import told
from authz.web.cookies import Cookies
from authz.web.guarded_views import public
from authz.web.health import add_health
from authz.web.next_page import safe_next
from authz.web.origin import origin_detail, origin_problem
from authz.web.password_page import PasswordPage
from authz.web.refusals import ENDED, SAID_HERE
from authz.web.rendering import html_page, new_request_id, protect_page
from authz.web.signals import sign_in_failed, signed_in, signed_out
from authz.web.state import current_state
from authz.web.static_files import static_file

_HERE: Final = Path(__file__).parent
#: A sign-in form is a few hundred bytes; more is not one.
_MAX_FORM = 16 * 1024

_WAIT = "Too many attempts. Please wait {} seconds and try again."
_NOT_OUT = "You could not be signed out. Please try again in a moment."


def sign_in_blueprint(app: Flask, runtime: Runtime, context: AdminContext) -> Blueprint:
    """Return the blueprint `authz` with the sign-in pages of *app*.

    People set their own password in *context*.
    """
    blueprint = Blueprint(
        "authz",
        "authz.web",
        template_folder=str(_HERE / "templates"),
        url_prefix=runtime.settings.url_prefix,
    )
    # Not Blueprint's own static route: the style sheet must be there for strangers.
    blueprint.add_url_rule("/static/<path:filename>", "static", static_file)
    add_health(blueprint, runtime)
    pages = _SignIn(app, runtime)
    if runtime.accounts and runtime.stores.tokens is not None:
        # Where there is a store, accounts can be given and links be kept.
        pages.password = PasswordPage(context, pages.begin)
        add = blueprint.add_url_rule
        add(PATH, "password", pages.password.show, methods=["GET"])
        add(PATH, "password_set", pages.password.use, methods=["POST"])
    if runtime.accounts:
        add = blueprint.add_url_rule
        add("/sign-in", "sign_in", pages.show, methods=["GET"])
        add("/sign-in", "sign_in_submit", pages.submit, methods=["POST"])
    if runtime.accounts or runtime.settings.proxy.sign_out_url:
        add = blueprint.add_url_rule
        add("/sign-out", "sign_out", pages.sign_out, methods=["POST"])
    return blueprint


class _CountedAsOne:
    """Says once that the clients of a proxy cannot be told apart."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._said = False

    def warn(self, why: str) -> None:
        """Say *why*, and what to do, if it was not said yet."""
        if not self._said:
            self._said = True
            self._app.logger.warning(
                "authz: all who sign in through a proxy are counted as one client: %s",
                why,
            )


class _SignIn:
    """The views of the sign-in pages."""

    def __init__(self, app: Flask, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime
        self._cookies = Cookies(runtime.cookies)
        self._as_one = _CountedAsOne(app)
        #: Where people choose another password; None where none can be kept.
        self.password: PasswordPage | None = None

    @public
    def show(self) -> Response:
        """Show the form, or go on if somebody is signed in already."""
        next_page = self._next(request.args.get("next"))
        if current_state().subject.is_authenticated and self._session():
            return redirect(next_page or request.script_root + "/")
        if self._forgetful():
            return self._switched_off()
        ended = request.args.get(ENDED, "")
        return self._form(
            HTTPStatus.OK,
            next_page=next_page,
            error=self._told(ended) if ended in SAID_HERE else None,
        )

    def _next(self, text: str | None) -> str | None:
        return safe_next(text, self._runtime.settings.forward.origins)

    def _session(self) -> Session | None:
        """Return the session of the request; one that does not hold is none."""
        try:
            return self._runtime.sessions.session(RequestFacts(request.environ))
        except InvalidCredentials:
            return None

    @public
    def submit(self) -> Response:
        """Check a name and a password, and begin a session."""
        request.max_content_length = _MAX_FORM
        runtime, facts = self._runtime, RequestFacts(request.environ)
        next_page = self._next(request.form.get("next"))
        if self._forgetful():
            self._refused(facts, Why.SEVERAL_PROCESSES)
            return self._switched_off()
        why = self._form_problem(facts)
        if why is not None:
            self._refused(facts, why)
            return self._form(
                HTTPStatus.BAD_REQUEST, next_page=next_page, error=self._told(why)
            )
        # As accounts are called: two spellings of a name must not be counted apart.
        name = unicodedata.normalize("NFC", request.form.get("username", "").strip())
        guesser, wait = self._guesser(facts, name)
        if wait:
            self._failed(facts, EventTag.SIGN_IN_DELAYED, Why.TOO_MANY_ATTEMPTS)
            response = self._form(
                HTTPStatus.TOO_MANY_REQUESTS,
                next_page=next_page,
                error=_WAIT.format(wait),
                username=name,
            )
            response.headers["Retry-After"] = str(wait)
            return response
        try:
            # Somebody may have been enabled, or given a password, a moment ago.
            if runtime.stores.database is not None:
                runtime.following.catch_up()
        except StoreError:
            return self._try_later(next_page, name)
        try:
            account = runtime.accounts.authenticate(
                name,
                request.form.get("password", ""),
                known=guesser.device is not None,
                to_change=self.password is not None,
            )
        except TooBusy:
            self._refused(facts, Why.TOO_BUSY)
            return self._try_later(next_page, name)
        except InvalidCredentials as error:
            runtime.throttle.failed(guesser)
            self._failed(facts, EventTag.SIGN_IN_FAILURE, error.why)
            return self._form(
                HTTPStatus.UNAUTHORIZED,
                next_page=next_page,
                error=self._told(Why.WRONG_NAME_OR_PASSWORD),
                username=name,
            )
        if account.must_change and self.password is not None:
            try:
                return self.password.ask(account, next_page)
            except AuthzError:
                return self._try_later(next_page, name)
        return self.begin(facts, account, next_page)

    def _guesser(self, facts: RequestFacts, name: str) -> tuple[Guesser, int]:
        """Return as whom a guess at *name* counts, and how long it has to wait."""
        runtime = self._runtime
        why = runtime.client_addresses.why_as_one(facts.peer, facts.environ)
        if why is not None:
            self._as_one.warn(why)
        guesser = Guesser(
            name=name,
            client=runtime.client(facts).subscriber,
            device=known_device(
                self._cookies.devices(facts),
                runtime.accounts.by_name.get(name),
                time.time(),
            ),
        )
        wait = runtime.throttle.wait(guesser)
        if wait and guesser.device is not None:
            # A thief may have used it up; so whose it is still comes as a stranger.
            guesser = replace(guesser, device=None)
            wait = runtime.throttle.wait(guesser)
        return guesser, wait

    def _try_later(self, next_page: str | None, name: str) -> Response:
        response = self._form(
            HTTPStatus.SERVICE_UNAVAILABLE,
            next_page=next_page,
            error=self._told(Why.TOO_BUSY),
            username=name,
        )
        response.headers["Retry-After"] = "1"
        return response

    def begin(
        self, facts: RequestFacts, account: Account, next_page: str | None
    ) -> Response:
        """Begin a session for *account*, and go on."""
        runtime = self._runtime
        try:
            # A session that was planted, or somebody else's, does not live on.
            for earlier in runtime.sessions.presented(facts):
                runtime.sessions.store.end(earlier)
            session = runtime.sessions.store.begin(account, runtime.policy)
        except StoreError:
            return self._try_later(next_page, account.name)
        runtime.record(
            EventTag.SIGN_IN_SUCCESS, subject=account.subject.name, facts=facts
        )
        self._note_seen(account)
        signed_in.send(self._app, subject=account.subject)
        response = redirect(
            next_page or request.script_root + "/", HTTPStatus.SEE_OTHER
        )
        self._cookies.give_session(response, facts, session)
        return protect_page(response)

    def _note_seen(self, account: Account) -> None:
        person = Person(
            id=account.subject.name.removeprefix("user:"),
            display_name="",
            source=LOCAL,
            last_seen=self._runtime.clock(),
        )
        with suppress(StoreError):  # they are signed in all the same
            self._runtime.people.seen([person])

    @public
    def sign_out(self) -> Response:
        """End the session, or go where the proxy ends its own."""
        facts = RequestFacts(request.environ)
        session = self._session()
        response = redirect(request.script_root + "/", HTTPStatus.SEE_OTHER)
        if session is None:
            elsewhere = self._runtime.settings.proxy.sign_out_url
            if elsewhere:
                response = redirect(elsewhere, HTTPStatus.SEE_OTHER)
            return protect_page(response)
        token = request.form.get("csrf_token", "")
        if not hmac.compare_digest(token.encode(), session.csrf_token.encode()):
            self._runtime.record(
                EventTag.FORM_REFUSED,
                subject=session.account.subject.name,
                facts=facts,
                method=request.method,
                path=request.path,
                reason=Why.FORM_TOO_OLD,
            )
            return protect_page(response)  # not our form: nothing happens
        try:
            self._runtime.sessions.store.end(session)
        except StoreError:
            # It has ended here; elsewhere it has not, and they must know.
            return protect_page(
                Response(_NOT_OUT, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "1"})
            )
        self._runtime.record(
            EventTag.SIGN_OUT, subject=session.account.subject.name, facts=facts
        )
        signed_out.send(self._app, subject=session.account.subject)
        self._cookies.take_session(response, facts)
        return protect_page(response)

    def _form_problem(self, facts: RequestFacts) -> Why | None:
        """Return why the form was not given to this browser by this app, or None.

        Otherwise another site could sign its visitors in to an account of its own.
        """
        runtime, environ = self._runtime, request.environ
        why = origin_problem(environ, runtime.settings.trusted_origins)
        if why is not None:
            return why
        try:
            expected = self._cookies.forms(facts)
        except InvalidCredentials:
            return Why.FORM_TOO_OLD
        if not expected:
            return self._cookies.why_missing(facts)
        given = request.form.get("csrf_token", "").encode()
        if not any(hmac.compare_digest(given, one.encode()) for one in expected if one):
            return Why.FORM_TOO_OLD
        if runtime.cookies.is_outside(facts):
            return Why.OUTSIDE_COOKIE_DOMAIN
        return None

    def _told(self, why: str) -> str:
        return told(why, request.environ, domain=self._runtime.cookies.domain or "")

    def _forgetful(self) -> bool:
        """Whether another process may get the next request, and knows no session."""
        shared = self._runtime.sessions.store.shared
        return bool(request.environ.get("wsgi.multiprocess")) and not shared

    def _switched_off(self) -> Response:
        self._app.logger.error(
            "authz: sign-in is switched off because the server runs several processes "
            "and sessions are kept in one: set AUTHZ_STORE, or start it with one "
            "process and several threads (gunicorn --workers 1 --threads 8)"
        )
        return self._form(
            HTTPStatus.SERVICE_UNAVAILABLE,
            next_page=None,
            error=self._told(Why.SEVERAL_PROCESSES),
        )

    def _refused(self, facts: RequestFacts, why: Why) -> None:
        self._runtime.record(
            EventTag.SIGN_IN_REFUSED,
            facts=facts,
            reason=why,
            request_id=new_request_id(),
            detail={**origin_detail(request.environ), "scheme": request.scheme},
        )

    def _failed(self, facts: RequestFacts, tag: EventTag, why: str) -> None:
        # The name is not kept: people type their password into the wrong field.
        self._runtime.record(tag, facts=facts, reason=why, request_id=new_request_id())
        sign_in_failed.send(self._app, peer=facts.peer)

    def _form(
        self,
        status: HTTPStatus,
        *,
        next_page: str | None,
        error: str | None = None,
        username: str = "",
    ) -> Response:
        facts = RequestFacts(request.environ)
        try:
            # The same for every form open in this browser: none makes another stale.
            known = self._cookies.forms(facts)
        except InvalidCredentials:
            known = ()
        token = next(filter(None, known), "") or secrets.token_urlsafe(24)
        response = html_page(
            "authz/sign_in.html",
            status,
            action=request.script_root + request.path,
            csrf_token=token,
            next=next_page,
            error=error,
            username=username[:64],
        )
        self._cookies.give_form(response, facts, token)
        # Browsers hold what a form leads on to against it as well.
        origins = self._runtime.settings.forward.origins
        return protect_page(response, leads_to=origins)
