"""What was sent along with a request, read once and as the app would read it.

A body that two readers could read differently is refused: members that stand twice, an
encoding other than UTF-8, a form that is JSON as well.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from flask import Request
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import get_input_stream

#: No page of the app sends more; backups, which are large, are an administrator's.
MAX_BODY: Final = 2 * 1024 * 1024
_MAX_DEPTH: Final = 32
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


class Unreadable(ValueError):
    """The body can be read in more than one way, or in none. Says why in one word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The body of a request."""

    #: What the JSON says; None if it is no JSON.
    json: Any
    is_json: bool
    #: Names and values of a form; files by their field's name, with their file name.
    form: tuple[tuple[str, str], ...] = ()


def read_sent(request: Request) -> Sent:
    """Return what *request* carries, and leave it there for the app to read.

    Raises:
        Unreadable: if the app might read something else than what is checked.
    """
    data = _take_body(request)
    if not data:
        return Sent(json=None, is_json=False)
    if request.method in _WITHOUT_BODY:
        raise Unreadable("body-not-expected")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Unreadable("encoded-body")
    if request.mimetype not in _FORMS:
        # Whatever it calls itself: the app may read JSON without looking at the type.
        return Sent(json=_json(data), is_json=True)
    if data.lstrip()[:1] in b"{[" or _odd_start(data):
        raise Unreadable("json-called-a-form")
    return Sent(json=None, is_json=False, form=_form(request, data))


def put_body(request: Request, data: bytes) -> None:
    """Let the app read *data*."""
    environ = request.environ
    environ["wsgi.input"] = BytesIO(data)
    environ["CONTENT_LENGTH"] = str(len(data))
    environ["wsgi.input_terminated"] = True
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    for kept in ("stream", "content_length", "data", "form", "files", "values"):
        request.__dict__.pop(kept, None)


def put_query(request: Request, query: bytes) -> None:
    """Let the app read *query*."""
    request.environ["QUERY_STRING"] = query.decode("latin-1")
    request.query_string = query
    for kept in ("args", "values", "full_path", "url"):
        request.__dict__.pop(kept, None)


def members(
    value: Any, *, prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """Yield each member of a JSON *value* at any depth, its name written with dots.

    Members of what stands in a list are named as if they stood alone.

    Raises:
        Unreadable: if it is nested too deeply.
    """
    if depth > _MAX_DEPTH:
        raise Unreadable("nested-too-deeply")
    if isinstance(value, dict):
        for name, inner in value.items():
            yield prefix + name, inner
            yield from members(inner, prefix=f"{prefix}{name}.", depth=depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from members(inner, prefix=prefix or ".", depth=depth + 1)


def _take_body(request: Request) -> bytes:
    try:
        stream = get_input_stream(request.environ, max_content_length=MAX_BODY)
        data = stream.read()
    except HTTPException as error:
        raise Unreadable("body-too-large-or-cut-off") from error
    put_body(request, data)
    return data


def _odd_start(data: bytes) -> bool:
    """Whether *data* may be JSON in UTF-16 or UTF-32, or begins with a mark."""
    return b"\x00" in data[:4] or data[:3] == b"\xef\xbb\xbf" or data[:1] >= b"\xfe"


def _json(data: bytes) -> Any:
    try:
        # Decoded here: given bytes, the reader would guess at UTF-16 and UTF-32.
        return json.loads(
            data.decode(), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except Unreadable:
        raise
    except (ValueError, RecursionError) as error:
        raise Unreadable("not-json") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("member-twice")
    return found


def _no_constant(_name: str) -> Any:
    raise Unreadable("not-json")


def _form(request: Request, data: bytes) -> tuple[tuple[str, str], ...]:
    # A request of the same kind on the same bytes: parsed as the app will parse it.
    environ = {**request.environ, "wsgi.input": BytesIO(data)}
    try:
        with type(request)(environ) as probe:
            found = [*probe.form.items(multi=True)]
            files = probe.files.items(multi=True)
            found += [(name, file.filename or "file") for name, file in files]
    except HTTPException as error:
        raise Unreadable("not-a-form") from error
    if not found:
        raise Unreadable("not-a-form")
    return tuple(found)
