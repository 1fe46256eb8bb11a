"""How a refusal is said: to a program as problem+json, to a person as a page."""

import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from flask import Request, current_app, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.routing import WebsocketMismatch
from werkzeug.wrappers import Response

from authz.decision import Subject
from authz.web.next_page import safe_next
from authz.web.prerendered import fill
from authz.web.state import current_request

#: Not `Basic` or the like, for which browsers open a window of their own.
_CHALLENGE: Final = 'Session realm="authz"'

_TITLES: Final = {
    400: "Bad request",
    401: "Sign in first",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    429: "Too many attempts",
    500: "Not available",
    503: "Not available",
}
#: What the page of a refusal is made of.
_PARTS: Final = ("authz/base.html", "authz/viewing.html", "authz/admin/icons.html")
#: How much of a path is shown.
_MAX_PATH: Final = 200
_JSON_TYPES: Final = ("application/json", "application/problem+json")
#: For pages of ours: nothing from elsewhere, nothing inline, in nobody's frame.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that gets nothing, and what its sender may know about it."""

    status: int
    #: One plain sentence for a person. Never the policy.
    message: str
    #: A stable machine word.
    reason: str
    #: What the person may quote; it is in the audit log too.
    request_id: str
    #: Where a person signs in and comes back from; None if that would not help.
    sign_in_url: str | None = None


def new_request_id() -> str:
    """Return an id for a refused request."""
    return os.urandom(6).hex()


def is_host_failure(failure: Exception | None) -> bool:
    """Return whether the router could make nothing of the Host header.

    Then no address can be built either.
    """
    return isinstance(failure, BadRequest) and not isinstance(
        failure, WebsocketMismatch
    )


def wants_json(current: Request, api_prefixes: tuple[str, ...]) -> bool:
    """Return whether the client that sent *current* is a program."""
    if is_host_failure(current.routing_exception):
        return True
    path = current.path
    if any(path == p or path.startswith(p.rstrip("/") + "/") for p in api_prefixes):
        return True
    accept = current.environ.get("HTTP_ACCEPT", "")
    if "json" not in accept:
        return False
    best = current.accept_mimetypes.best_match(("text/html", *_JSON_TYPES))
    return best in _JSON_TYPES


def as_problem(refusal: Refusal, *, sign_in: bool) -> Response:
    """Return *refusal* as `application/problem+json` (RFC 9457)."""
    body = {
        "type": f"urn:authz:problem:{refusal.reason}",
        "title": _TITLES[refusal.status],
        "status": refusal.status,
        "detail": refusal.message,
        "request_id": refusal.request_id,
    }
    if sign_in and not is_host_failure(request.routing_exception):
        body["sign_in"] = url_for("authz.sign_in")
    response = Response(
        json.dumps(body) + "\n",
        status=refusal.status,
        content_type="application/problem+json",
    )
    return _finished(response)


def as_page(  # noqa: PLR0913 - what the template shows
    refusal: Refusal,
    *,
    subject: Subject | None,
    csrf_token: str | None,
    sign_out_url: str | None = None,
    sign_in: bool,
    next_page: str | None,
    contact: str | None,
) -> Response:
    """Return *refusal* as a page that says who you are and what to do now."""
    signed_in = subject is not None and subject.is_authenticated
    current = current_request()
    links = {"sign_out_url": _sign_out_url} if csrf_token else {}
    page = fill(
        "authz/refused.html",
        _PARTS,
        kind={
            "status": refusal.status,
            "heading": _TITLES[refusal.status],
            "is_start": current.path == "/",
            "is_change": current.method not in {"GET", "HEAD"},
        },
        values={
            "message": refusal.message,
            "subject_name": subject.display_name if subject and signed_in else None,
            "subject_id": subject.name if subject and signed_in else None,
            "path": current.path[:_MAX_PATH],
            "request_id": refusal.request_id,
            "sign_in_url": url_for("authz.sign_in", next=next_page)
            if sign_in
            else None,
            "sign_out_url": None if csrf_token else sign_out_url,
            "csrf_token": csrf_token,
            "contact": contact,
        },
        links=links,
    )
    response = Response(
        page, status=refusal.status, content_type="text/html; charset=utf-8"
    )
    return _finished(response)


def _sign_out_url() -> str:
    return url_for("authz.sign_out")


def render(template: str, **values: object) -> str:
    """Return *template* with *values*.

    The app's context processors do not run: they may want somebody signed in, and an
    error in one would turn every refusal into a server error.
    """
    return current_app.jinja_env.get_or_select_template(template).render(values)


def html_page(
    template: str, status: int = HTTPStatus.OK, /, **values: object
) -> Response:
    """Return the page that *template* makes of *values*, protected as all of ours."""
    page = render(template, **values)
    response = Response(page, status=status, content_type="text/html; charset=utf-8")
    return protect_page(response)


def json_page(document: object, status: int = HTTPStatus.OK) -> Response:
    """Return *document* as JSON, likewise."""
    text = json.dumps(document) + "\n"
    return protect_page(Response(text, status, content_type="application/json"))


def return_path(current: Request) -> str | None:
    """Return where to come back to after signing in: this very page, if it can be."""
    path = current.script_root + quote(current.path, safe="/~!$&'()*+,;=:@")
    query = current.query_string.decode("ascii", "replace")
    return safe_next(f"{path}?{query}" if query else path)


def _finished(response: Response) -> Response:
    if response.status_code == HTTPStatus.UNAUTHORIZED:  # RFC 9110, 15.5.2
        response.headers["WWW-Authenticate"] = _CHALLENGE
    return protect_page(response)


def protect_page(response: Response, *, leads_to: Collection[str] = ()) -> Response:
    """Add the headers that a page of authz has: kept nowhere, framed nowhere.

    *leads_to* are other sites that its form may lead on to.
    """
    headers = response.headers
    headers["Cache-Control"] = "no-store"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Content-Security-Policy"] = (
        CONTENT_SECURITY_POLICY.replace(
            "form-action 'self'", " ".join(("form-action 'self'", *sorted(leads_to)))
        )
        if leads_to
        else CONTENT_SECURITY_POLICY
    )
    return response
