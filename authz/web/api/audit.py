"""`/audit`: what happened."""

from datetime import datetime
from typing import Any, Final

from authz.audit.log import Wanted
from authz.errors import NotFound
from authz.web.api.body import BadRequest
from authz.web.api.operation import Call, Operation, Reply
from authz.web.api.parts import LIMIT
from authz.web.api.schema import array, flag, moment, nullable, number, record, text

_RECORD: Final = {
    "type": "object",
    "description": "One event, as the log holds it; see the reference of events.",
    "properties": {
        "seq": number("Its number."),
        "at": moment("When."),
        "event": text("What kind of event it is."),
        "subject": text("Who asked or acted.", most=2048),
    },
    "required": ["seq", "at", "event"],
}
_FOUND: Final = record(
    {
        "items": array(_RECORD, "The newest first."),
        "next_before": nullable(number("Where to go on, as `before`; or null.")),
    }
)


def _list(call: Call) -> Reply:
    log = call.office.runtime.audit_log
    if log is None:
        raise NotFound("there is no audit log to look through: set AUTHZ_AUDIT_FILE")
    query = call.query
    wanted = Wanted(
        event=query.get("event", ""),
        subject=query.get("subject", ""),
        about=query.get("about", ""),
        path=query.get("path", ""),
        request_id=query.get("request_id", ""),
        denied=query.get("denied", False),
        changes=query.get("changes", False),
        since=_moment(query.get("since")),
        until=_moment(query.get("until")),
    )
    found = log.find(wanted, limit=query.get("limit", 50), before=query.get("before"))
    document: dict[str, Any] = {
        "items": [dict(found) for found in found.records],
        "next_before": found.next_before,
    }
    return Reply(document=document)


def _moment(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(given)
    except ValueError as error:
        raise BadRequest(422, "does-not-fit", "a time is not RFC 3339") from error
    if at.tzinfo is None:
        raise BadRequest(422, "does-not-fit", "a time has no zone: write `...Z`")
    return at


OPERATIONS: Final = (
    Operation(
        id="list_audit",
        method="GET",
        path="/audit",
        summary="What happened, the newest first",
        tag="Audit",
        run=_list,
        query={
            "limit": LIMIT,
            "before": number("Only records below this number.", least=1),
            "event": text("The beginning of the event: `policy`, `decision:deny`."),
            "subject": text("Only what this name did."),
            "about": text("Only changes of this: `policy`, `user:alice`."),
            "path": text("The beginning of the path.", most=1024),
            "request_id": text("The number on a refusal page.", most=40),
            "denied": flag("Only what was refused."),
            "changes": flag("Only what administrators changed, or tried to."),
            "since": moment("From this moment."),
            "until": moment("Before this moment."),
        },
        answers={200: _FOUND},
        errors=(404,),
    ),
)
