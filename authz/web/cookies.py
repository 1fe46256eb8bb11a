"""Gives and takes the cookies of one app."""

import time
from typing import Final

from werkzeug.wrappers import Response

from authz.identity.cookies import Cookie, CookieNames
from authz.identity.devices import LIFETIME, remember
from authz.identity.sessions import Session
from authz.identity.source import RequestFacts
from authz.identity.why import Why

_FORM_SECONDS: Final = 3600


class Cookies:
    """Gives and takes the cookies of one app."""

    def __init__(self, names: CookieNames) -> None:
        self._names = names

    def give_session(
        self, response: Response, facts: RequestFacts, session: Session
    ) -> None:
        """Give the browser a *session* that begins, and let it be known again."""
        self.give(response, facts, Cookie.SESSION, session.token)
        device = remember(self.devices(facts), session.account, time.time())
        self.give(response, facts, Cookie.DEVICE, device, max_age=LIFETIME)

    def take_session(self, response: Response, facts: RequestFacts) -> None:
        """Take the session cookie from the browser."""
        self.take(response, facts, Cookie.SESSION)

    def give_form(self, response: Response, facts: RequestFacts, token: str) -> None:
        """Tie a form to this browser for an hour."""
        self.give(response, facts, Cookie.FORM, token, max_age=_FORM_SECONDS)

    def forms(self, facts: RequestFacts) -> tuple[str, ...]:
        """Return what ties forms to this browser; several, if some were planted.

        Raises:
            InvalidCredentials: if there are more than a browser would have.
        """
        return self._names.values(Cookie.FORM, facts)

    def why_missing(self, facts: RequestFacts) -> Why:
        """Return why a form came without the cookie that ties it to its browser."""
        environ = facts.environ
        page = str(environ.get("HTTP_ORIGIN") or environ.get("wsgi.url_scheme", ""))
        if self._names.is_secure(facts) and page.partition(":")[0] == "http":
            return Why.SECURE_COOKIE_OVER_HTTP
        return Why.FORM_COOKIE_MISSING

    def devices(self, facts: RequestFacts) -> tuple[str, ...]:
        """Return what says in whose browser this is; some may be planted."""
        return self._names.every_value(Cookie.DEVICE, facts)

    def give(
        self,
        response: Response,
        facts: RequestFacts,
        cookie: Cookie,
        value: str,
        *,
        max_age: int | None = None,
        **more: str,
    ) -> None:
        """Give the browser a *cookie*, with *more* attributes than it always has."""
        response.set_cookie(
            self._names.name(cookie, facts),
            value,
            max_age=max_age,
            **{**self._names.attributes(cookie, facts), **more},
        )

    def take(self, response: Response, facts: RequestFacts, cookie: Cookie) -> None:
        """Take a *cookie* from the browser."""
        response.delete_cookie(
            self._names.name(cookie, facts), **self._names.attributes(cookie, facts)
        )
