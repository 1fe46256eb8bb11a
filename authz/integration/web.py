"""What answers a request as authz does: refusals, and what was decided."""

from authz.errors import MalformedRequest
from authz.extension import csrf_token
from authz.runtime import Runtime
from authz.web.cookies import Cookies
from authz.web.guarded_views import public
from authz.web.hook import Hook
from authz.web.refusals import sign_in_location
from authz.web.rendering import (
    Refusal,
    as_page,
    as_problem,
    new_request_id,
    protect_page,
    wants_json,
)
from authz.web.state import RequestState, current_request, current_state, state_of

__all__ = [
    "Cookies",
    "Hook",
    "MalformedRequest",
    "Refusal",
    "RequestState",
    "Runtime",
    "as_page",
    "as_problem",
    "csrf_token",
    "current_request",
    "current_state",
    "new_request_id",
    "protect_page",
    "public",
    "sign_in_location",
    "state_of",
    "wants_json",
]
