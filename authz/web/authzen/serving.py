"""AuthZEN over HTTP: from a request to an answer, to the letter (AuthZEN 1.0, 10)."""

from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from flask import Blueprint, Flask, request
from werkzeug.wrappers import Response

from authz.admin.context import AdminContext
from authz.audit import EventTag
from authz.errors import AuthzError
from authz.identity.source import RequestFacts
from authz.settings.authzen import ACCESS
from authz.web.api import problems
from authz.web.api.body import BadRequest, read_body
from authz.web.api.openapi import MEANINGS
from authz.web.api.problems import internal, problem_of
from authz.web.authzen.meaning import Pdp, Verdict
from authz.web.authzen.operations import OPERATIONS, Asking, Operation
from authz.web.authzen.questions import check
from authz.web.authzen.search import Search
from authz.web.guarded_views import public
from authz.web.hook import Hook
from authz.web.rendering import json_page, new_request_id
from authz.web.state import current_state

WELL_KNOWN: Final = "/.well-known/authzen-configuration"
_REQUEST_ID: Final = "X-Request-ID"
_CHALLENGE: Final = 'Bearer realm="authz"'
#: Clients may keep the metadata for so long, in seconds.
_KEPT: Final = 300
#: An id of a request is kept in the audit log as far as this.
_MAX_ID: Final = 200


def authzen_blueprint(app: Flask, context: AdminContext, hook: Hook) -> Blueprint:
    """Return the blueprint with the AuthZEN API of *app*."""
    settings = context.settings.authzen
    pdp = Pdp(app, context, hook, settings.table)
    serving = _Serving(app, context, pdp)
    blueprint = Blueprint("authz_authzen", "authz.web.authzen")
    for operation in OPERATIONS:
        blueprint.add_url_rule(
            settings.access + operation.path,
            operation.id,
            partial(serving.answer, operation),
            methods=["POST"],
        )
    add = blueprint.add_url_rule
    document = openapi_document(settings.access)
    # Not the standard's: what rules say of it is about whom may be asked.
    add(
        f"{settings.access}/about/<path:name>", "about", serving.about, methods=["POST"]
    )
    add(f"{settings.access}/openapi.json", "openapi", partial(json_page, document))
    add(WELL_KNOWN + settings.known_path, "metadata", serving.metadata)
    blueprint.after_app_request(serving.identified)
    return blueprint


class _Serving:
    """Answers requests to the AuthZEN API of one app."""

    def __init__(self, app: Flask, context: AdminContext, pdp: Pdp) -> None:
        self._app = app
        self._context = context
        self._settings = context.settings.authzen
        self._pdp = pdp
        self._search = Search(context, pdp)

    def answer(self, operation: Operation) -> Response:
        """Answer a request, and note it if it was none that can be answered."""
        request_id = new_request_id()
        try:
            return json_page(self._answered(operation))
        except BadRequest as error:
            response = problem_of(_in_terms(error), request_id=request_id)
            reason = error.reason
        except AuthzError as error:
            response, reason = problem_of(error, request_id=request_id), "internal"
        except Exception:
            self._app.logger.exception("authz: AuthZEN failed (%s)", request_id)
            reason = "internal"
            response = internal(request_id=request_id)
        self._context.runtime.record(
            EventTag.API_REFUSED,
            facts=RequestFacts(request.environ),
            subject=current_state().subject.name,
            method=request.method,
            path=request.path,
            reason=reason,
            request_id=request_id,
            detail={"status": str(response.status_code), **_named_by_client()},
        )
        return response

    def _answered(self, operation: Operation) -> dict[str, Any]:
        caller = current_state().subject
        if not caller.name.startswith("token:"):
            raise BadRequest(403, "no-token", "only a program with an API token asks")
        body = read_body(request, most=operation.max_body)
        check(operation.body, body)
        asking = Asking(
            pdp=self._pdp,
            search=self._search,
            caller=caller,
            body=body,
            tell=self._tell,
        )
        return operation.run(asking)

    def _tell(self, verdict: Verdict) -> None:
        """Write down what was denied, and what was allowed where that is written."""
        runtime, asked = self._context.runtime, verdict.asked
        allowed = verdict.allowed
        if allowed and not runtime.settings.audit_allows:
            return
        tag = EventTag.DECISION_ALLOW if allowed else EventTag.DECISION_DENY
        facts = RequestFacts(request.environ)
        caller = current_state().subject.name
        detail = {"asked_by": caller, **_named_by_client()}
        if asked is not None and verdict.decision is not None:
            runtime.record_decision(
                tag, asked, verdict.decision, facts=facts, detail=detail
            )
            return
        runtime.record(
            tag,
            facts=facts,
            subject="" if asked is None else asked.subject.name,
            method="" if asked is None else asked.method,
            path="" if asked is None else asked.path,
            reason=verdict.why,
            revision=runtime.policy.revision,
            detail=detail,
        )

    def about(self, name: str) -> Response:  # noqa: ARG002 - the hook has decided
        """Say that the caller may ask about somebody: whoever may not is not here."""
        return json_page({"decision": True})

    @public
    def metadata(self) -> Response:
        """Say what there is, and where (AuthZEN 1.0, 9)."""
        settings = self._settings
        url = settings.url or (
            f"https://{request.host}{request.script_root}{settings.prefix}"
        )
        ends = {each.parameter: f"{url}{ACCESS}{each.path}" for each in OPERATIONS}
        response = json_page({"policy_decision_point": url, **ends})
        response.headers["Cache-Control"] = f"max-age={_KEPT}"
        return response

    def identified(self, response: Response) -> Response:
        """Give an answer of these paths, a refusal too, the id that was sent."""
        if request.path.startswith((f"{self._settings.access}/", WELL_KNOWN)):
            sent = request.headers.get(_REQUEST_ID)
            if sent is not None:
                response.headers[_REQUEST_ID] = sent
            if response.status_code == HTTPStatus.UNAUTHORIZED:
                response.headers["WWW-Authenticate"] = _CHALLENGE
        return response


def openapi_document(prefix: str) -> dict[str, Any]:
    """Return the OpenAPI document of the operations, served below *prefix*."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OpenID AuthZEN Authorization API 1.0",
            "version": version("authz-casbin"),
            "description": "Programs ask the policy in the words of the standard. Each "
            "request is decided by the policy, and so is about whom it asks.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": prefix}],
        "security": [{"token": []}],
        "paths": {each.path: {"post": _described(each)} for each in OPERATIONS},
        "components": {
            "schemas": {"Problem": problems.SCHEMA},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    refusal = {"$ref": "#/components/schemas/Problem"}
    answers: dict[str, Any] = {
        "200": {
            "description": "The answer; a denial is one too.",
            "content": {"application/json": {"schema": operation.answer}},
        }
    }
    for status in (400, 401, 403, 413, 500, 503):
        answers[str(status)] = {
            "description": MEANINGS[status],
            "content": {"application/problem+json": {"schema": refusal}},
        }
    for answer in answers.values():
        answer["headers"] = {
            _REQUEST_ID: {
                "description": "What the request had there.",
                "schema": {"type": "string"},
            }
        }
    return {
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": [
            {
                "name": _REQUEST_ID,
                "in": "header",
                "required": False,
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": operation.body}},
        },
        "responses": answers,
    }


def _in_terms(error: BadRequest) -> BadRequest:
    """Return *error* with the status that the standard has for it (10.1.2)."""
    if error.status != HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        return error
    return BadRequest(400, error.reason, str(error))


def _named_by_client() -> dict[str, str]:
    """Return what the client calls the request, for the audit log."""
    sent = request.headers.get(_REQUEST_ID, "")[:_MAX_ID]
    return {"x_request_id": sent} if sent else {}
