"""What people see while the app waits to be set up, which only administrators do."""

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from flask import request
from werkzeug.wrappers import Response

from authz import Subject
from authz.integration.web import Refusal, Runtime, as_page, csrf_token, new_request_id

_SET_UP: Final = "/setup"
_WAIT: Final = (
    "AudioMuse-AI is not set up yet. An administrator has to do that first; then this "
    "page is here for you."
)


def is_sent_to_set_up(answer: Any) -> bool:
    """Return whether *answer* of the app's barrier leads to its set-up page."""
    location = getattr(answer, "location", None)
    if not isinstance(location, str):
        return False
    return urlsplit(location).path == request.script_root + _SET_UP


def waiting_page(runtime: Runtime, subject: Subject) -> Response:
    """Say that the app is to be set up first."""
    refusal = Refusal(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        message=_WAIT,
        reason="not-set-up",
        request_id=new_request_id(),
    )
    return as_page(
        refusal,
        subject=subject,
        csrf_token=csrf_token() or None,
        sign_in=False,
        next_page=None,
        contact=runtime.settings.contact,
    )
