"""The cookies of one app: their names, prefixes and paths, in one place.

Browsers do not tell ports apart, so two apps on one host share their cookies. Each app
has names of its own: of `AUTHZ_COOKIE_NAME`, or made of what the app is and of the port
it is reached at. A secure cookie is bound to its host by `__Host-` (RFC 6265bis,
4.1.3), unless sub-domains share the sign-in.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from authz.errors import InvalidCredentials
from authz.identity.source import RequestFacts

_DIGITS: Final = 8
_REMEMBERED: Final = 64
#: Of cookies with one name a browser sends a few at most; more were planted.
_MAX_VALUES: Final = 4


class Cookie(StrEnum):
    """The cookies there are, by what stands behind the name of the app."""

    #: Names a session.
    SESSION = ""
    #: Ties a form to the browser that it was given to.
    FORM = "form"
    #: Says in whose browser it is; see `authz.identity.devices`.
    DEVICE = "device"
    #: Stands for the code of `authz break-glass`.
    BREAK_GLASS = "break-glass"
    #: Stands for looking as somebody else; see `authz.identity.view_as`.
    VIEW_AS = "view-as"
    #: What is said once, on the next page.
    FLASH = "said"
    #: Marks the store as somebody's last change left it.
    MARK = "mark"
    #: The changes that somebody is preparing.
    DRAFT = "draft"


#: What sub-domains share, if they share anything: who was in at one, was at all.
_SHARED: Final = frozenset({Cookie.SESSION, Cookie.DEVICE})


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieSettings:
    """What the operator decided about cookies."""

    #: What their names begin with; None: a name of the app's own.
    name: str | None = None
    #: Sub-domains of it share the sign-in; None: each host has its own.
    domain: str | None = None
    #: Whether they travel over HTTPS only; None: as the request came.
    secure: bool | None = None


class CookieNames:
    """Says what the cookies of one app are called, request by request."""

    def __init__(self, settings: CookieSettings, app: str = "") -> None:
        """Follow *settings*; *app* tells this app from others, if nothing else does."""
        self._settings = settings
        self._app = app
        self._bases: dict[str, str] = {}
        #: What session cookies begin with, by the host.
        self._over_http: dict[str, str] = {}
        self._over_https: dict[str, str] = {}

    @property
    def domain(self) -> str | None:
        """The domain whose sub-domains share the sign-in, if they do."""
        return self._settings.domain

    def is_secure(self, facts: RequestFacts) -> bool:
        """Return whether a cookie that is given now travels over HTTPS only."""
        if self._settings.secure is None:
            return facts.environ.get("wsgi.url_scheme") == "https"
        return self._settings.secure

    def only_session(self, facts: RequestFacts) -> str | None:
        """Return the value of the session cookie, if one came and is plain to see.

        None says nothing: ask `values` then. Called for each request.
        """
        environ = facts.environ
        header: str = environ.get("HTTP_COOKIE", "")
        secure = self._settings.secure
        if secure is None:
            secure = environ.get("wsgi.url_scheme") == "https"
        known = self._over_https if secure else self._over_http
        beginning = known.get(environ.get("HTTP_HOST", ""))
        if beginning is None:
            beginning = self.beginning(facts)
        if not header.startswith(beginning):
            before, found, value = header.partition(f"; {beginning}")
            if not found or beginning in before:
                return None
        else:
            value = header[len(beginning) :]
        if ";" in value:
            value, _, others = value.partition(";")
            if beginning in others:
                return None
        return value.rstrip()

    def beginning(self, facts: RequestFacts) -> str:
        """Return what the session cookie begins with: its name and `=`."""
        host = facts.environ.get("HTTP_HOST", "")
        known = self._over_https if self.is_secure(facts) else self._over_http
        beginning = known.get(host)
        if beginning is None:
            beginning = f"{self.name(Cookie.SESSION, facts)}="
            if len(known) >= _REMEMBERED:
                known.clear()  # whoever connects does not choose its size
            known[host] = beginning
        return beginning

    def name(self, cookie: Cookie, facts: RequestFacts) -> str:
        """Return the name of *cookie* where a request comes in."""
        base = self._base(facts.environ)
        name = f"{base}-{cookie}" if cookie else base
        if not self.is_secure(facts):
            return name
        return f"{self._prefix(cookie)}{name}"

    def values(self, cookie: Cookie, facts: RequestFacts) -> tuple[str, ...]:
        """Return the values of *cookie* that came; of several, some were planted.

        Raises:
            InvalidCredentials: if there are more than a browser would have.
        """
        header: str | None = facts.environ.get("HTTP_COOKIE")
        if header is None:
            return ()
        found = _values(header, self.name(cookie, facts))
        if len(found) > _MAX_VALUES:
            raise InvalidCredentials("session", "several-cookies")
        return found

    def every_value(self, cookie: Cookie, facts: RequestFacts) -> tuple[str, ...]:
        """Return the values of *cookie*, however many were planted beside the good."""
        return _values(facts.environ.get("HTTP_COOKIE", ""), self.name(cookie, facts))

    def value(self, cookie: Cookie, facts: RequestFacts) -> str | None:
        """Return the value of *cookie*; None if it did not come, or came twice."""
        found = self.every_value(cookie, facts)
        return found[0] if len(found) == 1 else None

    def attributes(self, cookie: Cookie, facts: RequestFacts) -> Mapping[str, Any]:
        """Return what else a browser is told with *cookie*, as Werkzeug spells it."""
        return {
            "path": "/",
            "domain": self.domain if cookie in _SHARED else None,
            "secure": self.is_secure(facts),
            "httponly": True,
            # Lax, not Strict: the first click from another site should find you signed
            # in. Unsafe requests are checked by their origin instead.
            "samesite": "Lax",
        }

    def is_outside(self, facts: RequestFacts) -> bool:
        """Return whether the host is none that the domain of the cookie covers."""
        if self.domain is None:
            return False
        host = _host(facts.environ.get("HTTP_HOST", ""))
        return host != self.domain and not host.endswith(f".{self.domain}")

    def _prefix(self, cookie: Cookie) -> str:
        shared = cookie in _SHARED and self.domain is not None
        return "__Secure-" if shared or cookie is Cookie.DRAFT else "__Host-"

    def _base(self, environ: Mapping[str, Any]) -> str:
        if self._settings.name is not None:
            return self._settings.name
        if self.domain is not None:  # the same for every app that shares it
            return _named(f"domain {self.domain}")
        host = environ.get("HTTP_HOST", "")
        base = self._bases.get(host)
        if base is None:
            base = _named(f"{self._app} {_port(host)}")
            if len(self._bases) >= _REMEMBERED:
                self._bases = {}
            self._bases[host] = base
        return base


def _named(what: str) -> str:
    return f"authz-{hashlib.sha256(what.encode()).hexdigest()[:_DIGITS]}"


def _port(host: str) -> str:
    """Return the port in a `Host` header; the empty string where there is none."""
    port = host.rpartition("]")[2].rpartition(":")[2] if ":" in host else ""
    return port if port.isascii() and port.isdigit() else ""


def _host(host: str) -> str:
    name = host if host.startswith("[") else host.partition(":")[0]
    return name.lower().rstrip(".")


def _values(header: str, name: str) -> tuple[str, ...]:
    if name not in header:
        return ()
    prefix = f"{name}="
    # The same value twice says nothing else than once.
    return tuple(
        dict.fromkeys(
            pair[len(prefix) :]
            for part in header.split(";")
            if (pair := part.strip()).startswith(prefix)
        )
    )
