"""From a request to a checked call, and from a reply to a response."""

import json
import time
from collections.abc import Mapping
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Flask, Request, request
from werkzeug.wrappers import Response

from authz.admin.changes import ANY_STATE
from authz.admin.context import AdminContext
from authz.audit import EventTag
from authz.errors import AuthzError, StoreConflict
from authz.identity.source import RequestFacts
from authz.web.admin_context import current_actor
from authz.web.api.body import BadRequest, read_body
from authz.web.api.openapi import document_of
from authz.web.api.operation import Call, Match, Operation, Reply
from authz.web.api.problems import faulty, internal, problem_of
from authz.web.api.resources import OPERATIONS
from authz.web.api.schema import Fault, Schema, faults
from authz.web.rendering import new_request_id, protect_page
from authz.web.state import current_state

PREFIX: Final = "/api/v1"
_MAX_ETAG: Final = 200
#: Seconds that a change of any state is tried again because others were faster.
_CONTENDED: Final = 5.0


def api_blueprint(app: Flask, context: AdminContext) -> Blueprint:
    """Return the blueprint with the admin API of *app*."""
    prefix = context.settings.url_prefix + PREFIX
    blueprint = Blueprint("authz_api", "authz.web.api", url_prefix=prefix)
    for operation in OPERATIONS:
        blueprint.add_url_rule(
            operation.path,
            operation.id,
            partial(_answer, app, context, operation),
            methods=[operation.method],
        )
    blueprint.add_url_rule("/openapi.json", "openapi", partial(_openapi, prefix))
    return blueprint


@lru_cache(maxsize=4)
def _document(prefix: str) -> str:
    """Return what the API below *prefix* says of itself; made when it is asked for."""
    return json.dumps(document_of(OPERATIONS, prefix=prefix)) + "\n"


def _openapi(prefix: str) -> Response:
    return protect_page(Response(_document(prefix), content_type="application/json"))


def _answer(
    app: Flask, context: AdminContext, operation: Operation, **parts: str
) -> Response:
    """Answer a request; note one that was to change something and does not."""
    response = _answered(app, context, operation, **parts)
    if operation.changes and response.status_code >= HTTPStatus.BAD_REQUEST:
        said = json.loads(response.get_data())
        context.runtime.record(
            EventTag.API_REFUSED,
            facts=RequestFacts(request.environ),
            subject=current_state().subject.name,
            method=request.method,
            path=request.path,
            reason=str(said.get("type", "")).rpartition(":")[2],
            request_id=str(said.get("request_id", "")),
            detail={"status": str(response.status_code)},
        )
    return response


def _answered(
    app: Flask, context: AdminContext, operation: Operation, **parts: str
) -> Response:
    request_id = new_request_id()
    try:
        read = _read(request, operation, parts)
        if isinstance(read, tuple):
            return faulty(read, request_id=request_id)
        actor = current_actor(context.runtime, request_id=request_id)
        call = Call(context=context, actor=actor, parts=parts, **read)
        return _response(_run(operation, call), context)
    except AuthzError as error:
        return problem_of(error, request_id=request_id)
    except Exception:
        app.logger.exception("authz: the admin API failed (%s)", request_id)
        return internal(request_id=request_id)


def _run(operation: Operation, call: Call) -> Reply:
    """Run *operation*; for whoever takes any state, until nobody else is faster."""
    end = time.monotonic() + _CONTENDED
    while True:
        try:
            return operation.run(call)
        except StoreConflict:
            if call.match != ANY_STATE or time.monotonic() > end:
                raise


def _read(
    sent: Request, operation: Operation, parts: Mapping[str, str]
) -> dict[str, Any] | tuple[Fault, ...]:
    """Return what *sent* asks of *operation*, or everything that does not fit."""
    match = _match(sent, operation.match)
    found = [
        Fault(pointer=fault.pointer.replace("#", f"/{part}", 1), detail=fault.detail)
        for part, schema in operation.parts.items()
        for fault in faults(schema, parts[part])
    ]
    query, wrong = _query(sent, operation.query)
    found += wrong
    found += [
        Fault(pointer=f"?{key}", detail="is missing")
        for key in operation.needed
        if key not in query
    ]
    body: Any = {}
    if operation.body is not None:
        body = read_body(sent, most=operation.max_body)
        found += faults(operation.body, body)
    elif sent.content_length:
        raise BadRequest(400, "unexpected-body", "this operation takes no body")
    if found:
        return tuple(found)
    return {"query": query, "body": body, "match": match}


def _query(
    sent: Request, known: Mapping[str, Schema]
) -> tuple[dict[str, Any], list[Fault]]:
    query: dict[str, Any] = {}
    wrong: list[Fault] = []
    for key, texts in sent.args.lists():
        schema = known.get(key)
        where = f"?{key[:80]}"
        if schema is None:
            wrong.append(Fault(pointer=where, detail="there is no such parameter"))
            continue
        if schema["type"] == "array":
            value: Any = list(texts)
        elif len(texts) > 1:
            wrong.append(Fault(pointer=where, detail="is given more than once"))
            continue
        else:
            value = _value(texts[0], schema)
        wrong += [
            Fault(pointer=where, detail=fault.detail) for fault in faults(schema, value)
        ]
        query[key] = value
    return query, wrong


def _value(text: str, schema: Schema) -> Any:
    """Return *text* as the kind of value that *schema* asks for, if it can be one."""
    match schema["type"]:
        case "integer":
            plain = text.isascii() and text.isdecimal() and len(text) <= 15  # noqa: PLR2004
            return int(text) if plain else text
        case "boolean":
            return {"true": True, "false": False}.get(text, text)
        case _:
            return text


def _match(sent: Request, wanted: Match) -> str:
    """Return the etag that *sent* shows, if the operation asks for one."""
    if wanted is Match.NONE:
        return ""
    header = sent.headers.get("If-Match", "").strip()
    if not header:
        raise BadRequest(
            428,
            "if-match-required",
            "send the `ETag` of what you have seen as `If-Match`",
        )
    if header == "*":
        if wanted is Match.ANY:
            return "*"
        raise BadRequest(
            400, "if-match-star", "`If-Match: *` would replace what nobody has seen"
        )
    if header.startswith("W/"):
        raise BadRequest(412, "stale", "a weak `ETag` says nothing about the content")
    inner = header[1:-1]
    if len(header) < 3 or header[0] + header[-1] != '""' or '"' in inner:  # noqa: PLR2004
        raise BadRequest(400, "bad-if-match", "`If-Match` is not one quoted `ETag`")
    if len(inner) > _MAX_ETAG:
        raise BadRequest(412, "stale", "there was never such an `ETag`")
    return inner


def _response(reply: Reply, context: AdminContext) -> Response:
    if reply.text is not None:
        body: str = reply.text
    elif reply.document is None:
        body = ""
    else:
        body = json.dumps(reply.document) + "\n"
    response = Response(body, status=reply.status, content_type=reply.content_type)
    if not body:
        response.headers.pop("Content-Type", None)
    if reply.etag:
        response.headers["ETag"] = f'"{reply.etag}"'
    if reply.location:
        response.headers["Location"] = (
            request.script_root + context.settings.url_prefix + PREFIX + reply.location
        )
    return protect_page(response)
