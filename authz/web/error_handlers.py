"""A refusal rendered by the app's own error handlers, if its settings say so."""

import logging
from http import HTTPStatus
from typing import Final

from flask import current_app
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.wrappers import Response

from authz.web.rendering import Refusal

_log: Final = logging.getLogger("authz")


def rendered_by_app(refusal: Refusal) -> Response | None:
    """Return what the app's handler makes of *refusal*; None if there is no handler.

    The handler gets werkzeug's exception for the status. Its `description` says in one
    sentence what is refused, and its attribute `refusal` is *refusal*. Whatever the
    handler answers stays a refusal, and is kept in no cache.
    """
    error: HTTPException = default_exceptions[refusal.status](
        description=refusal.message
    )
    error.refusal = refusal  # type: ignore[attr-defined]
    try:
        answer = current_app.handle_http_exception(error)
        if answer is error:
            return None
        response = current_app.make_response(answer)
    except Exception:  # noqa: BLE001 - whatever it is, the request stays refused
        _log.exception("an error handler of the app failed; authz renders the refusal")
        return None
    if response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        response.status_code = refusal.status
    response.headers["Cache-Control"] = "no-store"
    return response
