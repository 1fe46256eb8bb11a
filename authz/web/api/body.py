"""The body of a request as one JSON document that can be read in one way only."""

import json
from typing import Any, Final, NoReturn

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from authz.errors import AuthzError

_JSON: Final = "application/json"


class BadRequest(AuthzError):
    """The request is not one that this API takes; *status* says in which way."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        #: A stable machine word.
        self.reason = reason


def read_body(request: Request, *, most: int) -> Any:
    """Return the JSON document that *request* carries, of at most *most* bytes.

    Strict, as two readers of one body must read the same: UTF-8 without a byte order
    mark, no name twice in an object, no NaN, no number too large for a float, no lone
    surrogate (RFC 8259, 4 and 8; RFC 7493).

    Raises:
        BadRequest: if it is not one: 415, 413 or 400.
    """
    if request.mimetype != _JSON or request.headers.get("Content-Encoding"):
        raise BadRequest(415, "not-json", "send `Content-Type: application/json`")
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() not in {"utf-8", "utf8"}:
        raise BadRequest(415, "not-json", "send JSON in UTF-8")
    # One more: a body of unknown length is cut off there without an error.
    request.max_content_length = most + 1
    try:
        data = request.get_data(cache=False)
    except RequestEntityTooLarge:
        data = b" " * (most + 1)
    if len(data) > most:
        raise BadRequest(413, "body-too-large", f"the body has more than {most} bytes")
    return parse(data)


def parse(data: bytes) -> Any:
    """Return the JSON document in *data*. Raises `BadRequest` if it is not one."""
    try:
        document = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_float,
        )
        # Lone surrogates can be written in JSON, and nowhere else.
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise BadRequest(400, "bad-json", "the body is nested too deeply") from error
    except UnicodeError as error:
        raise BadRequest(400, "bad-json", "the body is not UTF-8") from error
    except ValueError as error:
        known = isinstance(error, _Ambiguous)
        why = str(error) if known else "the body is not a JSON document"
        raise BadRequest(400, "bad-json", why) from error
    return document


class _Ambiguous(ValueError):
    """JSON that another reader could read in another way."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Ambiguous("an object of the body has the same name twice")
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise _Ambiguous(f"{word} is not JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if value in {float("inf"), float("-inf")}:
        raise _Ambiguous("a number is too large")
    return value
