"""`/audit`: what happened, and whether somebody touched the record of it."""

import threading
from typing import Any, Final

from authz.admin.reach import tells
from authz.audit.log import AuditLog, Wanted
from authz.errors import NotFound
from authz.per_process import PerProcess
from authz.web.api.body import BadRequest
from authz.web.api.operation import Call, Operation, Reply
from authz.web.api.schema import array, flag, moment, nullable, number, record, text
from authz.web.api.schemas import LIMIT, NO_AUDIT_LOG, read_moment

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
_VERIFIED: Final = record(
    {
        "sound": flag("Whether the chain is whole, from the first record to the last."),
        "records": number("How many records were followed."),
        "first": number("The number of the first record that is kept."),
        "last": number("The number of the last record."),
        "head": text("Its hash: note it elsewhere, and ask for it later.", most=64),
        "problems": array(
            text("What is wrong, and where.", most=4096), "Empty if it is sound."
        ),
    }
)
_turn: Final = PerProcess(threading.Lock)


def _list(call: Call) -> Reply:
    log = _log(call)
    query = call.query
    wanted = Wanted(
        event=query.get("event", ""),
        subject=query.get("subject", ""),
        about=query.get("about", ""),
        path=query.get("path", ""),
        request_id=query.get("request_id", ""),
        denied=query.get("denied", False),
        changes=query.get("changes", False),
        since=read_moment(query.get("since")),
        until=read_moment(query.get("until")),
    )
    found = log.find(wanted, limit=query.get("limit", 50), before=query.get("before"))
    reach = call.reach
    document: dict[str, Any] = {
        # A page may be short for who sees some scopes only; the next one goes on.
        "items": [
            dict(found)
            for found in found.records
            if reach.is_all or tells(reach, found)
        ],
        "next_before": found.next_before,
    }
    return Reply(document=document)


def _verify(call: Call) -> Reply:
    log = _log(call)
    # The whole log is read: one at a time, in each process.
    turn = _turn()
    if not turn.acquire(blocking=False):
        raise BadRequest(503, "busy", "the log is being verified: try again later")
    try:
        found = log.verify(head=call.query.get("head", ""))
    finally:
        turn.release()
    return Reply(
        document={
            "sound": not found.problems,
            "records": found.count,
            "first": found.first,
            "last": found.link.number,
            "head": found.link.head,
            "problems": list(found.problems),
        }
    )


def _log(call: Call) -> AuditLog:
    log = call.context.runtime.audit_log
    if log is None:
        raise NotFound(NO_AUDIT_LOG)
    return log


OPERATIONS: Final = (
    Operation(
        id="list_audit",
        method="GET",
        path="/audit",
        summary="What happened, the newest first",
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
    Operation(
        id="verify_audit",
        method="GET",
        path="/audit/verify",
        summary="Follow the chain of the audit log from its first record to its last",
        run=_verify,
        query={
            "head": text(
                "A hash that must be in the log.",
                least=64,
                most=64,
                pattern="^[0-9a-f]{64}$",
            )
        },
        answers={200: _VERIFIED},
        errors=(404,),
    ),
)
