"""`/decisions/simulate`: a draft held against what really happened."""

from typing import Any, Final

from authz.admin.decisions import policy_for
from authz.admin.impact import MAX_REPLAYED, replayed
from authz.audit.log import Wanted
from authz.errors import NotFound
from authz.policy.analysis.simulate import Replay
from authz.web.api.changes import CHANGES, draft_of
from authz.web.api.operation import KILOBYTE, Call, Operation, Reply
from authz.web.api.schema import array, flag, moment, number, record, text
from authz.web.api.schemas import NO_AUDIT_LOG, read_moment

_SHIFT: Final = record(
    {
        "subject": text("Who asked.", most=4096),
        "method": text("The method.", most=4096),
        "path": text("The path.", most=65536),
        "allowed": flag("Whether it would be allowed; it was not, or the reverse."),
        "times": number("How often it was asked."),
    }
)
_REPLAY: Final = record(
    {
        "revision": text("The revision of the policy that answered."),
        "decisions": number("How many recorded decisions were made again."),
        "same": number("How many come out as they did."),
        "newly_allowed": number("How many would be allowed that were denied."),
        "newly_denied": number("How many would be denied that were allowed."),
        "skipped": number("Records that tell too little to decide again."),
        "shifts": array(_SHIFT, "What comes out otherwise, the most frequent first."),
    }
)
#: Requests that an answer lists; the figures count all.
_SHOWN: Final = 200


def _simulate(call: Call) -> Reply:
    body = call.body
    wanted = Wanted(
        event="decision",
        subject=body.get("subject", ""),
        path=body.get("path", ""),
        since=read_moment(body.get("since")),
        until=read_moment(body.get("until")),
    )
    draft = draft_of(call) if "changes" in body else None
    policy = policy_for(call.context, call.actor, draft)
    result = replayed(call.context, wanted, policy)
    if result is None:
        raise NotFound(NO_AUDIT_LOG)
    return Reply(document={"revision": policy.revision, **_document(result)})


def _document(result: Replay) -> dict[str, Any]:
    return {
        "decisions": result.total,
        "same": result.same,
        "newly_allowed": result.opened,
        "newly_denied": result.closed,
        "skipped": result.skipped,
        "shifts": [
            {
                "subject": shift.subject,
                "method": shift.method,
                "path": shift.path,
                "allowed": shift.opens,
                "times": shift.times,
            }
            for shift in result.shifts[:_SHOWN]
        ],
    }


OPERATIONS: Final = (
    Operation(
        id="simulate",
        method="POST",
        path="/decisions/simulate",
        summary=f"Decide the last {MAX_REPLAYED:,} recorded requests again, under the "
        "policy or a draft",
        run=_simulate,
        body=record(
            {},
            {
                "changes": CHANGES,
                "subject": text("Only what this name asked.", most=2048),
                "path": text("The beginning of the path.", most=1024),
                "since": moment("From this moment."),
                "until": moment("Before this moment."),
            },
        ),
        answers={200: _REPLAY},
        errors=(404,),
        max_body=1024 * KILOBYTE,
    ),
)
