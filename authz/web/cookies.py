"""The two cookies: the session, and the one that ties a sign-in form to its browser."""

from typing import Final

from werkzeug.wrappers import Response

from authz.identity.sessions import COOKIE, SECURE_COOKIE, LocalSessions
from authz.identity.source import RequestFacts

FORM_COOKIE: Final = "authz-form"
SECURE_FORM_COOKIE: Final = "__Host-authz-form"
_FORM_SECONDS: Final = 3600


class Cookies:
    """Gives and takes the cookies of one app."""

    def __init__(self, sessions: LocalSessions) -> None:
        self._sessions = sessions

    def give_session(self, response: Response, facts: RequestFacts, token: str) -> None:
        """Give the browser the session *token*."""
        secure = self._sessions.is_secure(facts)
        _set(response, SECURE_COOKIE if secure else COOKIE, token, secure=secure)

    def take_session(self, response: Response, facts: RequestFacts) -> None:
        """Take the session cookie from the browser."""
        secure = self._sessions.is_secure(facts)
        response.delete_cookie(
            SECURE_COOKIE if secure else COOKIE,
            path="/",
            secure=secure,
            httponly=True,
            samesite="Lax",
        )

    def give_form(self, response: Response, facts: RequestFacts, token: str) -> None:
        """Tie a sign-in form to this browser for an hour."""
        secure = self._sessions.is_secure(facts)
        name = SECURE_FORM_COOKIE if secure else FORM_COOKIE
        _set(response, name, token, secure=secure, max_age=_FORM_SECONDS)

    def form(self, facts: RequestFacts) -> str | None:
        """Return what ties a sign-in form to this browser, if it is there.

        Raises:
            InvalidCredentials: if there are several.
        """
        secure = self._sessions.is_secure(facts)
        return facts.cookie(SECURE_FORM_COOKIE if secure else FORM_COOKIE)


def _set(
    response: Response,
    name: str,
    value: str,
    *,
    secure: bool,
    max_age: int | None = None,
) -> None:
    # Lax, not Strict: the first click from another site should find you signed in.
    # Unsafe requests are checked by their origin instead.
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        path="/",
        secure=secure,
        httponly=True,
        samesite="Lax",
    )
