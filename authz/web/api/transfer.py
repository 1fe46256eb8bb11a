"""`/export` and `/import`: the whole policy at once."""

from typing import Final

from authz.admin.changes import apply, preview
from authz.admin.transfer import Form, Mode, exported, imported
from authz.errors import StoreConflict
from authz.web.api.changes import PREVIEW, REVISION, preview_document, revision_document
from authz.web.api.operation import KILOBYTE, Call, Match, Operation, Reply
from authz.web.api.schema import choice, record
from authz.web.api.schemas import WHY

_MAX_IMPORT: Final = 8 * 1024 * KILOBYTE
_FORM: Final = choice("How the policy is written down.", *Form)
_IMPORT: Final = {
    "format": _FORM,
    "content": {"type": "string", "description": "The policy, in that format."},
    "mode": choice("Whether what is there goes or stays.", *Mode),
}
_TYPES: Final = {
    Form.CSV: "text/csv; charset=utf-8",
    Form.JSON: "application/json",
    Form.CASBIN_RULE: "text/csv; charset=utf-8",
}


def _export(call: Call) -> Reply:
    form = Form(call.query.get("format", Form.CSV))
    now = call.context.records.snapshot()
    return Reply(text=exported(now, form), content_type=_TYPES[form], etag=now.etag)


def _preview(call: Call) -> Reply:
    body = call.body
    draft = imported(
        call.context, body["content"], Form(body["format"]), Mode(body["mode"])
    )
    seen = preview(call.context, call.actor, draft)
    return Reply(document=preview_document(call, seen), etag=seen.etag)


def _import(call: Call) -> Reply:
    body = call.body
    draft = imported(
        call.context, body["content"], Form(body["format"]), Mode(body["mode"])
    )
    if draft.base != call.match:
        raise StoreConflict("somebody else changed the policy", "look at it again")
    revision = apply(call.context, call.actor, draft, note=body["why"])
    return Reply(document=revision_document(revision), etag=revision.etag)


OPERATIONS: Final = (
    Operation(
        id="export_policy",
        method="GET",
        path="/export",
        summary="The whole policy as a policy file, as JSON or as a table",
        run=_export,
        query={"format": _FORM},
        answers={
            200: {
                "type": "object",
                "description": "With `format=json`: every entry, for the import.",
            }
        },
        other_types=("text/csv",),
        has_etag=True,
    ),
    Operation(
        id="preview_import",
        method="POST",
        path="/import/preview",
        summary="See what an import would do; nothing is changed",
        run=_preview,
        body=record(_IMPORT),
        answers={200: PREVIEW},
        has_etag=True,
        max_body=_MAX_IMPORT,
    ),
    Operation(
        id="import_policy",
        method="POST",
        path="/import",
        summary="Bring a policy into the store, all of it or nothing",
        run=_import,
        body=record({**_IMPORT, "why": WHY}),
        answers={200: REVISION},
        has_etag=True,
        match=Match.SEEN,
        errors=(404, 409),
        max_body=_MAX_IMPORT,
    ),
)
