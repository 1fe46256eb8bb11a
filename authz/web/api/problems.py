"""What goes wrong, as `application/problem+json` (RFC 9457)."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from werkzeug.wrappers import Response

from authz.errors import (
    AlreadyThere,
    AuditFailure,
    AuthzError,
    BeyondReach,
    LastAdmin,
    LockedOut,
    NotFound,
    PolicyError,
    StoreConflict,
    StoreError,
    StoreReadOnly,
)
from authz.web.api.body import BadRequest
from authz.web.api.schema import Fault, array, number, record, text
from authz.web.rendering import protect_page

#: Seconds after which a client may try again when a store is down.
_RETRY: Final = "5"

SCHEMA: Final = record(
    {
        "type": text("What kind of problem: `urn:authz:problem:` and a stable word."),
        "title": text("The same for every problem of the status."),
        "status": number("The status of the answer.", most=599),
        "detail": text("What is wrong with this request.", most=4096),
        "request_id": text("A number to quote; it is in the audit log."),
    },
    {
        "errors": array(
            record(
                {
                    "pointer": text("Where in the body; empty if nowhere.", most=512),
                    "detail": text("What is wrong there.", most=4096),
                }
            ),
            "Everything that is wrong, not only the first.",
        ),
        "patch": {
            "type": "string",
            "description": "What `git apply` needs to make the change where the policy "
            "file is kept.",
        },
        "sign_in": text("Where to sign in.", most=512),
    },
)


def problem_of(error: AuthzError, *, request_id: str) -> Response:
    """Return the answer that *error* is to a request."""
    status, reason = _status_of(error)
    more: dict[str, Any] = {}
    detail = str(error)
    if isinstance(error, PolicyError):
        more["errors"] = [{"pointer": "", "detail": str(p)} for p in error.problems]
        detail = "this policy cannot be used"
    if isinstance(error, StoreReadOnly):
        more["patch"] = error.patch
    response = problem(
        status=status,
        reason=reason,
        detail=detail,
        request_id=request_id,
        more=more,
    )
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = _RETRY
    return response


def internal(*, request_id: str) -> Response:
    """Return the answer when the mistake is ours; the log tells it, and no answer."""
    return problem(
        status=500,
        reason="internal",
        detail="something went wrong here; the server's log says what",
        request_id=request_id,
    )


def faulty(faults: Iterable[Fault], *, request_id: str) -> Response:
    """Return the answer to a body or query that does not fit its declaration."""
    return problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        reason="does-not-fit",
        detail="the request does not have the form that is asked for",
        request_id=request_id,
        more={
            "errors": [
                {"pointer": fault.pointer, "detail": fault.detail} for fault in faults
            ]
        },
    )


def problem(
    *,
    status: int,
    reason: str,
    detail: str,
    request_id: str,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """Return one problem as an answer."""
    document = {
        "type": f"urn:authz:problem:{reason}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "request_id": request_id,
        **(more or {}),
    }
    return protect_page(
        Response(
            json.dumps(document) + "\n",
            status=status,
            content_type="application/problem+json",
        )
    )


#: The first that fits: what is special stands before what is general.
_STATUSES: Final[tuple[tuple[type[AuthzError], int, str], ...]] = (
    (NotFound, 404, "not-found"),
    (PolicyError, 422, "invalid-policy"),
    (BeyondReach, 403, "beyond-reach"),
    (LockedOut, 409, "locked-out"),
    (LastAdmin, 409, "last-admin"),
    (StoreReadOnly, 409, "read-only"),
    (AlreadyThere, 409, "already-there"),
    (StoreConflict, 412, "stale"),
    (AuditFailure, 503, "no-audit-record"),
    (StoreError, 503, "store-unavailable"),
)


def _status_of(error: AuthzError) -> tuple[int, str]:
    if isinstance(error, BadRequest):
        return error.status, error.reason
    for kind, status, reason in _STATUSES:
        if isinstance(error, kind):
            return status, reason
    return 500, "internal"
