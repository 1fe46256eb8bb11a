"""The token that each form of the admin pages carries.

The hook has already asked the browser whether the page that sends a form is ours. The
token says the same a second time, to browsers that do not tell: whoever signed in here
shows the one of their session; whoever comes through a proxy shows the one that lies in
a cookie of their browser (another site can send a form, but not read or set the
cookie, which `__Host-` ties to this host).
"""

import hmac
import secrets

from flask import request
from werkzeug.wrappers import Response

from authz.errors import AuthzError, InvalidCredentials
from authz.identity.sessions import Session
from authz.identity.source import RequestFacts
from authz.identity.why import Why
from authz.runtime import Runtime
from authz.web.cookies import Cookies
from authz.web.origin import origin_problem
from authz.web.state import current_state

FIELD = "csrf_token"
_TOKEN_BYTES = 24


class StaleForm(AuthzError):
    """A form is too old, or was not given to this browser by this app."""

    def __init__(self, why: Why) -> None:
        super().__init__(str(why))
        self.why = why


class FormTokens:
    """Gives and checks the tokens of one app's forms."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._cookies = Cookies(runtime.cookies)

    def token(self) -> str:
        """Return the token for the forms of a page; `keep` must see the response."""
        known = (self._session_token(), *self._cookie_tokens())
        return next(filter(None, known), "") or secrets.token_urlsafe(_TOKEN_BYTES)

    def keep(self, response: Response, token: str) -> None:
        """Tie *token* to this browser, if no session does."""
        if self._session_token() is None:
            facts = RequestFacts(request.environ)
            self._cookies.give_form(response, facts, token)

    def check(self) -> None:
        """Check the form of the current request.

        Raises:
            StaleForm: if its token is not the one of this session or browser.
        """
        facts = RequestFacts(request.environ)
        why = origin_problem(facts.environ, self._runtime.settings.trusted_origins)
        if why is not None:
            raise StaleForm(why)
        own = self._session_token()
        expected = self._cookie_tokens() if own is None else (own,)
        given = request.form.get(FIELD, "").encode()
        if not any(hmac.compare_digest(given, one.encode()) for one in expected if one):
            missing = own is None and not expected
            raise StaleForm(
                self._cookies.why_missing(facts) if missing else Why.FORM_TOO_OLD
            )

    def session(self) -> Session | None:
        """Return the session, if that is what identifies the visitor."""
        try:
            session = self._runtime.sessions.session(RequestFacts(request.environ))
        except InvalidCredentials:
            return None  # a proxy identifies them; an old cookie lies about
        if session is None or session.account.subject != current_state().subject:
            return None
        return session

    def _session_token(self) -> str | None:
        session = self.session()
        return session.csrf_token if session else None

    def _cookie_tokens(self) -> tuple[str, ...]:
        try:
            found = self._cookies.forms(RequestFacts(request.environ))
        except InvalidCredentials:
            return ()
        # Of several, one was planted, and neither opens a form of an administrator.
        return found if len(found) == 1 else ()
