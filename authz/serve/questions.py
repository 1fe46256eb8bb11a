"""Takes the questions of proxies out of the requests that reach `authz serve`.

Everything else is for the portal, which always stands at the address that is declared:
whatever host a request names, no page of it is another's.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from werkzeug.wrappers import Response

from authz.audit import EventTag
from authz.decision import Reason
from authz.identity.forwarded import (
    HOST,
    Form,
    Forwarded,
    ForwardRefused,
    ForwardWhy,
    behind_prefix,
    from_x_forwarded,
    from_x_original,
)
from authz.identity.source import RequestFacts
from authz.identity.wsgi_server import merges_names
from authz.runtime import Runtime
from authz.serve.protected_apps import ProtectedApps
from authz.settings import DeclaredHost
from authz.web.api.problems import problem
from authz.web.rendering import new_request_id
from authz.web.state import note_state, refused_state

#: nginx takes anything but these, and 2xx, for an error of its own.
_NGINX: Final = {"401": "401 Unauthorized"}
_NGINX_ELSE: Final = "403 Forbidden"
_NOT_LISTED: Final = frozenset(
    {ForwardWhy.PEER, ForwardWhy.THROUGH_PORTAL, ForwardWhy.UNDECLARED}
)
_MESSAGES: Final[Mapping[str, str]] = {
    ForwardWhy.PEER: "Only listed proxies may ask (AUTHZ_FORWARD_PEERS).",
    ForwardWhy.THROUGH_PORTAL: "This came with the host of the portal: a proxy asks at "
    "an address of its own, and the portal's site answers 404 here.",
    ForwardWhy.SERVER: "The server that runs `authz serve` cannot be relied on to tell "
    "headers apart; run it with gunicorn.",
    ForwardWhy.NO_FORM: "There is no such form of asking.",
    ForwardWhy.MISSING: "A header that the proxy has to send is missing: {header}.",
    ForwardWhy.DOUBLED: "A header is there more than once: {header}.",
    ForwardWhy.MALFORMED: "A header cannot be read: {header}.",
    ForwardWhy.CONTRADICTS: "A header contradicts the others: {header}. The proxy has "
    "to take away what a client sends.",
    ForwardWhy.UNDECLARED: "This address is not declared (AUTHZ_FORWARD_HOSTS).",
    ForwardWhy.AMBIGUOUS: "The address of this page could be read in two ways.",
    ForwardWhy.TOO_LONG: "The address of this page is too long.",
}


class Questions:
    """WSGI middleware: answers what proxies ask, and hands on the rest."""

    def __init__(self, portal: Any, protected: ProtectedApps, runtime: Runtime) -> None:
        """Hand on to *portal*; let *protected* decide."""
        self._portal = portal
        self._protected = protected
        self._runtime = runtime
        forward = runtime.settings.forward
        assert forward.portal is not None  # noqa: S101 - the caller asked
        self._forward, self._address = forward, forward.portal
        self._prefix = f"{runtime.settings.url_prefix}/forward"
        self._forms: dict[str, Form] = {
            self._prefix: from_x_forwarded,
            f"{self._prefix}/nginx": from_x_original,
            f"{self._prefix}/nginx/page": from_x_original,
        }
        self._envoy = f"{self._prefix}/envoy"
        self._behind_envoy = behind_prefix(self._envoy)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path != self._prefix and not path.startswith(f"{self._prefix}/"):
            environ["HTTP_HOST"] = self._address.netloc
            environ["wsgi.url_scheme"] = self._address.scheme
            return self._portal(environ, start_response)
        if path == f"{self._prefix}/nginx":
            start_response = _for_nginx(start_response)
        try:
            asked, host = self._asked(path, environ)
        except ForwardRefused as error:
            return self._refuse(environ, error)(environ, start_response)
        return self._protected(environ, start_response, asked=asked, host=host)

    def _asked(
        self, path: str, environ: dict[str, Any]
    ) -> tuple[Forwarded, DeclaredHost]:
        if RequestFacts(environ).peer not in self._forward.peers:
            raise ForwardRefused(ForwardWhy.PEER)
        if merges_names(environ):
            raise ForwardRefused(ForwardWhy.SERVER)
        if environ.get("HTTP_HOST", "").lower() == self._address.netloc:
            raise ForwardRefused(ForwardWhy.THROUGH_PORTAL, "Host")
        form = self._forms.get(path)
        if form is None and path.startswith(f"{self._envoy}/"):
            form = self._behind_envoy
        if form is None:
            raise ForwardRefused(ForwardWhy.NO_FORM)
        asked = form(environ)
        host = self._forward.host(asked.scheme, asked.netloc)
        if host is None:
            raise ForwardRefused(ForwardWhy.UNDECLARED, HOST)
        return asked, host

    def _refuse(self, environ: dict[str, Any], error: ForwardRefused) -> Response:
        request_id = new_request_id()
        # So that what looks at each answer sees that this one is a refusal.
        refused = refused_state(
            str(environ.get("PATH_INFO", "")),
            str(environ.get("REQUEST_METHOD", "")),
            reason=Reason.MALFORMED,
            revision=self._runtime.policy.revision,
        )
        note_state(environ, refused)
        self._runtime.record(
            EventTag.FORWARD_REFUSED,
            facts=RequestFacts(environ),
            method=str(environ.get("REQUEST_METHOD", "")),
            path=str(environ.get("PATH_INFO", "")),
            reason=error.why,
            request_id=request_id,
            detail={
                "header": error.header,
                "host": str(environ.get("HTTP_X_FORWARDED_HOST", "")),
            },
        )
        listed = error.why not in _NOT_LISTED
        status = HTTPStatus.BAD_REQUEST if listed else HTTPStatus.FORBIDDEN
        return problem(
            status=status,
            reason=error.why,
            detail=_MESSAGES[error.why].replace("{header}", error.header),
            request_id=request_id,
        )


def _for_nginx(start_response: Any) -> Any:
    """Return what answers with a status that nginx's `auth_request` knows."""

    def start(status: str, headers: Any, exc_info: Any = None) -> Any:
        if not status.startswith("200"):
            # To sign in is what 302 says; 401 says it to nginx.
            code = "401" if status.startswith("302") else status[:3]
            status = _NGINX.get(code, _NGINX_ELSE)
        return start_response(status, headers, *([exc_info] if exc_info else []))

    return start
