"""What pages note on which a code is typed in: forms of others, and wrong codes."""

from flask import request

from authz.audit import EventTag
from authz.errors import InvalidCredentials
from authz.identity.source import RequestFacts
from authz.runtime import Runtime
from authz.web.origin import origin_detail, origin_message, origin_problem
from authz.web.rendering import new_request_id


def foreign_form(runtime: Runtime, *, source: str, message: str) -> str | None:
    """Return what to tell whoever sent a form from elsewhere, and note it; else None.

    It is *message*, unless a proxy in between is what is wrong. *source* is the way in.
    """
    environ = request.environ
    why = origin_problem(environ, runtime.settings.trusted_origins)
    if why is None:
        return None
    runtime.record(
        EventTag.SIGN_IN_REFUSED,
        facts=RequestFacts(environ),
        reason=why,
        request_id=new_request_id(),
        detail={"source": source, **origin_detail(environ)},
    )
    return origin_message(why, environ) or message


def note_wrong_code(
    runtime: Runtime, error: InvalidCredentials, *, source: str
) -> None:
    """Note that a code opened nothing, because of *error*. *source* is the way in."""
    runtime.record(
        EventTag.IDENTITY_INVALID,
        facts=RequestFacts(request.environ),
        method=request.method,
        path=request.path,
        reason=error.why,
        request_id=new_request_id(),
        detail={"source": source},
    )
