"""The app's own sign-in, closed: whoever wants in comes through authz.

The three views are replaced and not only refused, so no code of the app that knows
passwords or gives out its session cookie can be reached.
"""

from http import HTTPStatus
from typing import Final

from flask import redirect, request
from werkzeug.wrappers import Response

from authz import EventTag, Guarded, RequestFacts
from authz.integration.web import (
    Cookies,
    Refusal,
    as_problem,
    current_state,
    new_request_id,
    protect_page,
    public,
    sign_in_location,
)
from authz.web.signals import signed_out
from authz_audiomuse.bridge import HOST_COOKIE
from authz_audiomuse.host import SIGN_IN_ROUTES, Host

_SCRIPT: Final = "XMLHttpRequest"
_CLOSED: Final = "People do not sign in to AudioMuse-AI itself here."


def close_sign_in_views(host: Host, guarded: Guarded) -> None:
    """Put views of authz in the place of the app's sign-in and sign-out."""
    own = _SignInViews(host, guarded)

    @public
    def login_page() -> Response:
        return own.show()

    @public
    def auth_endpoint() -> Response:
        return own.sign_in()

    @public
    def logout_endpoint() -> Response:
        return own.sign_out()

    views = {
        view.__name__: view for view in (login_page, auth_endpoint, logout_endpoint)
    }
    for _path, _method, endpoint in SIGN_IN_ROUTES:
        host.app.view_functions[endpoint] = views[endpoint]


class _SignInViews:
    """The views of one app."""

    def __init__(self, host: Host, guarded: Guarded) -> None:
        self._app = host.app
        self._runtime = guarded.runtime
        self._cookies = Cookies(guarded.runtime.cookies)

    def show(self) -> Response:
        """Lead to the page where one signs in, or on if somebody is signed in."""
        if self._runtime.accounts and not current_state().subject.is_authenticated:
            return protect_page(redirect(sign_in_location(None)))
        # Behind a proxy the first page is where the proxy asks who it is.
        return protect_page(redirect(request.script_root + "/"))

    def sign_in(self) -> Response:
        """Refuse a name and a password: they open nothing."""
        refusal = Refusal(
            status=HTTPStatus.FORBIDDEN,
            message=_CLOSED,
            reason="sign-in-elsewhere",
            request_id=new_request_id(),
        )
        return as_problem(refusal, sign_in=bool(self._runtime.accounts))

    def sign_out(self) -> Response:
        """End the session of authz, and lead on to the proxy's sign-out."""
        # That the form was the app's own, the hook has seen to: the session is
        # ambient, so another site's request was refused.
        facts = RequestFacts(request.environ)
        session = self._runtime.sessions.session(facts)
        if request.headers.get("X-Requested-With") == _SCRIPT:
            response = Response(
                '{"status": "logged_out"}\n', mimetype="application/json"
            )
        else:
            response = redirect(self._after(), HTTPStatus.SEE_OTHER)
        if session is not None:
            self._runtime.sessions.store.end(session)
            self._runtime.record(
                EventTag.SIGN_OUT, subject=session.account.subject.name, facts=facts
            )
            signed_out.send(self._app, subject=session.account.subject)
            self._cookies.take_session(response, facts)
        response.delete_cookie(HOST_COOKIE, path="/", samesite="Strict")
        return protect_page(response)

    def _after(self) -> str:
        return self._runtime.settings.proxy.sign_out_url or request.script_root + "/"
