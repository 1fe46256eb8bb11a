"""The API described for programs: OpenAPI 3.1, made of the declarations."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from authz.web.api import problems
from authz.web.api.operation import Match, Operation
from authz.web.api.schema import Schema

_PART: Final = re.compile(r"<(?:\w+:)?(\w+)>")
_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "schema": {"type": "string"},
}
#: What each status of an error says.
MEANINGS: Final = {
    400: "The request is ambiguous or malformed.",
    401: "Nobody is signed in.",
    403: "The policy does not allow it, or the request came from another site.",
    404: "What the request names does not exist.",
    409: "It cannot be done as things stand; the problem's `type` says why.",
    412: "Somebody else changed it since; look at it again.",
    413: "The body is too large.",
    415: "The body is not `application/json`.",
    422: "The request does not have the form that is asked for, or the policy would be "
    "invalid; `errors` lists everything.",
    428: "`If-Match` is missing.",
    500: "The server made a mistake.",
    503: "A store or the audit log cannot be reached or written; nothing was changed.",
}


def document_of(operations: Iterable[Operation], *, prefix: str) -> dict[str, Any]:
    """Return the OpenAPI document of *operations*, served below *prefix*."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = _PART.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "authz admin API",
            "version": version("authz-casbin"),
            "description": "Rules, roles, people, tokens, decisions and history. Every "
            "request is decided by the policy that it may change.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": prefix}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": {"Problem": problems.SCHEMA},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-authz"},
            },
        },
    }


def errors_of(operation: Operation) -> tuple[int, ...]:
    """Return the statuses of every error that *operation* may answer."""
    errors = {400, 401, 403, 500, 503, *operation.errors}
    if operation.parts:
        errors |= {404, 422}
    if operation.query:
        errors.add(422)
    if operation.body is not None:
        errors |= {413, 415, 422}
    if operation.match is not Match.NONE:
        errors |= {412, 428}
    return tuple(sorted(errors))


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation),
        "responses": {
            str(status): _answer(operation, status, schema)
            for status, schema in operation.answers.items()
        }
        | {
            str(status): {
                "description": MEANINGS[status],
                "content": {"application/problem+json": {"schema": _PROBLEM}},
            }
            for status in errors_of(operation)
        },
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": operation.body}},
        }
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": part, "in": "path", "required": True, "schema": schema}
        for part, schema in operation.parts.items()
    ]
    found += [
        {
            "name": key,
            "in": "query",
            "required": key in operation.needed,
            "schema": schema,
        }
        for key, schema in operation.query.items()
    ]
    if operation.match is not Match.NONE:
        star = " `*` stands for any state." if operation.match is Match.ANY else ""
        what = f"The `ETag` of the state that was seen.{star}"
        found.append({**_IF_MATCH, "description": what})
    return found


def _answer(
    operation: Operation, status: int, schema: Schema | None
) -> Mapping[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if schema is not None:
        answer["content"] = {"application/json": {"schema": schema}}
    for other in operation.other_types:
        answer.setdefault("content", {})[other] = {"schema": {"type": "string"}}
    if operation.has_etag:
        answer["headers"] = {
            "ETag": {
                "description": "Names this state, for `If-Match`.",
                "required": True,
                "schema": {"type": "string"},
            }
        }
    if status == HTTPStatus.CREATED:
        answer.setdefault("headers", {})["Location"] = {
            "description": "Where it is.",
            "required": True,
            "schema": {"type": "string", "format": "uri-reference"},
        }
    return answer
